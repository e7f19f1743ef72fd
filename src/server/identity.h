#pragma once
// Who the members are: ids as etcd derives them from peer URLs and token, so that every member computes the same
// ones from the same --initial-cluster (etcd's identity rules: SHA-1, first eight bytes, big-endian).

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
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
  std::vector<MemberIdentity> members;  ///< sorted by id
};

/// `options` is complete. Fails if two members share a peer URL.
[[nodiscard]] Result<ClusterIdentity> identify(const ServeOptions& options);

/// An id as etcd shows it: lower-case hexadecimal without padding.
[[nodiscard]] std::string hex_id(std::uint64_t id);

}  // namespace quorate::server
