#include "consensus/raft/branches.h"
#include "consensus/raft/core.h"
#include "consensus/raft/deafness.h"
#include "consensus/raft/hard_state.h"
#include "consensus/raft/raft.h"
#include "consensus/raft/words.h"

namespace quorate::raft {
namespace {

Buffer state_behind(EntryId snapshot) { return encode(HardState{.term = snapshot.tag}); }

}  // namespace

std::unique_ptr<consensus::Core> make_raft(const consensus::CoreConfig& config, consensus::PersistedState state) {
  return std::make_unique<RaftCore>(config, std::move(state));
}

const consensus::Protocol& protocol() {
  static const consensus::Protocol kProtocol{
      .cores = {.protocol = "raft", .make = &make_raft, .ids_identify_prefix = true, .state_behind = &state_behind},
      .branches = std::span(kBranchNames).first(static_cast<std::size_t>(kFirstRareBranch)),
      .all_branches = kBranchNames,
      .message_words = &message_words,
      .is_deaf_to = &is_deaf_to,
      .state_words = &state_words,
      .state_of_words = &state_of_words};
  return kProtocol;
}

}  // namespace quorate::raft
