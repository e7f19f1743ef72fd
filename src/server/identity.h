#pragma once
// Who the members are: ids as etcd derives them from peer URLs and token, so that every member computes the same
// ones from the same --initial-cluster (etcd's identity rules: SHA-1, first eight bytes, big-endian).

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "env_posix/data_directory.h"
#include "quorum/phase_sizes.h"
#include "server/options.h"

namespace quorate::server {

struct MemberIdentity {
  NodeId id;
  std::string name;
  std::vector<std::string> peer_urls;
};

struct ClusterIdentity {
  ClusterId cluster;
  NodeId self;
  /// Sorted by id; of a node that joins: who was there when it asked. Names are as --initial-cluster gives them.
  std::vector<MemberIdentity> members;
  quorum::PhaseSizes quorum_sizes{};  ///< of the cluster, for ever
  bool founded = true;  ///< the cluster begins, or began, with exactly these members; else this one joined it
};

/// `options` is complete. The quorum sizes are left as majorities. Fails if two members share a peer URL.
[[nodiscard]] Result<ClusterIdentity> identify(const ServeOptions& options);

/// As it was when the data directory was made.
[[nodiscard]] ClusterIdentity identity_of(const env_posix::StoredIdentity& stored, const ServeOptions& options);

/// What a new data directory keeps of it.
[[nodiscard]] env_posix::DataOrigin origin_of(const ClusterIdentity& identity);

/// "a,b" as a list.
[[nodiscard]] std::vector<std::string> split_urls(std::string_view urls);
[[nodiscard]] std::string join_urls(const std::vector<std::string>& urls);
/// The name that --initial-cluster gives to a member with one of these URLs; empty if it gives none.
[[nodiscard]] std::string name_of(const std::vector<std::string>& urls, const ServeOptions& options);

/// An id as etcd shows it: lower-case hexadecimal without padding.
[[nodiscard]] std::string hex_id(std::uint64_t id);

}  // namespace quorate::server
