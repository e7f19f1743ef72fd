#include "state/kv/validate.h"

#include <gtest/gtest.h>

#include "state/kv/store_test_world.h"

namespace quorate::kv {
namespace {

using test::TxnBuilder;

std::string bytes_of(const Buffer& buffer) { return test::to_bytes(buffer); }
Failure check(const TxnBuilder& txn, std::uint32_t max_ops = 128) { return validate_txn(txn.bytes, max_ops); }
codec::PutRequest put(ByteView key) { return {.key = key}; }
codec::DeleteRangeRequest erase(ByteView key, ByteView end = {}) { return {.key = key, .range_end = end}; }

TEST(Validate, single_requests) {
  const auto range = [](const codec::RangeRequest& request) {
    return validate_range(bytes_of(codec::encode_request(request)));
  };
  EXPECT_EQ(range({.key = "k"}), Failure::none);
  EXPECT_EQ(range({}), Failure::empty_key);
  EXPECT_EQ(range({.key = "k", .sort_order = 3}), Failure::invalid_sort_option);
  EXPECT_EQ(range({.key = "k", .sort_target = 5}), Failure::invalid_sort_option);
  EXPECT_EQ(range({.key = "k", .sort_target = -1}), Failure::invalid_sort_option);
  EXPECT_EQ(validate_range("\x0A"), Failure::malformed);
  const auto check_put = [](const codec::PutRequest& request) {
    return validate_put(bytes_of(codec::encode_request(request)));
  };
  EXPECT_EQ(check_put({.key = "k", .value = "v"}), Failure::none);
  EXPECT_EQ(check_put({.value = "v"}), Failure::empty_key);
  EXPECT_EQ(check_put({.key = "k", .value = "v", .ignore_value = true}), Failure::value_provided);
  EXPECT_EQ(check_put({.key = "k", .lease = -4, .ignore_lease = true}), Failure::lease_provided);
  EXPECT_EQ(check_put({.key = "k", .ignore_value = true, .ignore_lease = true}), Failure::none);
  EXPECT_EQ(validate_delete_range(""), Failure::empty_key);
  EXPECT_EQ(validate_delete_range(bytes_of(codec::encode_request(erase("k")))), Failure::none);
}

TEST(Validate, operations_are_counted_level_by_level) {
  TxnBuilder flat;
  for (int i = 0; i < 4; ++i) {
    flat.put(true, put("k" + std::to_string(i)));
  }
  EXPECT_EQ(check(flat, 4), Failure::none);
  EXPECT_EQ(check(flat, 3), Failure::too_many_ops);
  TxnBuilder outer;
  outer.txn(true, flat);
  EXPECT_EQ(check(outer, 5), Failure::none);
  EXPECT_EQ(check(outer, 4), Failure::too_many_ops);  // 4 - 1 are left for the nested one
  EXPECT_EQ(check(TxnBuilder(), 0), Failure::none);
}

TEST(Validate, keys_of_compares_come_before_operations) {
  EXPECT_EQ(check(TxnBuilder().op(true, 9, "").compare(0, 0, "", 1)), Failure::empty_key);
  EXPECT_EQ(check(TxnBuilder().op(true, 9, "").compare(0, 0, "k", 1)), Failure::key_not_found);  // no request in it
  EXPECT_EQ(check(TxnBuilder().put(false, put(""))), Failure::empty_key);
  EXPECT_EQ(check(TxnBuilder().txn(true, TxnBuilder().erase(true, erase("")))), Failure::empty_key);
  EXPECT_EQ(validate_txn("\x12\x02\x12\x09", 128), Failure::malformed);
}

TEST(Validate, a_key_is_put_once_and_not_where_it_is_deleted) {
  EXPECT_EQ(check(TxnBuilder().put(true, put("a")).put(true, put("a"))), Failure::duplicate_key);
  EXPECT_EQ(check(TxnBuilder().put(true, put("a")).put(false, put("a"))), Failure::none);
  EXPECT_EQ(check(TxnBuilder().put(false, put("a")).erase(false, erase("a"))), Failure::duplicate_key);
  EXPECT_EQ(check(TxnBuilder().put(true, put("b")).erase(true, erase("a", "c"))), Failure::duplicate_key);
  EXPECT_EQ(check(TxnBuilder().put(true, put("c")).erase(true, erase("a", "c"))), Failure::none);
  EXPECT_EQ(check(TxnBuilder().erase(true, erase("a", "d")).erase(true, erase("b", "e"))), Failure::none);
  EXPECT_EQ(check(TxnBuilder().erase(true, erase("a", "d")).erase(true, erase("b", "e")).put(true, put("d"))),
            Failure::duplicate_key);
  EXPECT_EQ(check(TxnBuilder().put(true, put("a")).range(true, {.key = "a"})), Failure::none);
}

TEST(Validate, etcds_ways_of_looking_at_nested_transactions) {
  const TxnBuilder puts_both = TxnBuilder().put(true, put("a")).put(false, put("a"));
  EXPECT_EQ(check(TxnBuilder().txn(true, puts_both)), Failure::none);
  EXPECT_EQ(check(TxnBuilder().txn(true, puts_both).put(true, put("a"))), Failure::duplicate_key);
  EXPECT_EQ(check(TxnBuilder().txn(true, puts_both).txn(true, puts_both)), Failure::duplicate_key);
  const TxnBuilder deletes = TxnBuilder().erase(false, erase("a"));
  EXPECT_EQ(check(TxnBuilder().txn(true, deletes).txn(true, puts_both)), Failure::duplicate_key);
  EXPECT_EQ(check(TxnBuilder().txn(true, puts_both).txn(true, deletes)), Failure::none);  // looked at in order
  EXPECT_EQ(check(TxnBuilder().txn(true, deletes).put(true, put("a"))), Failure::duplicate_key);
  EXPECT_EQ(check(TxnBuilder().erase(true, erase("a")).txn(true, puts_both)), Failure::duplicate_key);
  const ByteView open("\0", 1);
  EXPECT_EQ(check(TxnBuilder().erase(true, erase("a", open)).put(true, put("b"))), Failure::none);
}

TEST(Validate, a_hostile_transaction_is_cheap_to_refuse) {
  TxnBuilder txn;
  for (int outer = 0; outer < 64; ++outer) {
    TxnBuilder nested;
    for (int i = 0; i < 64; ++i) {
      const std::string key = std::to_string(outer * 64 + i);
      nested.erase(true, erase("d" + key, "d" + key + "x")).put(false, put("p" + key));
    }
    txn.txn(true, nested);
  }
  EXPECT_EQ(check(txn), Failure::none);
}

TEST(Validate, reads_and_writes_are_told_apart) {
  const auto classify = [](const TxnBuilder& txn) { return classify_txn(txn.bytes); };
  EXPECT_EQ(classify(TxnBuilder().range(true, {.key = "a", .serializable = true})), TxnClass::serializable_read);
  EXPECT_EQ(classify(TxnBuilder().range(true, {.key = "a", .serializable = true}).range(false, {.key = "b"})),
            TxnClass::linearizable_read);
  EXPECT_EQ(classify(TxnBuilder().compare(0, 0, "a", 1)), TxnClass::serializable_read);
  EXPECT_EQ(classify(TxnBuilder().range(true, {.key = "a"}).erase(false, erase("b"))), TxnClass::write);
  EXPECT_EQ(classify(TxnBuilder().txn(true, TxnBuilder())), TxnClass::write);
  EXPECT_TRUE(
      is_serializable_range(bytes_of(codec::encode_request(codec::RangeRequest{.key = "a", .serializable = true}))));
  EXPECT_FALSE(is_serializable_range(bytes_of(codec::encode_request(codec::RangeRequest{.key = "a"}))));
}

TEST(Validate, the_quota_counts_the_larger_branch) {
  const codec::PutRequest request{.key = "key", .value = "value"};
  EXPECT_EQ(quota_cost(CommandKind::put, bytes_of(codec::encode_request(request))), 256U + 8U);
  TxnBuilder txn;
  txn.put(true, request).txn(true, TxnBuilder().put(false, request).put(false, request)).put(false, request);
  EXPECT_EQ(quota_cost(CommandKind::txn, txn.bytes), 3U * 264U);
  EXPECT_TRUE(may_grow(CommandKind::txn, txn.bytes));
  EXPECT_FALSE(may_grow(CommandKind::txn, TxnBuilder().erase(true, erase("k")).bytes));
  EXPECT_EQ(quota_cost(CommandKind::lease_grant, ""), 64U);
  EXPECT_FALSE(may_grow(CommandKind::delete_range, bytes_of(codec::encode_request(erase("k")))));
  EXPECT_FALSE(may_grow(CommandKind::compact, ""));
}

}  // namespace
}  // namespace quorate::kv
