#pragma once
// Where the nodes of a cluster are found: what the host's links are made from, and what it tells those who want to
// join.
//
// Invariant: an address is what stands first among a contact's URLs.
// Owned by the host, on the loop. The answer's bytes: docs/formats/peer.md.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "consensus/contract/entry.h"
#include "quorum/phase_sizes.h"

namespace quorate::group {

class ContactBook {
 public:
  /// True if this is news.
  bool learn(const consensus::Contact& contact);
  void forget(NodeId node) { contacts_.erase(node); }
  [[nodiscard]] std::vector<consensus::Contact> all() const;

 private:
  std::map<NodeId, consensus::Contact> contacts_;
};

/// "host:port" of the first URL.
[[nodiscard]] std::string address_of(const consensus::Contact& contact);

/// What a node tells somebody who asks for the members of its cluster.
struct MembersAnswer {
  ClusterId cluster;
  consensus::Configuration configuration;
  quorum::PhaseSizes quorum_sizes{};
};
[[nodiscard]] Buffer encode_members_answer(const MembersAnswer& answer);
[[nodiscard]] std::optional<MembersAnswer> decode_members_answer(ByteView bytes);

}  // namespace quorate::group
