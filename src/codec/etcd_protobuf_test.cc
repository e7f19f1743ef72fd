// Our readers and writers of etcd's messages against protobuf's generated code: random messages, whole and damaged,
// must be accepted or refused by both, with the same value in every field.
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "codec/etcd_reply.h"
#include "codec/etcd_request.h"
#include "codec/etcd_test_same.h"
#include "etcd/rpc.pb.h"

namespace quorate::codec {
namespace {

namespace pb = etcdserverpb;

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool chance(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }
  std::string bytes() {
    std::string result(chance(5) ? below(300) : below(6), '\0');
    for (char& byte : result) {
      byte = static_cast<char>(engine_());
    }
    return result;
  }
  std::int64_t number() {
    switch (below(5)) {
      case 0: return 0;
      case 1: return static_cast<std::int64_t>(below(200));
      case 2: return -static_cast<std::int64_t>(below(200));
      case 3: return static_cast<std::int64_t>(engine_());
      default: return static_cast<std::int64_t>(engine_() >> below(64));
    }
  }

 private:
  std::mt19937_64 engine_;
};

void fill(Random& random, pb::RangeRequest& out) {
  out.set_key(random.bytes());
  out.set_range_end(random.bytes());
  out.set_limit(random.number());
  out.set_revision(random.number());
  out.set_sort_order(static_cast<pb::RangeRequest::SortOrder>(random.below(4)));
  out.set_sort_target(static_cast<pb::RangeRequest::SortTarget>(random.below(6)));
  out.set_serializable(random.chance(50));
  out.set_keys_only(random.chance(50));
  out.set_count_only(random.chance(50));
  out.set_min_mod_revision(random.number());
  out.set_max_mod_revision(random.number());
  out.set_min_create_revision(random.number());
  out.set_max_create_revision(random.number());
}

void fill(Random& random, pb::PutRequest& out) {
  out.set_key(random.bytes());
  out.set_value(random.bytes());
  out.set_lease(random.number());
  out.set_prev_kv(random.chance(50));
  out.set_ignore_value(random.chance(50));
  out.set_ignore_lease(random.chance(50));
}

void fill(Random& random, pb::DeleteRangeRequest& out) {
  out.set_key(random.bytes());
  out.set_range_end(random.bytes());
  out.set_prev_kv(random.chance(50));
}

void fill(Random& random, pb::Compare& out) {
  out.set_result(static_cast<pb::Compare::CompareResult>(random.below(5)));
  out.set_target(static_cast<pb::Compare::CompareTarget>(random.below(6)));
  out.set_key(random.bytes());
  out.set_range_end(random.bytes());
  switch (random.below(6)) {
    case 0: out.set_version(random.number()); break;
    case 1: out.set_create_revision(random.number()); break;
    case 2: out.set_mod_revision(random.number()); break;
    case 3: out.set_value(random.bytes()); break;
    case 4: out.set_lease(random.number()); break;
    default: break;
  }
}

void fill(Random& random, pb::TxnRequest& out, int depth);

void fill(Random& random, pb::RequestOp& out, int depth) {
  switch (random.below(5)) {
    case 0: fill(random, *out.mutable_request_range()); break;
    case 1: fill(random, *out.mutable_request_put()); break;
    case 2: fill(random, *out.mutable_request_delete_range()); break;
    case 3:
      if (depth < 4) {
        fill(random, *out.mutable_request_txn(), depth + 1);
      }
      break;
    default: break;
  }
}

void fill(Random& random, pb::TxnRequest& out, int depth) {
  for (std::uint64_t i = random.below(3); i > 0; --i) {
    fill(random, *out.add_compare());
  }
  for (std::uint64_t i = random.below(4); i > 0; --i) {
    fill(random, *out.add_success(), depth);
  }
  for (std::uint64_t i = random.below(3); i > 0; --i) {
    fill(random, *out.add_failure(), depth);
  }
}

void fill(Random& random, pb::TxnRequest& out) { fill(random, out, 0); }
void fill(Random& random, pb::CompactionRequest& out) {
  out.set_revision(random.number());
  out.set_physical(random.chance(50));
}
void fill(Random& random, pb::LeaseGrantRequest& out) {
  out.set_ttl(random.number());
  out.set_id(random.number());
}
void fill(Random& random, pb::LeaseRevokeRequest& out) { out.set_id(random.number()); }
void fill(Random& random, pb::AlarmRequest& out) {
  out.set_action(static_cast<pb::AlarmRequest::AlarmAction>(random.below(4)));
  out.set_memberid(static_cast<std::uint64_t>(random.number()));
  out.set_alarm(static_cast<pb::AlarmType>(random.below(4)));
}

/// Small damage and large: flipped bytes, cut and doubled pieces.
void damage(Random& random, std::string& bytes) {
  for (std::uint64_t i = random.below(4); i > 0 && !bytes.empty(); --i) {
    const std::size_t at = random.below(bytes.size());
    const std::size_t size = random.below(std::min<std::size_t>(bytes.size() - at, 12) + 1);
    switch (random.below(5)) {
      case 0: bytes[at] = static_cast<char>(random.below(256)); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8))); break;
      case 2: bytes.erase(at, size); break;
      case 3: bytes.insert(at, bytes.substr(at, size)); break;
      default: bytes.resize(at); break;
    }
  }
}

template <class Ours, class Theirs>
void compare_readers(std::uint64_t seed, int rounds) {
  Random random(seed);
  int accepted = 0;
  for (int i = 0; i < rounds && !testing::Test::HasFailure(); ++i) {
    Theirs message;
    fill(random, message);
    std::string bytes = message.SerializeAsString();
    if (random.chance(30)) {
      Theirs second;
      fill(random, second);
      bytes += second.SerializeAsString();
    }
    if (random.chance(70)) {
      damage(random, bytes);
    }
    Ours ours;
    Theirs theirs;
    const bool theirs_accepts = theirs.ParseFromString(bytes);
    ASSERT_EQ(read_request(bytes, ours), theirs_accepts) << "round " << i;
    if (theirs_accepts) {
      ++accepted;
      EXPECT_TRUE(test::same(ours, theirs)) << "round " << i;
    }
  }
  EXPECT_GT(accepted, rounds / 4);
  EXPECT_LT(accepted, rounds);
}

TEST(EtcdProtobuf, range_requests) { compare_readers<RangeRequest, pb::RangeRequest>(1, 10'000); }
TEST(EtcdProtobuf, put_requests) { compare_readers<PutRequest, pb::PutRequest>(2, 10'000); }
TEST(EtcdProtobuf, delete_range_requests) { compare_readers<DeleteRangeRequest, pb::DeleteRangeRequest>(3, 10'000); }
TEST(EtcdProtobuf, txn_requests) { compare_readers<TxnRequest, pb::TxnRequest>(4, 20'000); }
TEST(EtcdProtobuf, compaction_requests) { compare_readers<CompactionRequest, pb::CompactionRequest>(5, 10'000); }
TEST(EtcdProtobuf, lease_grant_requests) { compare_readers<LeaseGrantRequest, pb::LeaseGrantRequest>(6, 10'000); }
TEST(EtcdProtobuf, lease_revoke_requests) { compare_readers<LeaseRevokeRequest, pb::LeaseRevokeRequest>(7, 10'000); }
TEST(EtcdProtobuf, alarm_requests) { compare_readers<AlarmRequest, pb::AlarmRequest>(8, 10'000); }

/// A random KeyValue in both forms.
struct Pair {
  mvccpb::KeyValue theirs;
  std::string encoded;
};

Pair random_pair(Random& random) {
  Pair pair;
  pair.theirs.set_key(random.bytes());
  pair.theirs.set_value(random.bytes());
  pair.theirs.set_create_revision(random.number());
  pair.theirs.set_mod_revision(random.number());
  pair.theirs.set_version(random.number());
  pair.theirs.set_lease(random.number());
  const KeyValue ours{.key = pair.theirs.key(),
                      .create_revision = pair.theirs.create_revision(),
                      .mod_revision = pair.theirs.mod_revision(),
                      .version = pair.theirs.version(),
                      .value = pair.theirs.value(),
                      .lease = pair.theirs.lease()};
  pair.encoded.resize(key_value_size(ours));
  EXPECT_EQ(write_key_value(pair.encoded.data(), ours), pair.encoded.data() + pair.encoded.size());
  EXPECT_EQ(pair.encoded, pair.theirs.SerializeAsString());
  KeyValue back;
  EXPECT_TRUE(read_key_value(pair.encoded, back));
  EXPECT_EQ(back.key, ours.key);
  EXPECT_EQ(back.value, ours.value);
  EXPECT_EQ(back.lease, ours.lease);
  EXPECT_EQ(back.version, ours.version);
  return pair;
}

/// Fills `theirs` with a random transaction's responses while `ours` is told the same.
void random_txn(Random& random, pb::TxnResponse& theirs, TxnReplyWriter& ours, int depth) {
  for (std::uint64_t i = random.below(4); i > 0; --i) {
    const std::int64_t revision = random.number();
    const Pair pair = random_pair(random);
    const ByteView encoded = pair.encoded;
    pb::ResponseOp& op = *theirs.add_responses();
    switch (random.below(depth < 3 ? 5 : 4)) {
      case 0: {
        pb::RangeResponse& range = *op.mutable_response_range();
        range.mutable_header()->set_revision(revision);
        *range.add_kvs() = pair.theirs;
        range.set_more(random.chance(50));
        range.set_count(random.number());
        ours.add(RangeFields{.kvs = {&encoded, 1}, .more = range.more(), .count = range.count()}, revision);
        break;
      }
      case 1: {
        pb::PutResponse& put = *op.mutable_response_put();
        put.mutable_header()->set_revision(revision);
        if (!encoded.empty()) {
          *put.mutable_prev_kv() = pair.theirs;
        }
        ours.add_put(encoded, revision);
        break;
      }
      case 2: {
        pb::DeleteRangeResponse& erased = *op.mutable_response_delete_range();
        erased.mutable_header()->set_revision(revision);
        erased.set_deleted(random.number());
        *erased.add_prev_kvs() = pair.theirs;
        ours.add(DeleteRangeFields{.deleted = erased.deleted(), .prev_kvs = {&encoded, 1}}, revision);
        break;
      }
      case 3: ours.add_none(); break;
      default: {
        pb::TxnResponse& nested = *op.mutable_response_txn();
        nested.mutable_header();
        nested.set_succeeded(random.chance(50));
        TxnReplyWriter writer;
        random_txn(random, nested, writer, depth + 1);
        ours.add_txn(writer, nested.succeeded());
        break;
      }
    }
  }
}

TEST(EtcdProtobuf, replies_are_protobufs_bytes) {
  Random random(9);
  for (int i = 0; i < 2000; ++i) {
    const Pair pair = random_pair(random);
    const ByteView views[] = {pair.encoded, pair.encoded};

    pb::RangeResponse range;
    *range.add_kvs() = pair.theirs;
    *range.add_kvs() = pair.theirs;
    range.set_more(random.chance(50));
    range.set_count(random.number());
    EXPECT_EQ(encode_reply(RangeFields{.kvs = views, .more = range.more(), .count = range.count()}).view(),
              range.SerializeAsString());

    pb::DeleteRangeResponse erased;
    *erased.add_prev_kvs() = pair.theirs;
    *erased.add_prev_kvs() = pair.theirs;
    erased.set_deleted(random.number());
    EXPECT_EQ(encode_reply(DeleteRangeFields{.deleted = erased.deleted(), .prev_kvs = views}).view(),
              erased.SerializeAsString());

    pb::TxnResponse txn;
    TxnReplyWriter writer;
    random_txn(random, txn, writer, 0);
    txn.set_succeeded(random.chance(50));
    EXPECT_EQ(writer.finish(txn.succeeded()).view(), txn.SerializeAsString());

    pb::LeaseGrantResponse grant;
    grant.set_id(random.number());
    grant.set_ttl(random.number());
    EXPECT_EQ(encode_lease_grant_reply(grant.id(), grant.ttl()).view(), grant.SerializeAsString());

    pb::HashKVResponse hash;
    hash.set_hash(static_cast<std::uint32_t>(random.number()));
    hash.set_compact_revision(random.number());
    hash.set_hash_revision(random.number());
    EXPECT_EQ(encode_hash_kv_reply(hash.hash(), hash.compact_revision(), hash.hash_revision()).view(),
              hash.SerializeAsString());

    pb::AlarmResponse alarms;
    pb::AlarmMember& alarm = *alarms.add_alarms();
    alarm.set_memberid(static_cast<std::uint64_t>(random.number()));
    alarm.set_alarm(pb::NOSPACE);
    const AlarmMember ours{alarm.memberid(), pb::NOSPACE};
    EXPECT_EQ(encode_alarm_reply({&ours, 1}).view(), alarms.SerializeAsString());
  }
}

}  // namespace
}  // namespace quorate::codec
