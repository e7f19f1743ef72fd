#include "consensus/multipaxos/deafness.h"

#include <optional>
#include <type_traits>
#include <variant>

#include "base/plant.h"
#include "consensus/multipaxos/wire.h"

namespace quorate::multipaxos {
namespace {

using consensus::Role;

template <class One, class... Types>
constexpr bool is_one_of = (std::is_same_v<One, Types> || ...);

}  // namespace

/// The ballot that a replica has promised never falls, in no life, and nobody proposes in a ballot twice.
bool is_deaf_to(const consensus::CoreStatus& replica, ByteView message) {
  const std::optional<Message> decoded = decode(message);
  if (!decoded) {
    return false;
  }
  return std::visit(
      [&replica](const auto& one) {
        using One = std::remove_cvref_t<decltype(one)>;
        constexpr bool is_promise = is_one_of<One, Promise, PromisedRun>;
        constexpr bool is_acceptance = is_one_of<One, Accepted>;
        constexpr bool is_for_leader = is_one_of<One, HeartbeatAnswer, Noted>;
        constexpr bool is_for_follower = is_one_of<One, Decide, CampaignNow>;  // an Accept is refused in words
        if (one.ballot < replica.tag) {
          return is_promise || (is_acceptance && !QUORATE_PLANT(ack_of_older_ballot_counted)) || is_for_leader ||
                 is_for_follower || is_one_of<One, Refused>;
        }
        if (one.ballot > replica.tag) {
          return false;
        }
        const bool cannot_lead = replica.role == Role::follower || replica.role == Role::learner;
        return is_one_of<One, Refused> || (is_promise && replica.role != Role::candidate) ||
               ((is_acceptance || is_for_leader) && cannot_lead);
      },
      *decoded);
}

}  // namespace quorate::multipaxos
