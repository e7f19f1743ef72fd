// Maintenance.Snapshot: a whole file in pieces, at the client's pace; what ends it early leaves nothing behind.

#include "api/etcd/snapshot_service.h"

#include <deque>
#include <map>

#include "api/etcd/api_fixture_for_test.h"
#include "state/kv/record.h"

namespace quorate::etcd {
namespace {

constexpr std::string_view kPath = "/etcdserverpb.Maintenance/Snapshot";
constexpr state::RecordSpace kSpace{GroupId(1), Generation(1)};

using Records = std::map<std::string, std::string>;

class MapCursor final : public env::RecordCursor {
 public:
  MapCursor(const Records& records, const Status& end) : at_(records.begin()), end_(records.end()), ends_with_(end) {}
  bool valid() const override { return at_ != end_; }
  ByteView key() const override { return at_->first; }
  ByteView value() const override { return at_->second; }
  void next() override { ++at_; }
  Status status() const override { return at_ == end_ ? ends_with_ : Status(); }

 private:
  Records::const_iterator at_;
  Records::const_iterator end_;
  const Status& ends_with_;
};

/// Reads pages when a test says so.
class PageStore final : public env::RecordStore {
 public:
  struct Read {
    std::shared_ptr<env::RecordCursor> cursor;
    std::size_t max_bytes = 0;
    Callback<Result<env::RecordPage>> done;
  };
  void read_page_async(std::shared_ptr<env::RecordCursor> cursor, std::size_t max_bytes,
                       Callback<Result<env::RecordPage>> done) override {
    reads.push_back({std::move(cursor), max_bytes, done});
  }
  bool read_one() {
    if (reads.empty()) {
      return false;
    }
    Read read = std::move(reads.front());
    reads.pop_front();
    read.done(env::read_page(*read.cursor, read.max_bytes));
    return true;
  }
  env::Lookup get(ByteView, Callback<>) override { return {}; }
  Result<std::optional<Buffer>> get_blocking(ByteView) override { return std::optional<Buffer>(); }
  std::unique_ptr<env::RecordCursor> scan(ByteView, ByteView) override { return nullptr; }
  Status write(env::RecordBatch) override { return {}; }
  void flush(Callback<Status>) override {}
  bool stalled() const override { return false; }
  std::uint64_t size_bytes() const override { return 0; }

  std::deque<Read> reads;
};

class SnapshotServiceTest : public ApiTest {
 protected:
  SnapshotServiceTest() {
    const kv::RecordKeys keys(kSpace);
    records.emplace(keys.meta().view(), kv::encode_meta({Position(40), 3001, -1}).view());
    for (std::int64_t revision = 2; revision <= 3001; ++revision) {
      const std::string key = "key" + std::to_string(revision);
      kv::NewRecord record = kv::NewRecord::make(
          keys.revision({revision, 0}), {.key = key, .mod_revision = revision, .value = std::string(1000, 'v')}, false);
      record.mark_last();
      const ByteView block = record.buffer().view();
      records.emplace(block.substr(0, kv::kRevisionKeyBytes), block.substr(kv::kRevisionKeyBytes));
    }
  }
  std::int32_t begin() { return unary(kPath, pb::SnapshotRequest()); }
  void pin(std::size_t index = 0) {
    service.pins.at(index)({.position = Position(40),
                            .first = std::make_shared<MapCursor>(records, end),
                            .second = std::make_shared<MapCursor>(records, end),
                            .store = &store});
  }
  /// Reads pages until nobody asks for one.
  void read_all() {
    while (store.read_one()) {
      run();
    }
  }

  Records records;
  Status end;
  PageStore store;
};

TEST_F(SnapshotServiceTest, SendsAWholeFileInPieces) {
  const auto stream = begin();
  pin();
  read_all();
  EXPECT_EQ(response(stream).status(), "0");
  std::string file;
  std::vector<std::uint64_t> remaining;
  for (std::size_t i = 0; i < response(stream).messages.size(); ++i) {
    const auto piece = message<pb::SnapshotResponse>(stream, i);
    EXPECT_FALSE(piece.has_header());
    EXPECT_EQ(piece.version(), "3.6.0");
    EXPECT_LE(piece.blob().size(), 32U << 10);
    file += piece.blob();
    remaining.push_back(piece.remaining_bytes());
  }
  ASSERT_GT(remaining.size(), 90U);
  const std::size_t database_bytes = file.size() - codec::kSha256Bytes;
  EXPECT_EQ(file.size() % 512, codec::kSha256Bytes);
  EXPECT_EQ(remaining.front(), database_bytes - (32U << 10));
  EXPECT_EQ(remaining[remaining.size() - 2], 0U);
  EXPECT_EQ(remaining.back(), 0U);
  codec::Sha256 sum;
  sum.add(ByteView(file).substr(0, database_bytes));
  EXPECT_EQ(file.substr(database_bytes), sum.finish());
}

TEST_F(SnapshotServiceTest, ReadsNoFasterThanTheClient) {
  const auto stream = begin();
  pin();
  while (store.reads.front().max_bytes == 1) {  // it is being measured
    store.read_one();
  }
  wire->output.holds_back = true;
  std::size_t pages = 0;
  for (; store.read_one(); ++pages) {
    run();
  }
  EXPECT_LE(pages * SnapshotService::kPageBytes,
            SnapshotService::kMaxUnsentBytes + rpc::ServerLimits().stream_window_bytes + SnapshotService::kPageBytes);
  EXPECT_TRUE(store.reads.empty());
  EXPECT_FALSE(response(stream).is_closed);
  wire->output.holds_back = false;
  run();
  EXPECT_FALSE(store.reads.empty());
  read_all();
  EXPECT_EQ(response(stream).status(), "0");
}

TEST_F(SnapshotServiceTest, GivesUpAClientThatTakesNothingForTenMinutes) {
  const auto stream = begin();
  pin();
  wire->client.reads_data = false;
  read_all();
  time.pass(SnapshotService::kPatience);
  run();
  EXPECT_TRUE(store.reads.empty());
  wire->client.reads_data = true;
  EXPECT_EQ(time.timers.size(), 0U);
  const auto next = begin();
  EXPECT_NE(next, stream);
  EXPECT_EQ(service.pins.size(), 2U);
}

TEST_F(SnapshotServiceTest, ForgetsAClientThatIsGone) {
  for (const bool is_pinned : {false, true}) {
    service.pins.clear();
    const auto stream = begin();
    if (is_pinned) {
      pin();
      EXPECT_EQ(store.reads.size(), 1U);
    }
    wire->client.reset(stream);
    run();
    if (!is_pinned) {
      pin();
      EXPECT_TRUE(store.reads.empty());
    } else {
      const std::weak_ptr<env::RecordCursor> file = store.reads.front().cursor;
      read_all();
      EXPECT_TRUE(file.expired()) << "nobody holds the view";
    }
  }
}

TEST_F(SnapshotServiceTest, RefusesAFifthSnapshotAtATime) {
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 5; ++i) {
    streams.push_back(begin());
  }
  EXPECT_EQ(response(streams[4]).status(), "8");
  EXPECT_EQ(service.pins.size(), 4U);
  wire->client.reset(streams[0]);
  run();
  EXPECT_EQ(response(begin()).status(), "");
}

TEST_F(SnapshotServiceTest, SaysThatTheStoreIsDamaged) {
  end = fail(ErrorCode::corrupt, "block 7 is damaged");
  const auto stream = begin();
  pin();
  read_all();
  EXPECT_EQ(response(stream).status(), "15");
  EXPECT_EQ(response(stream).text(), "quorate: no snapshot can be made of what this node has: block 7 is damaged");
  EXPECT_TRUE(response(stream).messages.empty());
}

TEST_F(SnapshotServiceTest, EndsWhenTheNodeStops) {
  const auto stream = begin();
  pin();
  store.read_one();
  api.shut_down();
  run();
  EXPECT_EQ(response(stream).status(), "14");
  read_all();
}

}  // namespace
}  // namespace quorate::etcd
