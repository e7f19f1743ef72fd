#include "consensus/multipaxos/acceptor_state.h"
#include "consensus/multipaxos/ballot.h"
#include "consensus/multipaxos/branches.h"
#include "consensus/multipaxos/core.h"
#include "consensus/multipaxos/deafness.h"
#include "consensus/multipaxos/multipaxos.h"
#include "consensus/multipaxos/wire.h"
#include "consensus/multipaxos/words.h"

namespace quorate::multipaxos {
namespace {

std::unique_ptr<consensus::Core> make(const consensus::CoreConfig& config, consensus::PersistedState state) {
  return std::make_unique<MultiPaxosCore>(config, std::move(state));
}

Buffer state_behind(EntryId snapshot) {
  return encode(AcceptorState{.promised = snapshot.tag, .proposer = {}, .votes = {}});
}

/// A promise of phase 1, an acceptance of phase 2.
std::optional<consensus::Vow> vow_of(ByteView message) {
  const std::optional<Message> decoded = decode(message);
  if (!decoded) {
    return std::nullopt;
  }
  if (const auto* promise = std::get_if<Promise>(&*decoded)) {
    return consensus::Vow{.kind = consensus::Vow::Kind::promised, .tag = promise->ballot};
  }
  if (const auto* accepted = std::get_if<Accepted>(&*decoded)) {
    return consensus::Vow{.kind = consensus::Vow::Kind::accepted, .tag = accepted->ballot};
  }
  return std::nullopt;
}

std::uint64_t round_of(Tag tag) { return Ballot::of(tag).round; }

}  // namespace

const consensus::Protocol& protocol() {
  static const consensus::Protocol kProtocol{
      .cores = {.protocol = "multipaxos",
                .make = &make,
                .takes_quorum_sizes = true,
                .node_ids_decide = true,
                .ids_identify_prefix = false,
                .state_behind = &state_behind,
                .vow_of = &vow_of},
      .branches = std::span(kBranchNames).first(static_cast<std::size_t>(kFirstRareBranch)),
      .all_branches = kBranchNames,
      .message_words = &message_words,
      .is_deaf_to = &is_deaf_to,
      .round_of = &round_of,
      .state_words = &state_words,
      .state_of_words = &state_of_words};
  return kProtocol;
}

}  // namespace quorate::multipaxos
