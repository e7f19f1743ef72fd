#pragma once
// Log entries and memberships: the words that cores, storage and state machines share about a group's log.

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::consensus {

enum class EntryKind : std::uint8_t {
  noop = 0,           ///< placed by a new leader, or to fill a gap; state machines never see it
  command = 1,        ///< payload belongs to the state machine
  configuration = 2,  ///< payload is an encoded Configuration
};

/// One entry with its payload. The payload's bytes mean nothing to a core.
struct Entry {
  EntryId id;
  EntryKind kind = EntryKind::noop;
  Buffer payload;

  friend bool operator==(const Entry&, const Entry&) = default;
};

/// Who takes part in a group. During a joint change both voter sets must agree (thesis 4.3).
/// Vectors are sorted and without repeats.
struct Membership {
  std::vector<NodeId> voters;
  std::vector<NodeId> outgoing_voters;  ///< not empty: joint, the configuration being left
  std::vector<NodeId> learners;

  [[nodiscard]] bool is_joint() const { return !outgoing_voters.empty(); }
  [[nodiscard]] bool is_voter(NodeId node) const;
  [[nodiscard]] bool contains(NodeId node) const;
  /// Every node that gets entries: voters of both halves and learners; sorted, once each.
  [[nodiscard]] std::vector<NodeId> all_nodes() const;

  friend bool operator==(const Membership&, const Membership&) = default;
};

/// Where a member is found. A core never reads it: it travels with the change of the membership that needs it.
struct Contact {
  NodeId node;
  std::string urls;        ///< as the front ends show them, separated by commas
  bool will_vote = false;  ///< a learner that the leader lets vote by itself, as soon as it has caught up

  friend bool operator==(const Contact&, const Contact&) = default;
};

/// What an entry of kind configuration says.
struct Configuration {
  Membership membership;
  std::vector<Contact>
      contacts;  ///< rising nodes; those of all members that the change leaves or makes, or none at all

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

}  // namespace quorate::consensus
