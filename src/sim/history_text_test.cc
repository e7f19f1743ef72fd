// A written history is read, judged as the simulator judges its own, and refused when it is not whole. Each wrong
// history is made from the right one by one replacement.

#include "sim/history_text.h"

#include <gtest/gtest.h>

#include "sim/check_history.h"
#include "sim/check_leases.h"

namespace quorate::sim {
namespace {

// x=a, y=b with a lease of 2 s, x=c, both deleted; a read, a failed txn and a watch that saw it all.
constexpr std::string_view kRight =
    "quorate-history 1\n"
    "# what two clients did\n"
    "op client=1 node=1 kind=grant outcome=ok invoked=0 returned=10 key=lease argument=7 revision=1\n"
    "op client=1 node=1 kind=put outcome=ok invoked=20 returned=30 key=x value=a revision=2\n"
    "op client=1 node=2 kind=put outcome=ok invoked=40 returned=50 key=y value=b%20%c3%a4 argument=7 revision=3\n"
    "op client=2 node=3 kind=range outcome=ok invoked=60 returned=70 key=x end=z revision=3\n"
    "kv key=x value=a created=2 modified=2 version=1\n"
    "kv key=y value=b%20%C3%A4 created=3 modified=3 version=1 lease=7\n"
    "op client=1 node=2 kind=txn outcome=ok invoked=80 returned=90 key=x value=n argument=9 revision=3 succeeded=0\n"
    "kv key=x value=a created=2 modified=2 version=1\n"
    "op client=1 node=2 kind=put outcome=unknown invoked=100 returned=110 key=x value=c\n"
    "op client=2 node=1 kind=delete outcome=ok invoked=120 returned=130 key=x argument=1 revision=5 deleted=1\n"
    "kv key=x value=c created=2 modified=4 version=2\n"
    "change revision=2 kind=put key=x value=a created=2 version=1 at=25\n"
    "change revision=3 kind=put key=y value=b%20%c3%a4 created=3 version=1 lease=7 at=45\n"
    "change revision=4 kind=put key=x value=c created=2 version=2 at=105\n"
    "change revision=5 kind=delete key=x at=125\n"
    "change revision=6 kind=delete key=y at=2500000000\n"
    "watch client=3 node=1 key=x end=z from=4 alive=1\n"
    "told revision=4 kind=put key=x value=c created=2 version=2\n"
    "progress revision=4\n"
    "told revision=5 kind=delete key=x\n"
    "told revision=6 kind=delete key=y\n"
    "end at=60000000000 lease-ttl=2\n";

std::string verdict(std::string_view text) {
  const Result<RecordedHistory> recorded = parse_history(text);
  if (!recorded) {
    return recorded.error().text;
  }
  std::string wrong = check_history(recorded->history);
  return wrong.empty() ? check_leases(recorded->history, recorded->lease_ttl_seconds) : wrong;
}

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(kRight);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_rejected(std::string_view from, std::string_view to, std::string_view because) {
  const std::string found = verdict(replaced(from, to));
  EXPECT_NE(found.find(because), std::string::npos) << from << " -> " << to << ": found: " << found;
}

TEST(HistoryText, ARightOneIsRead) {
  const Result<RecordedHistory> recorded = parse_history(kRight);
  ASSERT_TRUE(recorded.has_value()) << recorded.error().text;
  const History& history = recorded->history;
  EXPECT_EQ(history.operations.size(), 7U);
  EXPECT_EQ(history.trail.size(), 5U);
  EXPECT_EQ(history.trail.at(3)[0].value, "b \xc3\xa4");
  EXPECT_EQ(history.trail.at(3)[0].lease, 7);
  EXPECT_EQ(history.executed_at.at(6), Instant(std::chrono::milliseconds(2500)));
  ASSERT_EQ(history.watches.size(), 1U);
  EXPECT_EQ(history.watches[0].told.size(), 3U);
  EXPECT_EQ(history.watches[0].progress[0], (std::pair<std::size_t, std::int64_t>(1, 4)));
  EXPECT_EQ(recorded->lease_ttl_seconds, 2);
  EXPECT_EQ(verdict(kRight), "");
}

TEST(HistoryText, WrongHistoriesAreRejectedForTheirReason) {
  expect_rejected("value=a revision=2", "value=a revision=4", "does not show what was acknowledged");
  expect_rejected("value=a revision=2", "value=a revision=9", "nothing happened at its revision");
  expect_rejected("change revision=5 kind=delete key=x at=125\n", "", "nothing happened at its revision");
  expect_rejected("change revision=4 kind=put key=x value=c", "change revision=4 kind=put key=x value=ghost",
                  "nobody asked for");
  expect_rejected("outcome=unknown", "outcome=refused", "refused but happened");
  expect_rejected("invoked=60 returned=70", "invoked=140 returned=150", "later revision had returned");
  expect_rejected("kv key=x value=a created=2 modified=2 version=1\nkv", "kv", "not the state at its revision");
  expect_rejected("argument=9", "argument=2", "the compare was true");
  expect_rejected("kv key=x value=c", "kv key=x value=a", "not the state at its revision");
  expect_rejected("told revision=5 kind=delete key=x\n", "", "was due");
  expect_rejected("told revision=6 kind=delete key=y\n", "", "never told of");
  expect_rejected("progress revision=4", "progress revision=5", "progress promised");
  expect_rejected("at=2500000000", "at=1500000000", "E-03");
  expect_rejected("change revision=6 kind=delete key=y at=2500000000\n", "", "more than happened");
}

TEST(HistoryText, AnythingHalfUnderstoodIsRefusedWithItsLine) {
  expect_rejected("quorate-history 1", "quorate-history 2", "line 1: not `quorate-history 1`");
  expect_rejected("op client=1", "operation client=1", "line 3: there is no record `operation`");
  expect_rejected("client=1 node=1", "client=1", "line 3: `op` needs `node`");
  expect_rejected("client=1 node=1", "client=1 node=1 weight=3", "line 3: `op` has no field `weight`");
  expect_rejected("client=1 node=1", "client=1 node", "line 3: `node` is not name=value");
  expect_rejected("kind=grant", "kind=gift", "line 3: `kind` has no meaning `gift`");
  expect_rejected("returned=10", "returned=1o", "line 3: `returned` is not a number: `1o`");
  expect_rejected("value=b%20%c3%a4", "value=b%2", "line 5: `value` has a `%` without two hexadecimal digits");
  expect_rejected("change revision=3", "change revision=1", "line 15: changes stand in order of revision");
  expect_rejected("watch client=3 node=1 key=x end=z from=4 alive=1\n", "", "line 19: `told` without a watch");
  expect_rejected("end at=60000000000 lease-ttl=2\n", "", "line 24: cut short: no `end`");
  expect_rejected("lease-ttl=2\n", "lease-ttl=2", "line 24: cut short: no newline");
  expect_rejected("lease-ttl=2\n", "lease-ttl=2\nprogress revision=6\n", "line 25: a record behind `end`");
  EXPECT_EQ(verdict(""), "line 1: cut short: no `end`");
}

}  // namespace
}  // namespace quorate::sim
