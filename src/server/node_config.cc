#include "server/node_config.h"

namespace quorate::server {
namespace {

/// Followers without a waiting client, and so their watchers, hear of a commit at the latest after this.
constexpr Duration kCommitNoticeDelay = std::chrono::milliseconds(2);

}  // namespace

consensus::CoreConfig core_config_of(const ServeOptions& options, const ClusterIdentity& identity) {
  consensus::CoreConfig config;
  config.self = identity.self;
  if (identity.founded) {  // who joins learns the membership from the log
    for (const MemberIdentity& member : identity.members) {
      config.initial_membership.voters.push_back(member.id);
    }
  }
  config.heartbeat_interval = std::chrono::milliseconds(options.heartbeat_ms);
  config.election_timeout = std::chrono::milliseconds(options.election_ms);
  config.pre_vote = options.pre_vote;
  config.commit_notice_delay = kCommitNoticeDelay;
  config.window_messages = options.max_inflight_appends;
  config.max_entries_per_message = options.max_entries_per_append;
  config.quorum_sizes = identity.quorum_sizes;
  return config;
}

group::HostConfig host_config_of(const ServeOptions& options, const ClusterIdentity& identity,
                                 const consensus::Protocol& protocol, const peer::Life& life) {
  group::HostConfig config;
  config.mesh.cluster = identity.cluster;
  config.mesh.self = identity.self;
  config.mesh.life = life;
  config.mesh.consensus = protocol.name();
  config.mesh.quorum_sizes = identity.quorum_sizes;
  config.mesh.listen_address = options.listen_peer_urls[0].address();
  for (const MemberIdentity& member : identity.members) {
    config.contacts.push_back({member.id, join_urls(member.peer_urls)});
  }
  config.mesh.heartbeat_interval = std::chrono::milliseconds(options.heartbeat_ms);
  config.mesh.silence_limit = std::chrono::milliseconds(options.election_ms);
  config.log.segment_bytes = options.log_segment_bytes;
  config.log_tail_entries = options.snapshot_catchup_entries;
  config.scrub_interval = std::chrono::duration_cast<Duration>(options.scrub_interval);
  config.snapshot_bytes_per_second = options.snapshot_bytes_per_second;
  return config;
}

void log_starting(const ServeOptions& options, const ClusterIdentity& identity, const consensus::Protocol& protocol,
                  const env_posix::DataDirectory& directory, EventLog& log) {
  log.info("starting", {{"name", options.name},
                        {"member", hex_id(identity.self.value())},
                        {"cluster", hex_id(identity.cluster.value())},
                        {"members", std::to_string(identity.members.size())},
                        {"consensus", std::string(protocol.name())},
                        {"quorums", identity.quorum_sizes.text()},
                        {"data", options.data_dir},
                        {"start", std::to_string(directory.incarnation().value())}});
}

}  // namespace quorate::server
