#include "consensus/paxos/branches.h"
#include "consensus/paxos/core.h"
#include "consensus/paxos/paxos.h"
#include "consensus/paxos/wire.h"
#include "consensus/paxos/words.h"

namespace quorate::paxos {
namespace {

using consensus::Vow;

std::unique_ptr<consensus::Core> make(const consensus::CoreConfig& config, consensus::PersistedState state) {
  return std::make_unique<PaxosCore>(config, std::move(state));
}

/// There is no log that could begin behind a snapshot.
Buffer state_behind(EntryId /*snapshot*/) { return {}; }

std::optional<Vow> vow_of(ByteView bytes) {
  const std::optional<Message> message = decode(bytes);
  if (!message) {
    return std::nullopt;
  }
  if (const auto* promise = std::get_if<Promise>(&*message)) {
    return Vow{
        .kind = Vow::Kind::promised, .tag = promise->ballot.tag(), .cell = promise->cell, .life = promise->ballot.life};
  }
  if (const auto* accept = std::get_if<Accept>(&*message)) {
    return Vow{.kind = Vow::Kind::proposed,
               .tag = accept->ballot.tag(),
               .cell = accept->cell,
               .value = accept->value,
               .life = accept->ballot.life};
  }
  if (const auto* accepted = std::get_if<Accepted>(&*message)) {
    return Vow{.kind = Vow::Kind::accepted,
               .tag = accepted->ballot.tag(),
               .cell = accepted->cell,
               .life = accepted->ballot.life};
  }
  return std::nullopt;
}

}  // namespace

const consensus::Protocol& protocol() {
  static const consensus::Protocol kProtocol{
      .cores = {.protocol = "paxos",
                .make = &make,
                .keeps_log = false,
                .takes_quorum_sizes = true,
                .node_ids_decide = true,
                .state_behind = &state_behind,
                .vow_of = &vow_of},
      .branches = std::span(kBranchNames).first(static_cast<std::size_t>(kFirstRareBranch)),
      .all_branches = kBranchNames,
      .message_words = &message_words,
      .round_of = [](Tag tag) { return tag.value() >> 32; },
      .state_words = &state_words,
      .state_of_words = &state_of_words,
      .cell_words = &cell_words};
  return kProtocol;
}

}  // namespace quorate::paxos
