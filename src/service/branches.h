#pragma once
// The interesting branches of the service: each has a name, traced where it is taken, and counted by the simulator.
//
// Invariant: kBranchNames has one name per Branch, in the same order.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quorate::service {

/// In comments: the numbers of the event, a and b, where it has any.
enum class Branch : std::uint8_t {
  write_waits,              ///< for a leader, a link or room; a: the leader, if known
  write_forwarded,          ///< to leader a
  write_dropped,            ///< without effect; a: the context
  write_never_placed,       ///< request a reached its deadline
  write_timed_out,          ///< request a reached its deadline, and may still happen
  forward_refused,          ///< request a, by the leader, for reason b
  foreign_write_proposed,   ///< for node a, its request b
  foreign_write_dropped,    ///< a: the context
  write_refused_to_origin,  ///< node a, for reason b
  round_began,              ///< for a reads
  round_dropped,            ///< of a reads
  round_not_answered,       ///< of a reads
  read_timed_out,           ///< request a
  batch_sent,               ///< a items, b bytes
  batch_not_sent,           ///< a items that the link did not take
  greeted,                  ///< node a, whose life is not known
  greeting_received,        ///< from node a
  message_repeated,         ///< from node a, number b: not taken again
  lease_reign_began,        ///< over a leases
  lease_expired,            ///< lease a
  lease_check_late,         ///< by a ns: this node stood still
  question_forwarded,       ///< about a lease, to leader a
  watcher_sink_full,        ///< watcher a falls behind
  watcher_caught_up,        ///< watcher a
  watcher_compacted,        ///< watcher a ends
  slice_shared,             ///< watcher a is served with the slice of another

  // What follows needs values out of memory, a core that drops what may have effect, a full node or queue, a rude
  // client or a message out of another life.
  read_fetches,               ///< request a waits for records
  watcher_fetches,            ///< watcher a waits for records
  write_unknown,              ///< dropped, may have effect; a: the context
  unknown_executed,           ///< request a, whose outcome was unknown, was executed here
  keep_alive_waits,           ///< for the revocation of lease a
  lease_revoke_failed,        ///< lease a: tried again
  question_after_reign,       ///< request a: its leader was deposed
  message_to_earlier_life,    ///< from node a
  message_from_earlier_life,  ///< of node a
  message_malformed,          ///< from node a
  write_refused,              ///< before anything was done; a: the Outcome
  no_space_raised,            ///< a: bytes in the store
  pushed_back,                ///< the replica has no room
  abandoned,                  ///< a: the Stage
  watchers_resynced,          ///< a of them: a snapshot took the state's place
  member_change_forwarded,    ///< to leader a
  member_change_seen,         ///< leader a is gone and did not answer, but what was asked for is committed
  member_change_proposed,     ///< request a
  member_change_refused,      ///< a: the Outcome
  count_of_branches,
};

inline constexpr Branch kFirstRareBranch = Branch::read_fetches;
inline constexpr std::size_t kBranchCount = static_cast<std::size_t>(Branch::count_of_branches);

inline constexpr std::array<std::string_view, kBranchCount> kBranchNames = {
    "service.write_waits",
    "service.write_forwarded",
    "service.write_dropped",
    "service.write_never_placed",
    "service.write_timed_out",
    "service.forward_refused",
    "service.foreign_write_proposed",
    "service.foreign_write_dropped",
    "service.write_refused_to_origin",
    "service.round_began",
    "service.round_dropped",
    "service.round_not_answered",
    "service.read_timed_out",
    "service.batch_sent",
    "service.batch_not_sent",
    "service.greeted",
    "service.greeting_received",
    "service.message_repeated",
    "service.lease_reign_began",
    "service.lease_expired",
    "service.lease_check_late",
    "service.question_forwarded",
    "service.watcher_sink_full",
    "service.watcher_caught_up",
    "service.watcher_compacted",
    "service.slice_shared",
    "service.read_fetches",
    "service.watcher_fetches",
    "service.write_unknown",
    "service.unknown_executed",
    "service.keep_alive_waits",
    "service.lease_revoke_failed",
    "service.question_after_reign",
    "service.message_to_earlier_life",
    "service.message_from_earlier_life",
    "service.message_malformed",
    "service.write_refused",
    "service.no_space_raised",
    "service.pushed_back",
    "service.abandoned",
    "service.watchers_resynced",
    "service.member_change_forwarded",
    "service.member_change_seen",
    "service.member_change_proposed",
    "service.member_change_refused",
};
static_assert(!kBranchNames.back().empty(), "one name per branch");

[[nodiscard]] constexpr std::string_view name_of(Branch branch) {
  return kBranchNames[static_cast<std::size_t>(branch)];
}

}  // namespace quorate::service
