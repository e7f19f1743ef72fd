#include "consensus/contract/effect.h"

namespace quorate::consensus {

std::string_view name_of(Role role) {
  switch (role) {
    case Role::follower: return "follower";
    case Role::pre_candidate: return "pre-candidate";
    case Role::candidate: return "candidate";
    case Role::leader: return "leader";
    case Role::learner: return "learner";
  }
  return "unknown";
}

}  // namespace quorate::consensus
