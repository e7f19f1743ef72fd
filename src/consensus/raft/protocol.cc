#include "consensus/raft/branches.h"
#include "consensus/raft/core.h"
#include "consensus/raft/deafness.h"
#include "consensus/raft/hard_state.h"
#include "consensus/raft/raft.h"
#include "consensus/raft/wire.h"
#include "consensus/raft/words.h"

namespace quorate::raft {
namespace {

/// A granted vote, and an acknowledgement, each of its term.
std::optional<consensus::Vow> vow_of(ByteView message) {
  const std::optional<Message> decoded = decode(message);
  if (!decoded) {
    return std::nullopt;
  }
  if (const auto* vote = std::get_if<VoteResponse>(&*decoded); vote != nullptr && vote->granted) {
    return consensus::Vow{consensus::Vow::Kind::promised, vote->term};
  }
  if (const auto* accepted = std::get_if<AppendAccepted>(&*decoded)) {
    return consensus::Vow{consensus::Vow::Kind::accepted, accepted->term};
  }
  return std::nullopt;
}

std::optional<consensus::Vote> vote_of(ByteView message) {
  using Kind = consensus::Vote::Kind;
  const std::optional<Message> decoded = decode(message);
  if (!decoded) {
    return std::nullopt;
  }
  if (const auto* asked = std::get_if<VoteRequest>(&*decoded)) {
    return consensus::Vote{Kind::asked, asked->term, asked->last};
  }
  if (const auto* vote = std::get_if<VoteResponse>(&*decoded); vote != nullptr && vote->granted) {
    return consensus::Vote{vote->conditional ? Kind::conditional : Kind::given, vote->term, {}};
  }
  return std::nullopt;
}

Buffer state_behind(EntryId snapshot) { return encode(HardState{.term = snapshot.tag}); }

}  // namespace

std::unique_ptr<consensus::Core> make_raft(const consensus::CoreConfig& config, consensus::PersistedState state) {
  return std::make_unique<RaftCore>(config, std::move(state));
}

const consensus::Protocol& protocol() {
  static const consensus::Protocol kProtocol{
      .cores = {.protocol = "raft",
                .make = &make_raft,
                .ids_identify_prefix = true,
                .state_behind = &state_behind,
                .vow_of = &vow_of,
                .vote_of = &vote_of},
      .branches = std::span(kBranchNames).first(static_cast<std::size_t>(kFirstRareBranch)),
      .all_branches = kBranchNames,
      .message_words = &message_words,
      .is_deaf_to = &is_deaf_to,
      .state_words = &state_words,
      .state_of_words = &state_of_words};
  return kProtocol;
}

}  // namespace quorate::raft
