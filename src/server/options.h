#pragma once
// What `quorate serve` was told: the effective configuration of one node, after command line, environment and
// configuration file were combined. Names, meaning and defaults are etcd's where etcd has the flag.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace quorate::server {

/// "scheme://host:port" taken apart.
struct Url {
  std::string scheme;
  std::string host;
  std::uint16_t port = 0;

  [[nodiscard]] std::string address() const;  ///< "host:port", IPv6 hosts in brackets
  [[nodiscard]] std::string text() const;     ///< the whole URL
  [[nodiscard]] bool is_loopback() const;
};

/// Accepts http URLs with host and port and no path. https is refused until TLS exists, never served as plaintext.
[[nodiscard]] Result<Url> parse_url(std::string_view flag, std::string_view text);
[[nodiscard]] Result<std::vector<Url>> parse_urls(std::string_view flag, std::string_view comma_separated);

/// One member of --initial-cluster.
struct InitialMember {
  std::string name;
  std::vector<Url> peer_urls;
};

enum class LogFormat : std::uint8_t { automatic, console, json };

struct ServeOptions {
  std::string name = "default";
  std::string data_dir;  ///< empty: "<name>.quorate"
  std::vector<Url> listen_peer_urls;
  std::vector<Url> listen_client_urls;
  std::vector<Url> listen_metrics_urls;
  std::vector<Url> advertise_peer_urls;
  std::vector<Url> advertise_client_urls;
  std::vector<InitialMember> initial_cluster;
  std::string initial_cluster_token = "etcd-cluster";
  std::string initial_cluster_state = "new";
  std::uint32_t max_learners = 1;  ///< that etcd's MemberAdd takes
  std::uint32_t heartbeat_ms = 100;
  std::uint32_t election_ms = 1000;
  bool pre_vote = true;
  std::int64_t quota_backend_bytes = 0;  ///< 0: 2 GiB; negative: none
  std::uint32_t max_txn_ops = 128;
  std::uint32_t max_inflight_appends = 64;
  std::uint32_t max_entries_per_append = 1024;
  std::uint64_t snapshot_catchup_entries = 50'000;  ///< of each group's log kept for members that are behind
  std::chrono::nanoseconds scrub_interval = std::chrono::hours(24);  ///< 0: never
  std::uint64_t snapshot_bytes_per_second = 0;  ///< of all snapshots that the node sends; 0: no limit
  std::uint64_t log_segment_bytes = 64U << 20;
  std::uint32_t max_request_bytes = 1'572'864;
  std::uint32_t max_concurrent_streams = 256;
  std::chrono::nanoseconds keepalive_min_time = std::chrono::seconds(5);
  std::chrono::nanoseconds progress_interval = std::chrono::minutes(10);
  std::string log_level = "info";
  LogFormat log_format = LogFormat::automatic;
  std::string consensus;                        ///< empty: what the data directory says, or the default
  std::optional<std::uint32_t> phase_1_quorum;  ///< 0: a majority; not given: what the cluster has, or a majority
  std::optional<std::uint32_t> phase_2_quorum;
  std::string engine = "rocksdb";  ///< or "memory": nothing but the log is durable; for tests
  std::uint32_t groups = 1;

  /// What the quota amounts to: 0 for none.
  [[nodiscard]] std::uint64_t quota_bytes() const {
    return quota_backend_bytes == 0  ? 2ULL << 30
           : quota_backend_bytes < 0 ? 0
                                     : static_cast<std::uint64_t>(quota_backend_bytes);
  }
  /// etcd's minimum lease: the time that a leader may take to be replaced, in whole seconds.
  [[nodiscard]] std::int64_t min_lease_ttl() const {
    const std::int64_t election_ticks = election_ms / heartbeat_ms;
    return (3 * election_ticks / 2 * heartbeat_ms + 999) / 1000;
  }

  /// Flags that were given and differ from their defaults: for the start-up log.
  std::vector<std::pair<std::string, std::string>> given;
};

/// Fills in what depends on other flags and checks what must agree (name in initial-cluster, election >= 5 x
/// heartbeat, ...). The error names the flag, the value and what to do.
[[nodiscard]] Status complete_options(ServeOptions& options);

}  // namespace quorate::server
