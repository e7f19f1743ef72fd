#include "codec/etcd_request.h"

#include <string>

#include <gtest/gtest.h>

#include "codec/varint.h"

namespace quorate::codec {
namespace {

constexpr ByteView operator""_s(const char* text, std::size_t size) { return {text, size}; }

TEST(EtcdRequest, reads_every_field_of_a_range) {
  const ByteView bytes =
      "\x0A\x01k\x12\x01z\x18\x05\x20\x07\x28\x02\x30\x03\x38\x01\x40\x01\x48\x01\x50\x0A\x58\x0B\x60\x0C\x68\x0D"_s;
  RangeRequest range;
  ASSERT_TRUE(read_request(bytes, range));
  EXPECT_EQ(range.key, "k");
  EXPECT_EQ(range.range_end, "z");
  EXPECT_EQ(range.limit, 5);
  EXPECT_EQ(range.revision, 7);
  EXPECT_EQ(range.sort_order, 2);
  EXPECT_EQ(range.sort_target, 3);
  EXPECT_TRUE(range.serializable && range.keys_only && range.count_only);
  EXPECT_EQ(range.min_mod_revision, 10);
  EXPECT_EQ(range.max_mod_revision, 11);
  EXPECT_EQ(range.min_create_revision, 12);
  EXPECT_EQ(range.max_create_revision, 13);
  EXPECT_EQ(encode_request(range).view(), bytes);
}

TEST(EtcdRequest, the_last_scalar_wins_and_what_is_unknown_is_skipped) {
  PutRequest put;
  // key "a"; field 99 fixed32; field 98 a group with a nested one; lease 1; lease 2 in ten bytes with excess bits; key
  // "b"
  ASSERT_TRUE(
      read_request("\x0A\x01"
                   "a\x9D\x06zzzz\x93\x06\x0B\x0C\x08\x01\x94\x06\x18\x01"
                   "\x18\x82\x80\x80\x80\x80\x80\x80\x80\x80\x7E\x0A\x01"
                   "b"_s,
                   put));
  EXPECT_EQ(put.key, "b");
  EXPECT_EQ(put.lease, 2);
}

TEST(EtcdRequest, a_wrong_wire_type_is_an_unknown_field) {
  PutRequest put;
  ASSERT_TRUE(read_request("\x08\x05\x1A\x01x"_s, put));  // key as a number, lease as bytes
  EXPECT_TRUE(put.key.empty());
  EXPECT_EQ(put.lease, 0);
}

TEST(EtcdRequest, negative_numbers_take_ten_bytes) {
  CompactionRequest compaction{.revision = -1, .physical = true};
  const Buffer bytes = encode_request(compaction);
  EXPECT_EQ(bytes.size(), 13U);
  compaction = {};
  ASSERT_TRUE(read_request(bytes.view(), compaction));
  EXPECT_EQ(compaction.revision, -1);
  EXPECT_TRUE(compaction.physical);
}

TEST(EtcdRequest, refuses_what_protobuf_refuses) {
  PutRequest put;
  EXPECT_FALSE(read_request("\x0A"_s, put));  // no length
  EXPECT_FALSE(
      read_request("\x0A\x02"
                   "a"_s,
                   put));                                             // fewer bytes than the length says
  EXPECT_FALSE(read_request("\x0A\x80\x80\x80\x80\x80\x00"_s, put));  // a length of six bytes
  EXPECT_FALSE(read_request("\x18\x80"_s, put));                      // an open varint
  EXPECT_FALSE(read_request("\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"_s, put));  // eleven bytes
  EXPECT_FALSE(read_request("\x00\x00"_s, put));                                          // field number 0
  EXPECT_FALSE(read_request("\x0C"_s, put));      // end of a group that never began
  EXPECT_FALSE(read_request("\x0B\x14"_s, put));  // ends as another group
  EXPECT_FALSE(read_request("\x0B"_s, put));      // never ends
  EXPECT_FALSE(read_request("\x0E\x01"_s, put));  // wire type 6
  EXPECT_FALSE(read_request("\x09zzz"_s, put));   // a short fixed64
  EXPECT_TRUE(read_request(""_s, put));
}

TEST(EtcdRequest, reads_a_transaction_in_all_its_depth) {
  // compare { GREATER, MOD, "k", mod_revision 9, range_end "z" }, success { range "r"; txn { failure { put "p" } } }
  const ByteView nested = "\x1A\x05\x12\x03\x0A\x01p"_s;
  std::string bytes("\x0A\x0D\x08\x01\x10\x02\x1A\x01k\x30\x09\x82\x04\x01z"_s);
  bytes.append("\x12\x05\x0A\x03\x0A\x01r"_s).append("\x12\x09\x22\x07"_s).append(nested);
  TxnRequest txn;
  ASSERT_TRUE(read_request(bytes, txn));
  EXPECT_EQ(txn.compare_count(), 1U);
  EXPECT_EQ(txn.success_count(), 2U);
  EXPECT_EQ(txn.failure_count(), 0U);
  TxnFields compares = txn.compares();
  CompareRequest compare;
  ASSERT_TRUE(compares.next(compare));
  EXPECT_EQ(compare.result, CompareRequest::greater);
  EXPECT_EQ(compare.target, CompareRequest::mod);
  EXPECT_EQ(compare.operand_of, CompareRequest::mod);
  EXPECT_EQ(compare.operand, 9);
  EXPECT_EQ(compare.range_end, "z");
  EXPECT_FALSE(compares.next(compare));
  TxnFields ops = txn.branch(true);
  RequestOp op;
  ASSERT_TRUE(ops.next(op));
  EXPECT_EQ(op.kind, RequestOp::Kind::range);
  EXPECT_EQ(op.range.key, "r");
  ASSERT_TRUE(ops.next(op));
  ASSERT_EQ(op.kind, RequestOp::Kind::txn);
  TxnFields failure = op.txn.failure();
  RequestOp inner;
  ASSERT_TRUE(failure.next(inner));
  EXPECT_EQ(inner.put.key, "p");
  EXPECT_FALSE(ops.next(op));
}

TEST(EtcdRequest, a_oneof_keeps_its_last_member_and_merges_equal_ones) {
  // success { range "r"; put "p"; put lease 5 }: the puts are one, the range is forgotten
  TxnRequest txn;
  ASSERT_TRUE(read_request("\x12\x0E\x0A\x03\x0A\x01r\x12\x03\x0A\x01p\x12\x02\x18\x05"_s, txn));
  TxnFields ops = txn.success();
  RequestOp op;
  ASSERT_TRUE(ops.next(op));
  EXPECT_EQ(op.kind, RequestOp::Kind::put);
  EXPECT_EQ(op.put.key, "p");
  EXPECT_EQ(op.put.lease, 5);
  // success { txn { success { range "a" } }; txn { success { range "b" } } } has two operations inside
  ASSERT_TRUE(
      read_request("\x12\x12\x22\x07\x12\x05\x0A\x03\x0A\x01"
                   "a\x22\x07\x12\x05\x0A\x03\x0A\x01"
                   "b"_s,
                   txn));
  ops = txn.success();
  ASSERT_TRUE(ops.next(op));
  EXPECT_EQ(op.txn.success_count(), 2U);
  // What the last member replaces must be well-formed all the same.
  EXPECT_FALSE(read_request("\x12\x08\x0A\x01\x0A\x12\x03\x0A\x01p"_s, txn));
}

TEST(EtcdRequest, nesting_is_bounded) {
  const auto wrap = [](std::uint8_t tag, const std::string& inner) {
    std::string outer(1, static_cast<char>(tag));
    append_varint(outer, inner.size());
    return outer + inner;
  };
  std::string bytes;
  TxnRequest txn;
  for (int level = 0; level < kMaxMessageDepth / 2; ++level) {
    ASSERT_TRUE(read_request(bytes, txn)) << level;
    bytes = wrap(0x12, wrap(0x22, bytes));
  }
  ASSERT_TRUE(read_request(bytes, txn));
  bytes = wrap(0x12, wrap(0x22, bytes));
  EXPECT_FALSE(read_request(bytes, txn));
}

}  // namespace
}  // namespace quorate::codec
