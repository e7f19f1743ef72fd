#include "server/node_metrics.h"

#include "api/etcd/version.h"
#include "server/identity.h"
#include "server/metrics.h"
#include "service/watch_hub.h"

namespace quorate::server {
namespace {

constexpr std::string_view kCodeNames[] = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

void add_server(Metrics& metrics, const NodeFigures& figures) {
  const consensus::CoreStatus status = figures.service->status();
  metrics.gauge("etcd_server_has_leader", "Whether or not a leader exists. 1 is existence, 0 is not.",
                status.leader.is_none() ? 0 : 1);
  metrics.gauge("etcd_server_is_leader", "Whether or not this member is a leader. 1 if is, 0 otherwise.",
                status.role == consensus::Role::leader ? 1 : 0);
  metrics.gauge("etcd_server_is_learner", "Whether or not this member is a learner. 1 if is, 0 otherwise.",
                status.role == consensus::Role::learner ? 1 : 0);
  metrics.counter("etcd_server_leader_changes_seen_total", "The number of leader changes seen.",
                  static_cast<double>(figures.leader_changes));
  metrics.gauge("etcd_server_proposals_committed_total", "The total number of consensus proposals committed.",
                static_cast<double>(status.commit.value()));
  metrics.gauge("etcd_server_quota_backend_bytes", "Current backend storage quota size in bytes.",
                static_cast<double>(figures.quota_bytes));
  metrics.gauge("etcd_server_version", "Which version is running. 1 for 'server_version' label with current version.",
                1, {{"server_version", std::string(etcd::kServerVersion)}});
  metrics.gauge("etcd_server_id", "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.",
                1, {{"server_id", hex_id(figures.self.value())}});
}

void add_store(Metrics& metrics, const NodeFigures& figures) {
  const kv::Store& store = figures.service->store();
  metrics.gauge("etcd_mvcc_db_total_size_in_bytes",
                "Total size of the underlying database physically allocated in bytes.",
                static_cast<double>(figures.engine_bytes));
  metrics.gauge("etcd_mvcc_db_total_size_in_use_in_bytes",
                "Total size of the underlying database logically in use in bytes.",
                static_cast<double>(store.size_bytes()));
  metrics.gauge("etcd_debugging_mvcc_current_revision", "The current revision of store.",
                static_cast<double>(store.revision()));
  metrics.gauge("etcd_debugging_mvcc_compact_revision", "The revision of the last compaction in store.",
                static_cast<double>(store.compact_revision()));
  metrics.gauge("etcd_debugging_mvcc_keys_total", "Total number of keys.", static_cast<double>(store.key_count()));
}

void add_disk(Metrics& metrics, const NodeFigures& figures) {
  metrics.summary_of("etcd_disk_wal_fsync_duration_seconds", "The latency distributions of write and sync of the log.",
                     figures.files->syncs.load(), static_cast<double>(figures.files->sync_nanoseconds.load()) / 1e9);
  metrics.counter("quorate_log_syncs_on_loop_total", "Of the log's syncs those that woke no thread.",
                  static_cast<double>(figures.files->syncs_on_loop.load()));
  metrics.gauge("etcd_disk_wal_write_bytes_total", "Total number of bytes written in WAL.",
                static_cast<double>(figures.log.bytes_written));
  metrics.counter("quorate_log_frames_total", "Frames written to the log.", static_cast<double>(figures.log.frames));
  metrics.gauge("quorate_log_damaged_places", "Places of the log that did not read at start.",
                static_cast<double>(figures.damaged_places));
  metrics.gauge("quorate_groups_in_repair", "Groups whose replica here has lost something that others must send.",
                static_cast<double>(figures.groups_in_repair));
  metrics.gauge("quorate_log_live_segments", "Segments that hold live data.",
                static_cast<double>(figures.log.live_segments));
}

void add_stages(Metrics& metrics, const NodeFigures& figures) {
  for (std::size_t i = 0; i < group::PutStages::kNames.size(); ++i) {
    const group::PutStages::Sum& sum = figures.stages->sums()[i];
    metrics.summary_of("quorate_put_stage_seconds", "Where a put's time goes, of the batches that were watched.",
                       sum.count, std::chrono::duration<double>(sum.total).count(),
                       {{"stage", std::string(group::PutStages::kNames[i])}});
  }
}

void add_network(Metrics& metrics, const NodeFigures& figures) {
  for (const peer::LinkStatus& link : figures.links) {
    const std::string peer = hex_id(link.node.value());
    metrics.gauge("etcd_network_active_peers", "The current number of active peer connections.", link.up ? 1 : 0,
                  {{"Local", hex_id(figures.self.value())}, {"Remote", peer}});
    metrics.counter("etcd_network_peer_sent_bytes_total", "The total number of bytes sent to peers.",
                    static_cast<double>(link.sent_bytes), {{"To", peer}});
    metrics.counter("etcd_network_peer_received_bytes_total", "The total number of bytes received from peers.",
                    static_cast<double>(link.received_bytes), {{"From", peer}});
    metrics.gauge("quorate_peer_round_trip_seconds", "Of the last heartbeat.",
                  std::chrono::duration<double>(link.round_trip).count(), {{"To", peer}});
  }
  metrics.gauge("quorate_client_connections", "Open client connections.", static_cast<double>(figures.connections));
}

void add_calls(Metrics& metrics, const NodeFigures& figures) {
  for (const etcd::MethodStats& stats : figures.methods) {
    const Metrics::Labels labels = {{"grpc_method", std::string(stats.method)},
                                    {"grpc_service", std::string(stats.service)},
                                    {"grpc_type", std::string(stats.type)}};
    metrics.counter("grpc_server_started_total", "Total number of RPCs started on the server.",
                    static_cast<double>(stats.started), labels);
    metrics.counter("grpc_server_msg_received_total", "Total number of RPC stream messages received on the server.",
                    static_cast<double>(stats.received), labels);
    metrics.counter("grpc_server_msg_sent_total", "Total number of gRPC stream messages sent by the server.",
                    static_cast<double>(stats.sent), labels);
    for (std::size_t code = 0; code < stats.handled.size(); ++code) {
      if (code == 0 || stats.handled[code] > 0) {
        Metrics::Labels with_code = labels;
        with_code.insert(with_code.begin(), {"grpc_code", std::string(kCodeNames[code])});
        metrics.counter("grpc_server_handled_total", "Total number of RPCs completed on the server.",
                        static_cast<double>(stats.handled[code]), std::move(with_code));
      }
    }
  }
}

}  // namespace

std::string write_node_metrics(const NodeFigures& figures) {
  Metrics metrics;
  add_server(metrics, figures);
  add_store(metrics, figures);
  add_disk(metrics, figures);
  add_stages(metrics, figures);
  add_network(metrics, figures);
  add_calls(metrics, figures);
  for (const auto& [name, count] : *figures.traces) {
    metrics.counter("quorate_trace_total", "How often a named branch of the node was taken.",
                    static_cast<double>(count), {{"branch", std::string(name)}});
  }
  metrics.add_process();
  return metrics.text();
}

}  // namespace quorate::server
