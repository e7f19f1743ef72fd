#include "server/node.h"

#include <algorithm>
#include <atomic>
#include <map>

#include "api/etcd/api.h"
#include "api/etcd/version.h"
#include "api/http/pages.h"
#include "consensus/contract/membership_codec.h"
#include "engine_rocksdb/rocksdb_store.h"
#include "env_posix/entropy.h"
#include "server/announced_group.h"
#include "server/damage_report.h"
#include "server/join.h"
#include "server/node_config.h"
#include "server/node_home.h"
#include "server/node_metrics.h"
#include "server/peer_probes.h"
#include "server/readiness.h"
#include "service/kv_service.h"
#include "state/kv/store.h"
#include "storage/memory_record_store.h"
#include "storage/memory_records.h"

namespace quorate::server {
namespace {

constexpr const char* kEngineDirectory = "engine";
const std::string kLaidAside = "engine.damaged-";  // and the number of the start that found it
constexpr Duration kStopCheckInterval = std::chrono::milliseconds(50);
constexpr Duration kHandOverPatience = std::chrono::seconds(2);
constexpr Duration kFarewell = std::chrono::milliseconds(100);

std::string join(const std::vector<Url>& urls) {
  std::string text;
  for (const Url& url : urls) {
    text += (text.empty() ? "" : ",") + url.text();
  }
  return text;
}

}  // namespace

struct Node::GroupParts {
  std::unique_ptr<service::KvService> service;
  std::unique_ptr<kv::Store> store;
  std::unique_ptr<AnnouncedGroup> events;
};

/// In order of construction; destroyed from the last to the first.
struct Node::Parts {
  NodeHome home;
  env_posix::SystemEntropy entropy;
  storage::MemoryRecords memory_records;
  std::unique_ptr<env::RecordStore> records;
  std::unique_ptr<env_posix::TcpTransport> transport;
  std::vector<GroupParts> groups;
  std::unique_ptr<group::Host> host;
  std::unique_ptr<etcd::Api> api;
  std::unique_ptr<http::Pages> pages;
  std::unique_ptr<ClientListener> clients;
  std::unique_ptr<env_posix::TcpTransport> client_transport;
  std::unique_ptr<PeerProbes> probes;
  std::unique_ptr<Readiness> readiness;
  std::map<std::string_view, std::uint64_t> traces;
  std::atomic<bool> stop_asked{false};
  bool stopping = false;
  Instant stop_deadline{};
};

Node::Node(ServeOptions options, const consensus::Protocol& protocol, ClusterIdentity identity, EventLog& log)
    : options_(std::move(options)),
      protocol_(protocol),
      identity_(std::move(identity)),
      log_(log),
      parts_(std::make_unique<Parts>()) {}

Node::~Node() { close(); }

void Node::close() {
  parts_->readiness.reset();
  parts_->probes.reset();
  parts_->client_transport.reset();
  parts_->clients.reset();
  parts_->pages.reset();
  parts_->api.reset();
  parts_->host.reset();
  parts_->groups.clear();
  parts_->records.reset();
}

Result<std::unique_ptr<RunningNode>> Node::open(ServeOptions options, const consensus::Protocol& protocol,
                                                EventLog& log) {
  Result<ClusterIdentity> identity = find_identity(options, protocol, log);
  if (!identity) {
    return std::unexpected(identity.error());
  }
  std::unique_ptr<Node> node(new Node(std::move(options), protocol, std::move(*identity), log));
  Result<NodeHome> home = open_home(node->options_, node->identity_, protocol, log);
  if (!home) {
    return std::unexpected(home.error());
  }
  node->parts_->home = std::move(*home);
  QUORATE_TRY(node->open_state());
  QUORATE_TRY(node->open_front_ends());
  return node;
}

bool Node::are_records_damaged(const Error& why) const {
  if (parts_->records == nullptr) {
    return why.code == ErrorCode::corrupt;
  }
  return parts_->host != nullptr && parts_->host->found_damaged_records();
}

/// Records that are damaged do not stop a node that others can make whole.
Status Node::open_state() {
  const Status opened = open_records_and_groups();
  const bool is_only_member = identity_.members.size() == 1;
  if (opened || is_only_member || !are_records_damaged(opened.error())) {
    return opened;
  }
  QUORATE_TRY(lay_records_aside(opened.error()));
  return open_records_and_groups();
}

Status Node::lay_records_aside(const Error& why) {
  close();
  const std::string aside = kLaidAside + std::to_string(parts_->home.directory->incarnation().value());
  QUORATE_TRY(parts_->home.files->rename(kEngineDirectory, aside));
  QUORATE_TRY(parts_->home.files->sync_directory(""));
  report_records_laid_aside(why, aside, log_);
  return {};
}

Status Node::open_records_and_groups() {
  QUORATE_TRY(open_records());
  return open_groups();
}

Status Node::open_records() {
  const Result<std::vector<std::string>> names = parts_->home.files->list("");
  if (!names) {
    return std::unexpected(names.error());
  }
  records_laid_aside_ =
      std::ranges::any_of(*names, [](const std::string& name) { return name.starts_with(kLaidAside); });
  if (options_.engine == "memory") {
    parts_->records = std::make_unique<storage::MemoryRecordStore>(parts_->memory_records, *parts_->home.loop,
                                                                   *parts_->home.loop, parts_->entropy);
    return {};
  }
  engine_rocksdb::EngineHooks hooks;
  hooks.post = [poster = parts_->home.loop->shared_poster()](std::function<void()> work) {
    poster->post(std::move(work));
  };
  hooks.failed = [this](const Error& why) {
    read_damaged_records_ = why.code == ErrorCode::corrupt;
    on_stopped(why);
  };
  Result<std::unique_ptr<env::RecordStore>> records =
      engine_rocksdb::open_rocksdb_store(options_.data_dir + "/" + kEngineDirectory, {}, std::move(hooks));
  if (!records) {
    return std::unexpected(records.error());
  }
  parts_->records = std::move(*records);
  return {};
}

group::HostConfig Node::host_config() const {
  group::HostConfig config = host_config_of(options_, identity_, protocol_, parts_->home.life);
  config.records_laid_aside = records_laid_aside_;
  return config;
}

Status Node::open_groups() {
  env_posix::EventLoop& loop = *parts_->home.loop;
  parts_->transport = std::make_unique<env_posix::TcpTransport>(loop);
  const group::Environment environment{
      loop, loop, parts_->entropy, *parts_->home.files, *parts_->transport, *parts_->records, *this};
  Result<std::unique_ptr<group::Host>> host = group::Host::open(host_config(), environment, *this);
  if (!host) {
    return std::unexpected(host.error());
  }
  parts_->host = std::move(*host);
  const Incarnation incarnation = parts_->home.directory->incarnation();
  service::ServiceConfig service_config;
  service_config.request_timeout = std::chrono::seconds(5) + 2 * std::chrono::milliseconds(options_.election_ms);
  service_config.max_request_bytes = options_.max_request_bytes;
  service_config.max_txn_ops = options_.max_txn_ops;
  service_config.election_timeout = std::chrono::milliseconds(options_.election_ms);
  service_config.progress_interval = options_.progress_interval;
  service_config.quota_bytes = options_.quota_bytes();
  service_config.quorum_sizes = identity_.quorum_sizes;
  kv::StoreLimits limits;
  limits.max_txn_ops = options_.max_txn_ops;
  limits.min_lease_ttl = options_.min_lease_ttl();
  parts_->groups.resize(options_.groups);
  for (std::uint32_t i = 0; i < options_.groups; ++i) {
    const GroupId group(i + 1);
    GroupParts& parts = parts_->groups[i];
    parts.service = service::KvService::make(service_config, group, identity_.self, incarnation, loop, loop, *this);
    parts.store = kv::Store::make(group, *parts_->records, limits, *parts.service);
    parts.events = std::make_unique<AnnouncedGroup>(group, *parts.service, log_, options_.groups > 1, [this] {
      if (const Status known = learn_members(); !known) {
        on_removed(known.error().text);
      }
    });
    QUORATE_TRY(parts_->host->add_group({group, protocol_.cores, core_config_of(options_, identity_)}, *parts.store,
                                        *parts.events));
    parts.service->attach(parts_->host->replica(group), *parts.store);
  }
  QUORATE_TRY(learn_members());
  const storage::Recovery& recovery = parts_->host->recovery();
  log_.info("log recovered", {{"frames", std::to_string(recovery.frames)},
                              {"torn_bytes", std::to_string(recovery.torn_bytes)},
                              {"revision", std::to_string(parts_->groups[0].store->revision())}});
  report_damage(recovery, log_);
  for (std::uint32_t i = 0; i < options_.groups; ++i) {
    const consensus::CoreStatus status = parts_->groups[i].service->status();
    if (status.loss.kind != consensus::Loss::Kind::none) {
      report_loss(GroupId(i + 1), status, log_);
    }
  }
  return {};
}

Status Node::learn_members() {
  std::vector<consensus::Contact> contacts;
  for (const auto& [node, text] : parts_->groups[0].store->contacts()) {
    if (node == identity_.self && text.empty()) {
      return fail(ErrorCode::foreign, "member " + hex_id(identity_.self.value()) + " was removed from cluster " +
                                          hex_id(identity_.cluster.value()) +
                                          " and cannot come back under this id; remove '" + options_.data_dir +
                                          "' and add the node as a new member (etcdctl member add)");
    }
    contacts.push_back(consensus::contact_from_text(node, text.view()));
  }
  parts_->host->learn_contacts(contacts);
  return {};
}

Status Node::open_front_ends() {
  env_posix::EventLoop& loop = *parts_->home.loop;
  etcd::ApiConfig config;
  config.cluster = identity_.cluster;
  config.self = identity_.self;
  config.max_request_bytes = options_.max_request_bytes;
  config.quota_bytes = static_cast<std::int64_t>(options_.quota_bytes());
  config.election_timeout = std::chrono::milliseconds(options_.election_ms);
  config.max_learners = options_.max_learners;
  parts_->api = std::make_unique<etcd::Api>(std::move(config), loop, loop);
  for (std::uint32_t i = 0; i < options_.groups; ++i) {
    parts_->api->add_group(GroupId(i + 1), *parts_->groups[i].service);
  }
  parts_->pages = std::make_unique<http::Pages>(
      *parts_->groups[0].service, loop, [this] { return metrics_text(); },
      http::Versions{std::string(etcd::kServerVersion), std::string(etcd::kClusterVersion),
                     std::string(etcd::kStorageVersion)});
  parts_->clients = std::make_unique<ClientListener>(client_limits_of(options_), *parts_->api, *parts_->pages, loop,
                                                     loop, kMaxClientConnections);
  parts_->client_transport = std::make_unique<env_posix::TcpTransport>(loop);
  QUORATE_TRY(listen_for_clients(options_, *parts_->client_transport, *parts_->clients, log_));
  QUORATE_TRY(parts_->host->start());
  log_.info("listening", {{"clients", join(options_.listen_client_urls)}, {"peers", join(options_.listen_peer_urls)}});
  return {};
}

Status Node::run() {
  parts_->probes = std::make_unique<PeerProbes>(*parts_->transport, [this] { return parts_->host->contacts(); });
  parts_->readiness =
      std::make_unique<Readiness>(identity_, *parts_->host, *parts_->groups[0].service, *parts_->home.loop,
                                  *parts_->home.loop, *parts_->probes, log_, [this] { on_ready(); });
  std::vector<std::string> client_urls;
  for (const Url& url : options_.advertise_client_urls) {
    client_urls.push_back(url.text());
  }
  parts_->readiness->start(etcd::encode_published_member(options_.name, client_urls));
  watch_for_stop(0);
  parts_->home.loop->run();
  if (ended_) {
    log_.info("stopped");
  } else if ((read_damaged_records_ || parts_->host->found_damaged_records()) && identity_.members.size() > 1) {
    QUORATE_TRY(lay_records_aside(ended_.error()));  // so that the next start is made whole by the others
  }
  return ended_;
}

void Node::on_ready() { log_.info("ready to serve client requests", {{"clients", join(options_.listen_client_urls)}}); }

void Node::stop() noexcept { parts_->stop_asked = true; }

/// A signal handler may do almost nothing, so the loop looks for its mark.
void Node::watch_for_stop(std::uint64_t) {
  if (parts_->stop_asked && !parts_->stopping) {
    parts_->stopping = true;
    hand_over_leadership();
    return;
  }
  (void)parts_->home.loop->arm(parts_->home.loop->now() + kStopCheckInterval,
                               Callback<>::to<&Node::watch_for_stop>(this));
}

bool Node::leads_any_group() const {
  for (const GroupParts& group : parts_->groups) {
    if (group.service->status().role == consensus::Role::leader) {
      return true;
    }
  }
  return false;
}

bool Node::is_alone() const { return parts_->groups[0].service->status().membership.voters.size() == 1; }

void Node::hand_over_leadership() {
  log_.info("stopping", {{"why", removed_ ? "removed from the cluster" : "asked by a signal"}});
  parts_->api->set_serving(false);
  parts_->stop_deadline = parts_->home.loop->now() + kHandOverPatience;
  for (std::uint32_t i = 0; i < options_.groups; ++i) {
    group::Replica& replica = parts_->host->replica(GroupId(i + 1));
    if (replica.status().role == consensus::Role::leader) {
      replica.transfer_leadership(NodeId());
    }
  }
  end_when_handed_over(0);
}

void Node::end_when_handed_over(std::uint64_t) {
  env_posix::EventLoop& loop = *parts_->home.loop;
  if (!is_alone() && leads_any_group() && loop.now() < parts_->stop_deadline) {
    (void)loop.arm(loop.now() + kStopCheckInterval, Callback<>::to<&Node::end_when_handed_over>(this));
    return;
  }
  for (const GroupParts& group : parts_->groups) {
    group.service->shut_down();
  }
  parts_->api->shut_down();
  parts_->clients->shut_down();
  (void)loop.arm(loop.now() + kFarewell, Callback<>::to<&Node::leave_loop>(this));
}

void Node::leave_loop(std::uint64_t) { parts_->home.loop->stop(); }

void Node::on_stopped(const Error& why) {
  log_.error("this node cannot go on", {{"error", why.text}});
  ended_ = std::unexpected(why);
  parts_->home.loop->stop();
}

void Node::on_peer_rejected(NodeId node, std::string_view why) {
  log_.warn("peer rejected", {{"member", hex_id(node.value())}, {"why", std::string(why)}});
}

void Node::on_removed(std::string_view why) {
  if (!removed_) {
    removed_ = true;
    log_.warn("this member was removed from the cluster",
              {{"member", hex_id(identity_.self.value())},
               {"cluster", hex_id(identity_.cluster.value())},
               {"why", std::string(why)},
               {"next", "to use this machine again, remove '" + options_.data_dir +
                            "' and add it as a new member (etcdctl member add)"}});
    stop();
  }
}

void Node::trace(const TraceEvent& event) { ++parts_->traces[event.name]; }

std::string Node::metrics_text() const {
  NodeFigures figures;
  figures.self = identity_.self;
  figures.links = parts_->host->links();
  figures.log = parts_->host->log_stats();
  figures.files = &parts_->home.files->stats();
  figures.methods = parts_->api->method_stats();
  figures.engine_bytes = parts_->records->size_bytes();
  figures.quota_bytes = options_.quota_bytes();
  figures.traces = &parts_->traces;
  figures.damaged_places = parts_->host->recovery().damage.size();
  figures.groups_in_repair = parts_->host->groups_in_repair();
  figures.connections = parts_->clients->connection_count();
  for (const GroupParts& group : parts_->groups) {
    figures.leader_changes += group.events->leader_changes();
  }
  figures.stages = &parts_->host->put_stages(GroupId(1));
  figures.service = parts_->groups[0].service.get();
  return write_node_metrics(figures);
}

}  // namespace quorate::server
