#include "consensus/raft/words.h"

#include <optional>

#include "base/match.h"
#include "consensus/raft/wire.h"

namespace quorate::raft {

namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string words(const EntryId& id) { return number(id.position.value()) + "@" + number(id.tag.value()); }

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
            [&](const AppendAccepted& m) { return "accepted" + term + " up to " + number(m.match.value()); },
            [&](const AppendRejected& m) {
              return "rejected" + term + ": " + number(m.rejected.value()) + ", logs meet at most at " + words(m.hint);
            },
            [&](const Heartbeat& m) {
              return "heartbeat" + term + ", round " + number(m.round) + (m.regular ? "" : " for reads") + ", commit " +
                     number(m.commit.value()) + ", everywhere " + number(m.everywhere.value());
            },
            [&](const HeartbeatResponse& m) {
              return "heartbeat answered" + term + ", round " + number(m.round) + ", equal up to " +
                     number(m.verified.value());
            },
            [&](const CommitNotice& m) { return "commit " + number(m.commit.value()) + term; },
            [&](const ReadRequest& m) { return "read " + number(m.number) + "?" + term; },
            [&](const ReadResponse& m) {
              return "read " + number(m.number) + (m.served ? " at " + number(m.position.value()) : " refused") + term;
            },
            [&](const TimeoutNow&) { return "campaign now" + term; }},
      *decoded);
}

}  // namespace quorate::raft
