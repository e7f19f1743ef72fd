#pragma once
// What the store's tests run it in: an engine of a map that may answer `pending` and forget its last batches, and an
// observer that keeps what it was told. Requests are built with codec's encoders or, for transactions, TxnBuilder.

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "codec/etcd_request.h"
#include "codec/writer.h"
#include "state/kv/store.h"

namespace quorate::kv::test {

/// An ordered map that remembers its batches, so that a crash can leave any prefix of them.
class FakeRecords final : public env::RecordStore {
 public:
  std::uint64_t pending_percent = 0;
  std::mt19937_64 random{7};
  std::vector<env::RecordBatch> batches;

  env::Lookup get(ByteView key, Callback<> ready) override {
    EXPECT_TRUE(static_cast<bool>(ready));
    const std::string name(key);
    if (pending_percent > 0 && fetched_.erase(name) == 0 && random() % 100 < pending_percent) {
      waiting_.emplace_back(name, ready);
      return {env::Lookup::State::pending, {}};
    }
    const auto found = data_.find(name);
    return found == data_.end() ? env::Lookup{} : env::Lookup{env::Lookup::State::value, found->second};
  }
  Result<std::optional<Buffer>> get_blocking(ByteView key) override {
    const auto found = data_.find(std::string(key));
    return found == data_.end() ? std::optional<Buffer>() : std::optional<Buffer>(found->second);
  }
  std::unique_ptr<env::RecordCursor> scan(ByteView from, ByteView to) override {
    return std::make_unique<Cursor>(data_, from, to);
  }
  void read_page_async(std::shared_ptr<env::RecordCursor> cursor, std::size_t max_bytes,
                       Callback<Result<env::RecordPage>> done) override {
    pages_.push_back({std::move(cursor), max_bytes, done});
  }
  Status write(env::RecordBatch batch) override {
    apply(batch);
    batches.push_back(std::move(batch));
    return {};
  }
  void flush(Callback<Status> done) override { done({}); }
  bool stalled() const override { return false; }
  std::uint64_t size_bytes() const override { return data_.size(); }

  /// Completes every fetch and page that is under way.
  void arrive() {
    for (PageRead& page : std::exchange(pages_, {})) {
      page.done(env::read_page(*page.cursor, page.max_bytes));
    }
    auto waiting = std::move(waiting_);
    waiting_.clear();
    for (auto& [key, ready] : waiting) {
      fetched_.insert(key);
      ready();
    }
  }
  /// Forgets everything but the first `count` batches.
  void crash(std::size_t count) {
    data_.clear();
    fetched_.clear();
    waiting_.clear();
    pages_.clear();
    batches.resize(count);
    for (const env::RecordBatch& batch : batches) {
      apply(batch);
    }
  }
  std::size_t record_count() const { return data_.size(); }

 private:
  struct PageRead {
    std::shared_ptr<env::RecordCursor> cursor;
    std::size_t max_bytes = 0;
    Callback<Result<env::RecordPage>> done;
  };
  using Data = std::map<std::string, Buffer>;
  class Cursor final : public env::RecordCursor {
   public:
    Cursor(const Data& data, ByteView from, ByteView to)
        : data_(data.lower_bound(std::string(from)), data.lower_bound(std::string(to))), at_(data_.begin()) {}
    bool valid() const override { return at_ != data_.end(); }
    ByteView key() const override { return at_->first; }
    ByteView value() const override { return at_->second.view(); }
    void next() override { ++at_; }
    Status status() const override { return {}; }

   private:
    Data data_;
    Data::const_iterator at_;
  };

  void apply(const env::RecordBatch& batch) {
    for (const auto& op : batch.ops) {
      const std::string key(op.key.view());
      switch (op.kind) {
        case env::RecordBatch::Op::Kind::put: data_[key] = op.value; break;
        case env::RecordBatch::Op::Kind::erase: data_.erase(key); break;
        case env::RecordBatch::Op::Kind::erase_range:
          data_.erase(data_.lower_bound(key), data_.lower_bound(std::string(op.value.view())));
          break;
      }
    }
  }

  Data data_;
  std::vector<PageRead> pages_;
  std::set<std::string> fetched_;
  std::vector<std::pair<std::string, Callback<>>> waiting_;
};

/// An event with its bytes copied.
struct SeenEvent {
  Event::Type type{};
  std::string key;
  std::string value;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t sub_revision = 0;
  std::int64_t version = 0;
  std::int64_t lease = 0;
  std::int64_t previous_revision = 0;
  std::int64_t previous_sub = 0;
  friend bool operator==(const SeenEvent&, const SeenEvent&) = default;
};

inline SeenEvent seen(const Event& event) {
  return {event.type,
          std::string(event.key.view()),
          std::string(event.value.view()),
          event.create_revision,
          event.mod_revision,
          event.sub_revision,
          event.version,
          event.lease,
          event.previous_revision,
          event.previous_sub};
}

class Observer final : public StoreObserver {
 public:
  bool wants = true;
  std::vector<SeenEvent> events;
  std::optional<Reply> reply;
  std::vector<std::int64_t> compactions;
  std::vector<std::int64_t> replaced;
  std::vector<std::int64_t> granted;
  std::vector<std::int64_t> revoked;

  bool wants_reply(const RequestId&) const override { return wants; }
  void on_reply(const RequestId& request, Reply answer) override {
    EXPECT_EQ(request.number, 17U);
    reply = std::move(answer);
  }
  void on_events(std::int64_t revision, std::span<const Event> list) override {
    for (const Event& event : list) {
      EXPECT_EQ(event.mod_revision, revision);
      events.push_back(seen(event));
    }
  }
  void on_lease_granted(const LeaseInfo& lease) override { granted.push_back(lease.id); }
  void on_lease_revoked(std::int64_t lease) override { revoked.push_back(lease); }
  void on_compacted(std::int64_t revision) override { compactions.push_back(revision); }
  void on_replaced(std::int64_t revision) override { replaced.push_back(revision); }
};

/// The bytes of one field with a length.
inline std::string field(std::uint32_t number, ByteView bytes) {
  codec::Writer out;
  out.varint(number << 3 | 2U);
  out.sized_bytes(bytes);
  return out.take();
}
inline std::string number_field(std::uint32_t number, std::int64_t value) {
  codec::Writer out;
  out.varint(number << 3);
  out.varint(static_cast<std::uint64_t>(value));
  return out.take();
}
inline std::string to_bytes(const Buffer& buffer) { return std::string(buffer.view()); }

/// Builds a TxnRequest.
struct TxnBuilder {
  std::string bytes;

  TxnBuilder& compare(std::int32_t target, std::int32_t result, ByteView key, std::int64_t operand,
                      ByteView range_end = {}) {
    constexpr std::uint32_t kOperand[] = {4, 5, 6, 7, 8};
    std::string compare =
        number_field(1, result) + number_field(2, target) + field(3, key) + number_field(kOperand[target], operand);
    if (!range_end.empty()) {
      compare += field(64, range_end);
    }
    bytes += field(1, compare);
    return *this;
  }
  TxnBuilder& compare_value(std::int32_t result, ByteView key, ByteView value) {
    bytes += field(1, number_field(1, result) + number_field(2, 3) + field(3, key) + field(7, value));
    return *this;
  }
  TxnBuilder& op(bool success, std::uint32_t kind, ByteView request) {
    bytes += field(success ? 2 : 3, field(kind, request));
    return *this;
  }
  TxnBuilder& put(bool success, const codec::PutRequest& request) {
    return op(success, 2, codec::encode_request(request).view());
  }
  TxnBuilder& range(bool success, const codec::RangeRequest& request) {
    return op(success, 1, codec::encode_request(request).view());
  }
  TxnBuilder& erase(bool success, const codec::DeleteRangeRequest& request) {
    return op(success, 3, codec::encode_request(request).view());
  }
  TxnBuilder& txn(bool success, const TxnBuilder& nested) { return op(success, 4, nested.bytes); }
};

/// A store, its engine and its observer; executes commands to their end.
class World {
 public:
  explicit World(StoreLimits limits = {}) : limits_(limits) { start(); }

  FakeRecords records;
  Observer observer;
  std::unique_ptr<Store> store;
  std::uint64_t readies = 0;

  /// A new life of the store over the engine's present records.
  Position start() {
    store = Store::make(GroupId(3), records, limits_, observer);
    const Result<Position> applied = store->recover(state::kFirstGeneration);
    EXPECT_TRUE(applied.has_value()) << (applied ? "" : applied.error().text);
    return applied.value_or(Position());
  }
  static Buffer command(CommandKind kind, ByteView request, Tag expired_in = {}) {
    return encode_command(
        {.kind = kind, .request = {NodeId(5), Incarnation(2), 17}, .time = {}, .expired_in = expired_in}, request);
  }
  void execute_at(const EntryId& id, const Buffer& bytes) {
    observer.reply.reset();
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t before = readies;
      if (store->execute(id, bytes, Callback<>::to<&World::on_ready>(this)) == state::Execution::done) {
        return;
      }
      records.arrive();
      ASSERT_EQ(readies, before + 1) << "one call for each attempt that waits";
    }
    FAIL() << "a command never finishes";
  }
  Reply run(CommandKind kind, ByteView request, Tag expired_in = {}) {
    execute_at({store->executed().next(), Tag(4)}, command(kind, request, expired_in));
    return observer.reply.value_or(Reply{});
  }
  Reply put(ByteView key, ByteView value, std::int64_t lease = 0) {
    return run(CommandKind::put,
               codec::encode_request(codec::PutRequest{.key = key, .value = value, .lease = lease}).view());
  }
  Reply erase(ByteView key, ByteView end = {}) {
    return run(CommandKind::delete_range,
               codec::encode_request(codec::DeleteRangeRequest{.key = key, .range_end = end}).view());
  }
  Reply compact(std::int64_t revision) {
    return run(CommandKind::compact, codec::encode_request(codec::CompactionRequest{.revision = revision}).view());
  }
  Reply grant(std::int64_t id, std::int64_t ttl) {
    return run(CommandKind::lease_grant, codec::encode_request(codec::LeaseGrantRequest{.ttl = ttl, .id = id}).view());
  }
  Reply revoke(std::int64_t id, Tag expired_in = {}) {
    return run(CommandKind::lease_revoke, codec::encode_request(codec::LeaseRevokeRequest{.id = id}).view(),
               expired_in);
  }
  template <class Ask>
  void until_done(Ask ask) {
    for (int i = 0; i < 1000; ++i) {
      if (ask(Callback<>::to<&World::on_ready>(this))) {
        return;
      }
      records.arrive();
    }
    FAIL() << "a read never finishes";
  }
  Reply range(const codec::RangeRequest& request) {
    Reply reply;
    const Buffer bytes = codec::encode_request(request);
    until_done([&](Callback<> ready) { return store->range(bytes.view(), reply, ready) == state::Execution::done; });
    return reply;
  }
  Reply hash_kv(std::int64_t revision) {
    Reply reply;
    until_done([&](Callback<> ready) {
      const bool done = store->hash_kv(revision, reply, ready) == state::Execution::done;
      (void)store->compact_step(1);
      return done;
    });
    return reply;
  }
  /// Gives the engine everything up to `durable`.
  void collect(Position durable) {
    env::RecordBatch batch;
    store->collect(durable, batch);
    if (!batch.empty()) {
      ASSERT_TRUE(records.write(std::move(batch)).has_value());
    }
  }
  void collect_all() { collect(store->executed()); }
  std::uint64_t state_hash() const {
    Hasher hasher;
    store->hash_into(hasher);
    return hasher.value();
  }

 private:
  void on_ready(std::uint64_t) { ++readies; }
  StoreLimits limits_;
};

}  // namespace quorate::kv::test
