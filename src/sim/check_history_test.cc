// Hand-made wrong histories that the checkers must reject, each beside the right one that it was made from.

#include "sim/check_history.h"

#include <gtest/gtest.h>

#include "sim/check_leases.h"

namespace quorate::sim {
namespace {

Instant at_ms(int ms) { return Instant(std::chrono::milliseconds(ms)); }

Operation operation(OperationKind kind, std::string key, int invoked_ms, int returned_ms, std::int64_t revision) {
  Operation op;
  op.client = 1;
  op.node = 1;
  op.kind = kind;
  op.outcome = OperationOutcome::ok;
  op.key = std::move(key);
  op.invoked = at_ms(invoked_ms);
  op.returned = at_ms(returned_ms);
  op.revision = revision;
  return op;
}

Operation put(std::string key, std::string value, int invoked_ms, int returned_ms, std::int64_t revision) {
  Operation op = operation(OperationKind::put, std::move(key), invoked_ms, returned_ms, revision);
  op.value = std::move(value);
  return op;
}

Operation range(std::string key, int invoked_ms, int returned_ms, std::int64_t revision, std::vector<KeyValue> kvs) {
  Operation op = operation(OperationKind::range, std::move(key), invoked_ms, returned_ms, revision);
  op.answer.kvs = std::move(kvs);
  return op;
}

Change put_change(std::string key, std::string value, std::int64_t created, std::int64_t version,
                  std::int64_t lease = 0) {
  return Change{false, std::move(key), std::move(value), created, version, lease};
}

Change erase_change(std::string key) { return Change{true, std::move(key), "", 0, 0, 0}; }

/// x=a at 2, y=b at 3, x=c at 4, with a read between and a watch of everything.
History right_history() {
  History history;
  history.operations = {put("x", "a", 0, 10, 2), put("y", "b", 11, 20, 3),
                        range("x", 21, 30, 3, {KeyValue{"x", "a", 2, 2, 1, 0}}), put("x", "c", 31, 40, 4)};
  history.trail[2] = {put_change("x", "a", 2, 1)};
  history.trail[3] = {put_change("y", "b", 3, 1)};
  history.trail[4] = {put_change("x", "c", 2, 2)};
  for (const auto& [revision, changes] : history.trail) {
    history.executed_at[revision] = at_ms(static_cast<int>(revision) * 10);
  }
  WatchRecord watch;
  watch.key = "a";
  watch.end = "z";
  watch.from = 1;
  watch.alive_at_end = true;
  for (const auto& [revision, changes] : history.trail) {
    watch.told.push_back({revision, changes[0]});
  }
  history.watches.push_back(watch);
  history.ended = at_ms(60'000);
  return history;
}

void expect_rejected(const History& history, std::string_view because) {
  const std::string found = check_history(history);
  EXPECT_NE(found.find(because), std::string::npos) << "found: " << found;
}

TEST(CheckHistory, AcceptsARightHistory) { EXPECT_EQ(check_history(right_history()), ""); }

TEST(CheckHistory, RejectsAnAcknowledgedWriteThatIsNowhere) {
  History history = right_history();
  history.trail.erase(4);
  history.watches.clear();
  expect_rejected(history, "nothing happened at its revision");
}

TEST(CheckHistory, RejectsAnAcknowledgedWriteThatAnotherReplaced) {
  History history = right_history();
  history.trail[3] = {put_change("y", "other", 3, 1)};
  expect_rejected(history, "does not show what was acknowledged");
}

TEST(CheckHistory, RejectsAWriteThatNobodyAskedFor) {
  History history = right_history();
  history.trail[5] = {put_change("x", "ghost", 2, 3)};
  expect_rejected(history, "nobody asked for");
}

TEST(CheckHistory, RejectsARefusedWriteThatHappened) {
  History history = right_history();
  history.operations.push_back(put("x", "refused", 41, 50, 0));
  history.operations.back().outcome = OperationOutcome::refused;
  history.trail[5] = {put_change("x", "refused", 2, 3)};
  expect_rejected(history, "refused but happened");
}

TEST(CheckHistory, RejectsAnUnknownWriteThatHappenedTwice) {
  History history = right_history();
  history.operations.push_back(put("z", "twice", 41, 50, 0));
  history.operations.back().outcome = OperationOutcome::unknown;
  history.trail[5] = {put_change("z", "twice", 5, 1)};
  EXPECT_EQ(check_order(history), "");
  history.trail[6] = {put_change("z", "twice", 5, 2)};
  expect_rejected(history, "happened twice");
}

TEST(CheckHistory, RejectsAnUnknownWriteThatHappenedBeforeItWasAskedFor) {
  History history = right_history();
  history.operations[1].outcome = OperationOutcome::unknown;
  history.operations[1].invoked = at_ms(45);
  expect_rejected(history, "before it was asked for");
}

TEST(CheckHistory, RejectsAReadOfAnOlderStateThanOneSeenBefore) {  // L-01, a deposed leader's answer
  History history = right_history();
  history.operations[2] = range("x", 50, 60, 3, {KeyValue{"x", "a", 2, 2, 1, 0}});
  expect_rejected(history, "later revision had returned");
}

TEST(CheckHistory, RejectsAWriteOrderedBeforeOneThatHadReturned) {
  History history = right_history();
  history.operations[0].invoked = at_ms(25);
  history.operations[0].returned = at_ms(28);
  expect_rejected(history, "later revision had returned");
}

TEST(CheckHistory, RejectsAReadThatMissesAKey) {
  History history = right_history();
  history.operations[2].answer.kvs.clear();
  expect_rejected(history, "not the state at its revision");
}

TEST(CheckHistory, RejectsAReadOfAnUncommittedValue) {
  History history = right_history();
  history.operations[2].answer.kvs[0].value = "dirty";
  expect_rejected(history, "not the state at its revision");
}

TEST(CheckHistory, RejectsAWrongVersion) {
  History history = right_history();
  history.trail[4][0].version = 3;
  history.watches.clear();
  expect_rejected(history, "wrong version");
}

TEST(CheckHistory, RejectsAFailedTxnWhoseCompareWasTrue) {
  History history = right_history();
  Operation txn = operation(OperationKind::compare_and_put, "x", 41, 50, 4);
  txn.argument = 4;
  txn.value = "never";
  txn.answer.kvs = {KeyValue{"x", "c", 2, 4, 2, 0}};
  history.operations.push_back(txn);
  expect_rejected(history, "compare was true");
}

TEST(CheckHistory, RejectsADeleteThatShowsOtherValuesThanWereThere) {
  History history = right_history();
  Operation erase = operation(OperationKind::erase, "x", 41, 50, 5);
  erase.argument = 1;
  erase.answer.deleted = 1;
  erase.answer.kvs = {KeyValue{"x", "never", 2, 2, 1, 0}};
  history.operations.push_back(erase);
  history.trail[5] = {erase_change("x")};
  history.watches.clear();
  expect_rejected(history, "is not the state at its revision");
}

TEST(CheckHistory, RejectsADeleteThatRemovedMoreThanItSaid) {
  History history = right_history();
  Operation erase = operation(OperationKind::erase, "x", 41, 50, 5);
  erase.end = "z";
  erase.answer.deleted = 1;
  history.operations.push_back(erase);
  history.trail[5] = {erase_change("x"), erase_change("y")};
  history.watches.clear();
  expect_rejected(history, "does not show what was acknowledged");
}

TEST(CheckHistory, RejectsAWatchWithAGap) {  // W-01
  History history = right_history();
  history.watches[0].told.erase(history.watches[0].told.begin() + 1);
  expect_rejected(history, "was due");
}

TEST(CheckHistory, RejectsAWatchWithADuplicate) {  // W-06
  History history = right_history();
  history.watches[0].told.insert(history.watches[0].told.begin(), history.watches[0].told[0]);
  history.watches[0].told.pop_back();
  expect_rejected(history, "was due");
}

TEST(CheckHistory, RejectsAWatchOutOfOrder) {
  History history = right_history();
  std::swap(history.watches[0].told[0], history.watches[0].told[1]);
  expect_rejected(history, "was due");
}

TEST(CheckHistory, RejectsAWatchThatStoppedSilently) {
  History history = right_history();
  history.watches[0].told.pop_back();
  expect_rejected(history, "never told of");
}

TEST(CheckHistory, RejectsProgressBeforeItsEvents) {  // W-04
  History history = right_history();
  history.watches[0].progress.emplace_back(1, 3);
  expect_rejected(history, "progress promised");
}

TEST(CheckHistory, RejectsHalfOfARevision) {  // W-07
  History history = right_history();
  history.operations[3].other = "y";
  history.operations[3].kind = OperationKind::compare_and_put;
  history.operations[3].answer.succeeded = true;
  history.trail[4] = {put_change("x", "c", 2, 2), put_change("y", "c", 3, 2)};
  history.watches[0].alive_at_end = false;
  expect_rejected(history, "half of");
}

/// A lease of two seconds on x, granted at 0 and never renewed.
History lease_history() {
  History history;
  history.operations = {operation(OperationKind::lease_grant, "lease", 0, 10, 1), put("x", "a", 11, 20, 2)};
  history.operations[0].argument = 7;
  history.operations[1].argument = 7;
  history.trail[2] = {put_change("x", "a", 2, 1, 7)};
  history.trail[3] = {erase_change("x")};
  history.executed_at = {{2, at_ms(15)}, {3, at_ms(2500)}};
  history.ended = at_ms(60'000);
  return history;
}

TEST(CheckLeases, AcceptsAnExpiryInTime) { EXPECT_EQ(check_leases(lease_history(), 2), ""); }

TEST(CheckLeases, RejectsAnEarlyExpiry) {
  History history = lease_history();
  history.executed_at[3] = at_ms(900);
  EXPECT_NE(check_leases(history, 2).find("before its time ran out"), std::string::npos);
}

TEST(CheckLeases, RejectsAnExpiryAHundredthTooEarly) {
  History history = lease_history();
  history.executed_at[3] = at_ms(950);
  EXPECT_NE(check_leases(history, 1).find("before its time ran out"), std::string::npos);
  history.executed_at[3] = at_ms(995);
  EXPECT_EQ(check_leases(history, 1), "") << "a node's clock may be a little fast";
}

TEST(CheckLeases, RejectsAKeepAliveOfALeaseThatHasEnded) {  // E-04
  History history = lease_history();
  Operation keep_alive = operation(OperationKind::lease_keep_alive, "lease", 2600, 2610, 3);
  keep_alive.argument = 7;
  keep_alive.answer.ttl = 2;
  history.operations.push_back(keep_alive);
  EXPECT_NE(check_leases(history, 2).find("before its time ran out"), std::string::npos);
  history.operations.back().invoked = at_ms(2400);
  history.executed_at[3] = at_ms(4500);
  EXPECT_EQ(check_leases(history, 2), "");
}

TEST(CheckLeases, RejectsALeaseThatNeverEnds) {
  History history = lease_history();
  history.trail.erase(3);
  EXPECT_NE(check_leases(history, 2).find("ran out long ago"), std::string::npos);
}

TEST(CheckLeases, RejectsAKeepAliveAfterTheRevoke) {
  History history = lease_history();
  Operation revoke = operation(OperationKind::lease_revoke, "lease", 30, 40, 3);
  revoke.argument = 7;
  Operation keep_alive = operation(OperationKind::lease_keep_alive, "lease", 50, 60, 3);
  keep_alive.argument = 7;
  keep_alive.answer.ttl = 2;
  history.operations.push_back(revoke);
  history.operations.push_back(keep_alive);
  EXPECT_NE(check_leases(history, 2).find("after its revoke"), std::string::npos);
}

TEST(CheckLeases, RejectsAKeyLeftBehindByARevoke) {
  History history = lease_history();
  history.operations.push_back(put("y", "b", 21, 30, 3));
  history.operations.back().argument = 7;
  history.trail[3] = {put_change("y", "b", 3, 1, 7)};
  history.trail[4] = {erase_change("x")};
  history.executed_at[4] = at_ms(2500);
  EXPECT_NE(check_leases(history, 2).find("stayed when"), std::string::npos);
}

}  // namespace
}  // namespace quorate::sim
