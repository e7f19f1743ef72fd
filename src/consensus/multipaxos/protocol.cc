#include "consensus/multipaxos/acceptor_state.h"
#include "consensus/multipaxos/branches.h"
#include "consensus/multipaxos/core.h"
#include "consensus/multipaxos/multipaxos.h"
#include "consensus/multipaxos/words.h"

namespace quorate::multipaxos {
namespace {

std::unique_ptr<consensus::Core> make(const consensus::CoreConfig& config, consensus::PersistedState state) {
  return std::make_unique<MultiPaxosCore>(config, std::move(state));
}

Buffer state_behind(EntryId snapshot) {
  return encode(AcceptorState{.promised = snapshot.tag, .proposer = {}, .votes = {}});
}

}  // namespace

const consensus::Protocol& protocol() {
  static const consensus::Protocol kProtocol{
      .cores = {.protocol = "multipaxos", .make = &make, .ids_identify_prefix = false, .state_behind = &state_behind},
      .branches = std::span(kBranchNames).first(static_cast<std::size_t>(kFirstRareBranch)),
      .all_branches = kBranchNames,
      .message_words = &message_words,
      .state_words = &state_words,
      .state_of_words = &state_of_words};
  return kProtocol;
}

}  // namespace quorate::multipaxos
