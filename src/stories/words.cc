#include "stories/words.h"

#include <algorithm>
#include <charconv>

#include "base/match.h"
#include "stories/happening.h"

namespace quorate::stories {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

/// Tags of protocols that put the proposer into them have it in so many low bits.
constexpr unsigned kProposerBits = 32;

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string nodes_words(const std::vector<NodeId>& nodes) {
  std::string text = "{";
  for (const NodeId node : nodes) {
    text += (text.size() > 1 ? " " : "") + name_of(node);
  }
  return text + "}";
}

bool is_text(ByteView bytes) {
  return std::ranges::all_of(bytes, [](char c) { return c >= ' ' && c <= '~'; });
}

/// The command that `op` puts, if it is bytes that nobody reads; else null.
const Entry* unreadable_command(const PersistOp& op) {
  const auto* put = std::get_if<Put>(&op);
  const bool is_one = put != nullptr && put->entry.kind == EntryKind::command && !is_text(put->entry.payload.view());
  return is_one ? &put->entry : nullptr;
}

std::string op_words(const PersistOp& op, const StateWords& state_words, const CellWords& cell_words) {
  return std::visit(Match{[&](const SetState& one) { return state_words(one.blob.view()); },
                          [](const Put& one) { return words(one.entry); },
                          [](const TruncateFrom& one) { return "cut from " + number(one.position.value()); },
                          [](const DiscardBelow& one) { return "discard up to " + words(one.id); },
                          [](const ResetTo& one) { return "reset to " + words(one.snapshot); },
                          [&](const SetCell& one) {
                            return cell_words ? cell_words(one.key.view(), one.blob.view()) : std::string("cell");
                          }},
                    op);
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

std::string words(Tag tag) {
  const std::uint64_t round = tag.value() >> kProposerBits;
  const NodeId proposer(tag.value() & ((std::uint64_t{1} << kProposerBits) - 1));
  return round == 0 ? number(tag.value()) : number(round) + "." + (proposer.is_none() ? "nobody" : name_of(proposer));
}

Tag tag_of_words(std::string_view words) {
  std::uint64_t round = 0;
  std::uint64_t proposer = 0;
  const char* const end = words.data() + words.size();
  const auto read = std::from_chars(words.data(), end, round);
  if (read.ec != std::errc() || read.ptr == end) {
    return Tag(read.ec == std::errc() ? round : 0);
  }
  const std::string_view rest(read.ptr, static_cast<std::size_t>(end - read.ptr));
  const bool is_ballot = rest.starts_with(".n") && std::from_chars(rest.data() + 2, end, proposer).ec == std::errc();
  return is_ballot ? Tag(round << kProposerBits | proposer) : Tag();
}

std::string words(const EntryId& id) { return number(id.position.value()) + "@" + words(id.tag); }

std::string words(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::noop: return words(entry.id) + " no-op";
    case EntryKind::command:
      return words(entry.id) + " " +
             (is_text(entry.payload.view()) ? std::string(entry.payload.view())
                                            : "command of " + number(entry.payload.view().size()) + " bytes");
    case EntryKind::configuration: return words(entry.id) + " configuration";
  }
  return "?";
}

std::string_view loss_words(const consensus::Loss& loss) {
  switch (loss.kind) {
    case consensus::Loss::Kind::none: return "";
    case consensus::Loss::Kind::tail: return ", lost its log's end";
    case consensus::Loss::Kind::promises: return ", lost what it promised";
  }
  return "?";
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

std::string persist_words(const Persist& write, const StateWords& state_words, const CellWords& cell_words) {
  std::string text;
  for (std::size_t i = 0; i < write.ops.size();) {
    text += text.empty() ? "" : ", ";
    std::size_t end = i + 1;
    if (const Entry* first = unreadable_command(write.ops[i])) {
      const Entry* next = nullptr;
      while (end < write.ops.size() && (next = unreadable_command(write.ops[end])) != nullptr &&
             next->id == EntryId{Position(first->id.position.value() + (end - i)), first->id.tag}) {
        ++end;
      }
      if (end - i > 1) {
        text += number(first->id.position.value()) + ".." + words(unreadable_command(write.ops[end - 1])->id) + " " +
                number(end - i) + " commands";
        i = end;
        continue;
      }
    }
    text += op_words(write.ops[i], state_words, cell_words);
    i = end;
  }
  return text;
}

}  // namespace quorate::stories
