#include "stories/raft/words.h"

#include "consensus/raft/hard_state.h"
#include "stories/happening.h"

namespace quorate::stories {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

template <class... Handlers>
struct Match : Handlers... {
  using Handlers::operator()...;
};

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string nodes_words(const std::vector<NodeId>& nodes) {
  std::string text = "{";
  for (const NodeId node : nodes) {
    text += (text.size() > 1 ? " " : "") + name_of(node);
  }
  return text + "}";
}

}  // namespace

std::string membership_words(const Membership& membership) {
  std::string text = nodes_words(membership.voters);
  if (membership.is_joint()) {
    text += " leaving " + nodes_words(membership.outgoing_voters);
  }
  if (!membership.learners.empty()) {
    text += " learners " + nodes_words(membership.learners);
  }
  return text;
}

std::string words(const EntryId& id) { return number(id.position.value()) + "@" + number(id.tag.value()); }

std::string words(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::noop: return words(entry.id) + " no-op";
    case EntryKind::command: return words(entry.id) + " " + std::string(entry.payload.view());
    case EntryKind::configuration: return words(entry.id) + " configuration";
  }
  return "?";
}

std::string state_words(ByteView blob) {
  const raft::HardState hard = raft::decode_hard_state(blob).value_or(raft::HardState{});
  return "term " + number(hard.term.value()) + " vote " + (hard.vote.is_none() ? "none" : name_of(hard.vote));
}

std::string_view timer_words(TimerKind kind) {
  switch (kind) {
    case TimerKind::election: return "election";
    case TimerKind::heartbeat: return "heartbeat";
    case TimerKind::retry: return "retry";
    case TimerKind::notice: return "notice";
  }
  return "?";
}

std::string op_words(const PersistOp& op) {
  return std::visit(Match{[](const SetState& one) { return state_words(one.blob.view()); },
                          [](const Put& one) { return words(one.entry); },
                          [](const TruncateFrom& one) { return "cut from " + number(one.position.value()); },
                          [](const DiscardBelow& one) { return "discard up to " + words(one.id); },
                          [](const ResetTo& one) { return "reset to " + words(one.snapshot); },
                          [](const SetCell&) { return std::string("cell"); }},
                    op);
}

}  // namespace quorate::stories
