#pragma once
// A protocol as all others see it: how its cores are made, and its words for people.
//
// Each protocol's folder defines one; the list of them is src/protocols. Constants; functions are pure.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "consensus/contract/core.h"

namespace quorate::consensus {

struct Protocol {
  CoreFactory cores;
  /// What people call it: cores.protocol, which is also its word in flags, data directories and handshakes.
  [[nodiscard]] std::string_view name() const { return cores.protocol; }
  [[nodiscard]] bool keeps_log() const { return cores.keeps_log; }
  [[nodiscard]] bool takes_quorum_sizes() const { return cores.takes_quorum_sizes; }

  /// Names of the branches (Trace effects) that a search over crashes and networks must reach: one that no run of many
  /// emitted was never tested.
  std::span<const std::string_view> branches;
  /// All names, with those that need a malformed message or a damaged disk: the stories reach each.
  std::span<const std::string_view> all_branches;

  /// A message in one line without line end; "(no message)" for what is none. Routine, which a story of a whole run
  /// leaves out, begins with "heartbeat".
  std::string (*message_words)(ByteView message) = nullptr;
  /// For the explorer, null if unknown: true only if a message, whenever it arrives from now on, changes nothing and is
  /// not answered by a replica of this status whose writes are all durable, whatever it becomes, also in a later life.
  /// False is always right.
  bool (*is_deaf_to)(const CoreStatus& replica, ByteView message) = nullptr;
  /// For the explorer: how often leadership was contended for until `tag`: a term is that itself, null says so too; of
  /// a ballot it is the round.
  std::uint64_t (*round_of)(Tag tag) = nullptr;
  /// The small durable state (SetState) in words: "term 2 vote n3". Of no bytes: a new replica's.
  std::string (*state_words)(ByteView blob) = nullptr;
  /// And back, for stories that begin with a disk; nothing if the words mean nothing.
  std::optional<Buffer> (*state_of_words)(std::string_view words) = nullptr;
  /// A durable cell (SetCell) in words, its name in front; null if nobody needs to read them.
  std::string (*cell_words)(ByteView cell, ByteView blob) = nullptr;
};

}  // namespace quorate::consensus
