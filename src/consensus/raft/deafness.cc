#include "consensus/raft/deafness.h"

#include <optional>
#include <type_traits>
#include <variant>

#include "base/plant.h"
#include "consensus/raft/wire.h"

namespace quorate::raft {
namespace {

using consensus::Role;

template <class One, class... Types>
constexpr bool is_one_of = (std::is_same_v<One, Types> || ...);

}  // namespace

bool is_deaf_to(const consensus::CoreStatus& replica, ByteView message) {
  const std::optional<Message> decoded = decode(message);
  if (!decoded) {
    return false;
  }
  return std::visit(
      [&replica](const auto& one) {
        using One = std::remove_cvref_t<decltype(one)>;
        constexpr bool is_vote = is_one_of<One, VoteResponse>;
        constexpr bool is_for_leader = is_one_of<One, AppendAccepted, AppendRejected, HeartbeatResponse>;
        constexpr bool is_for_follower = is_one_of<One, CommitNotice, ReadResponse, TimeoutNow>;
        if (one.term < replica.tag) {
          return (is_vote && !QUORATE_PLANT(stale_vote_counted)) || is_for_leader || is_for_follower;
        }
        // A term is led only by who campaigned in it, and nobody campaigns twice in one.
        const bool cannot_lead = replica.role == Role::follower || replica.role == Role::learner;
        return one.term == replica.tag &&
               ((is_vote && replica.role != Role::candidate) || (is_for_leader && cannot_lead));
      },
      *decoded);
}

}  // namespace quorate::raft
