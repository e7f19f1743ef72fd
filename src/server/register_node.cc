#include "server/register_node.h"

#include <atomic>
#include <map>
#include <utility>

#include "api/register/api.h"
#include "env_posix/entropy.h"
#include "server/damage_report.h"
#include "server/join.h"
#include "server/node_config.h"
#include "server/node_home.h"
#include "server/serve.h"
#include "state/register/register.h"
#include "storage/memory_record_store.h"
#include "storage/memory_records.h"

namespace quorate::server {
namespace {

constexpr GroupId kGroup(1);
constexpr Duration kStopCheckInterval = std::chrono::milliseconds(50);
constexpr Duration kFarewell = std::chrono::milliseconds(100);
constexpr Duration kReadyPatience = std::chrono::seconds(3);

}  // namespace

/// In order of construction; destroyed from the last to the first.
struct RegisterNode::Parts {
  NodeHome home;
  env_posix::SystemEntropy entropy;
  storage::MemoryRecords no_records;  ///< cells are kept by the log alone
  std::unique_ptr<storage::MemoryRecordStore> records;
  std::unique_ptr<env_posix::TcpTransport> transport;
  std::unique_ptr<service::RegisterService> service;
  std::unique_ptr<write_once::Register> keys;
  std::unique_ptr<group::Host> host;
  std::unique_ptr<register_api::Api> api;
  std::unique_ptr<ClientListener> clients;
  std::unique_ptr<env_posix::TcpTransport> client_transport;
  std::map<std::string_view, std::uint64_t> traces;
  std::atomic<bool> stop_asked{false};
};

RegisterNode::RegisterNode(ServeOptions options, const consensus::Protocol& protocol, ClusterIdentity identity,
                           EventLog& log)
    : options_(std::move(options)),
      protocol_(protocol),
      identity_(std::move(identity)),
      log_(log),
      parts_(std::make_unique<Parts>()) {}

RegisterNode::~RegisterNode() {
  parts_->client_transport.reset();
  parts_->clients.reset();
  parts_->api.reset();
  parts_->host.reset();
}

Result<std::unique_ptr<RunningNode>> RegisterNode::open(ServeOptions options, const consensus::Protocol& protocol,
                                                        EventLog& log) {
  if (options.groups != 1) {
    return fail(ErrorCode::invalid, "--groups " + std::to_string(options.groups) + ": a cluster of " +
                                        std::string(protocol.name()) + " has one register; leave it out");
  }
  Result<ClusterIdentity> identity = find_identity(options, protocol, log);
  if (!identity) {
    return std::unexpected(identity.error());
  }
  if (!identity->founded) {
    return fail(ErrorCode::invalid, "the members of a cluster of " + std::string(protocol.name()) +
                                        " are fixed when it is founded: a node cannot join later; found a new cluster "
                                        "with all of them in --initial-cluster");
  }
  std::unique_ptr<RegisterNode> node(new RegisterNode(std::move(options), protocol, std::move(*identity), log));
  Result<NodeHome> home = open_home(node->options_, node->identity_, protocol, log);
  if (!home) {
    return std::unexpected(home.error());
  }
  node->parts_->home = std::move(*home);
  QUORATE_TRY(node->open_group());
  QUORATE_TRY(node->open_front_end());
  return node;
}

Status RegisterNode::open_group() {
  env_posix::EventLoop& loop = *parts_->home.loop;
  parts_->records = std::make_unique<storage::MemoryRecordStore>(parts_->no_records, loop, loop, parts_->entropy);
  parts_->transport = std::make_unique<env_posix::TcpTransport>(loop);
  const group::Environment environment{
      loop, loop, parts_->entropy, *parts_->home.files, *parts_->transport, *parts_->records, *this};
  Result<std::unique_ptr<group::Host>> host =
      group::Host::open(host_config_of(options_, identity_, protocol_, parts_->home.life), environment, *this);
  if (!host) {
    return std::unexpected(host.error());
  }
  parts_->host = std::move(*host);
  parts_->service = std::make_unique<service::RegisterService>(
      service::RegisterConfig{.max_value_bytes = options_.max_request_bytes}, loop, loop);
  parts_->keys = std::make_unique<write_once::Register>(*parts_->service);
  QUORATE_TRY(parts_->host->add_group({kGroup, protocol_.cores, core_config_of(options_, identity_)}, *parts_->keys,
                                      *parts_->service));
  parts_->service->attach(parts_->host->replica(kGroup), *parts_->keys);
  const storage::Recovery& recovery = parts_->host->recovery();
  log_.info("log recovered",
            {{"frames", std::to_string(recovery.frames)}, {"torn_bytes", std::to_string(recovery.torn_bytes)}});
  report_damage(recovery, log_);
  if (const consensus::CoreStatus status = parts_->host->replica(kGroup).status();
      status.loss.kind != consensus::Loss::Kind::none) {
    report_loss(kGroup, status, log_);
  }
  return {};
}

Status RegisterNode::open_front_end() {
  env_posix::EventLoop& loop = *parts_->home.loop;
  parts_->api =
      std::make_unique<register_api::Api>(*parts_->service, loop, [this] { return metrics_text(); }, version_text());
  parts_->clients = std::make_unique<ClientListener>(client_limits_of(options_), *parts_->api, *parts_->api, loop, loop,
                                                     kMaxClientConnections);
  parts_->client_transport = std::make_unique<env_posix::TcpTransport>(loop);
  QUORATE_TRY(listen_for_clients(options_, *parts_->client_transport, *parts_->clients, log_));
  return parts_->host->start();
}

// ---- running --------------------------------------------------------------------------------------------

Status RegisterNode::run() {
  ask_majority(0);
  watch_for_stop(0);
  parts_->home.loop->run();
  if (ended_) {
    log_.info("stopped");
  }
  return ended_;
}

void RegisterNode::ask_majority(std::uint64_t) {
  parts_->api->ask_majority(kReadyPatience, service::RegisterAnswerTo::to<&RegisterNode::on_majority>(this));
}

void RegisterNode::on_majority(std::uint64_t, const service::RegisterAnswer& answer) {
  using Outcome = service::RegisterAnswer::Outcome;
  if (answer.outcome == Outcome::decided || answer.outcome == Outcome::not_decided) {
    log_.info("ready to serve client requests", {{"keys", std::to_string(parts_->keys->size())}});
    return;
  }
  std::size_t reachable = 1;
  for (const peer::LinkStatus& link : parts_->host->links()) {
    reachable += link.up ? 1 : 0;
  }
  log_.warn("waiting for a majority",
            {{"reachable", std::to_string(reachable) + " of " + std::to_string(identity_.members.size()) + ", need " +
                               std::to_string(identity_.members.size() / 2 + 1)}});
  (void)parts_->home.loop->arm(parts_->home.loop->now() + kStopCheckInterval,
                               Callback<>::to<&RegisterNode::ask_majority>(this));
}

void RegisterNode::stop() noexcept { parts_->stop_asked = true; }

/// A signal handler may do almost nothing, so the loop looks for its mark.
void RegisterNode::watch_for_stop(std::uint64_t) {
  if (!parts_->stop_asked) {
    (void)parts_->home.loop->arm(parts_->home.loop->now() + kStopCheckInterval,
                                 Callback<>::to<&RegisterNode::watch_for_stop>(this));
    return;
  }
  log_.info("stopping", {{"why", "asked by a signal"}});
  parts_->clients->shut_down();
  (void)parts_->home.loop->arm(parts_->home.loop->now() + kFarewell, Callback<>::to<&RegisterNode::leave_loop>(this));
}

void RegisterNode::leave_loop(std::uint64_t) { parts_->home.loop->stop(); }

void RegisterNode::on_stopped(const Error& why) {
  log_.error("this node cannot go on", {{"error", why.text}});
  ended_ = std::unexpected(why);
  parts_->home.loop->stop();
}

void RegisterNode::on_peer_rejected(NodeId node, std::string_view why) {
  log_.warn("peer rejected", {{"member", hex_id(node.value())}, {"why", std::string(why)}});
}

void RegisterNode::trace(const TraceEvent& event) { ++parts_->traces[event.name]; }

std::string RegisterNode::metrics_text() const {
  const storage::LogStats& log = parts_->host->log_stats();
  std::string text;
  const auto figure = [&text](std::string_view name, std::string_view type, std::uint64_t value) {
    text += "# TYPE " + std::string(name) + " " + std::string(type) + "\n" + std::string(name) + " " +
            std::to_string(value) + "\n";
  };
  figure("quorate_register_keys", "gauge", parts_->keys->size());
  figure("quorate_register_pending_requests", "gauge", parts_->service->pending());
  figure("quorate_log_syncs_total", "counter", log.syncs);
  figure("quorate_log_frames_total", "counter", log.frames);
  figure("quorate_log_bytes_written_total", "counter", log.bytes_written);
  figure("quorate_log_live_segments", "gauge", log.live_segments);
  text += "# TYPE quorate_events_total counter\n";
  for (const auto& [name, count] : parts_->traces) {
    text += "quorate_events_total{event=\"" + std::string(name) + "\"} " + std::to_string(count) + "\n";
  }
  return text;
}

}  // namespace quorate::server
