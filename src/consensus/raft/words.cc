#include "consensus/raft/words.h"

#include <charconv>

#include "base/match.h"
#include "consensus/raft/hard_state.h"
#include "consensus/raft/wire.h"

namespace quorate::raft {

namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string words(const EntryId& id) { return number(id.position.value()) + "@" + number(id.tag.value()); }

/// Takes `prefix` and a number off the front of `text`; nothing if it begins otherwise.
std::optional<std::uint64_t> take_number(std::string_view& text, std::string_view prefix) {
  std::uint64_t value = 0;
  if (!text.starts_with(prefix)) {
    return std::nullopt;
  }
  const std::string_view digits = text.substr(prefix.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc()) {
    return std::nullopt;
  }
  text = digits.substr(static_cast<std::size_t>(end - digits.data()));
  return value;
}

}  // namespace

std::string message_words(ByteView message) {
  const std::optional<Message> decoded = decode(message);
  if (!decoded) {
    return "(no message)";
  }
  const std::string term = " in term " + number(std::visit([](const auto& one) { return one.term.value(); }, *decoded));
  const auto granted = [](bool yes, bool conditional) {
    return std::string(yes ? "granted" : "refused") + (conditional ? " if all do" : "");
  };
  const auto uncounted = [](bool yes) { return std::string(yes ? ", counts for nothing" : ""); };
  return std::visit(
      Match{[&](const PreVoteRequest& m) {
              return "pre-vote for term " + number(m.term.value()) + "? last " + words(m.last);
            },
            [&](const PreVoteResponse& m) {
              return "pre-vote for term " + number(m.requested.value()) + " " + granted(m.granted, m.conditional) +
                     term;
            },
            [&](const VoteRequest& m) {
              return "vote?" + term + ", last " + words(m.last) + (m.by_transfer ? ", by transfer" : "");
            },
            [&](const VoteResponse& m) { return "vote " + granted(m.granted, m.conditional) + term; },
            [&](const Append& m) {
              return "append" + term + " after " + words(m.previous) + ", commit " + number(m.commit.value());
            },
            [&](const AppendAccepted& m) {
              return "accepted" + term + " up to " + number(m.match.value()) + uncounted(m.uncounted);
            },
            [&](const AppendRejected& m) {
              return "rejected" + term + ": " + number(m.rejected.value()) + ", logs meet at most at " + words(m.hint);
            },
            [&](const Heartbeat& m) {
              return "heartbeat" + term + ", round " + number(m.round) + (m.regular ? "" : " for reads") + ", commit " +
                     number(m.commit.value()) + ", everywhere " + number(m.everywhere.value());
            },
            [&](const HeartbeatResponse& m) {
              return "heartbeat answered" + term + ", round " + number(m.round) + ", equal up to " +
                     number(m.verified.value()) + uncounted(m.uncounted);
            },
            [&](const CommitNotice& m) { return "commit " + number(m.commit.value()) + term; },
            [&](const ReadRequest& m) { return "read " + number(m.number) + "?" + term; },
            [&](const ReadResponse& m) {
              return "read " + number(m.number) + (m.served ? " at " + number(m.position.value()) : " refused") + term;
            },
            [&](const TimeoutNow&) { return "campaign now" + term; }},
      *decoded);
}

std::string state_words(ByteView blob) {
  const HardState hard = decode_hard_state(blob).value_or(HardState{});
  return "term " + number(hard.term.value()) + " vote " +
         (hard.vote.is_none() ? "none" : "n" + number(hard.vote.value()));
}

std::optional<Buffer> state_of_words(std::string_view words) {
  const std::optional<std::uint64_t> term = take_number(words, "term ");
  if (!term) {
    return std::nullopt;
  }
  const std::optional<std::uint64_t> vote = take_number(words, " vote n");
  if (!words.empty() && words != " vote none") {
    return std::nullopt;
  }
  return encode(HardState{.term = Tag(*term), .vote = NodeId(vote.value_or(0))});
}

}  // namespace quorate::raft
