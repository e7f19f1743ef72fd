// Records go into a snapshot file and come out of it as they were; what is no whole state is refused.

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "backup/etcd_buckets.h"
#include "backup/exporter.h"
#include "backup/file_cursor.h"
#include "backup/importer.h"
#include "bbolt/reader.h"

namespace quorate::backup {
namespace {

using Records = std::map<std::string, std::string>;  // keys with group and generation

constexpr state::RecordSpace kSpace{GroupId(3), Generation(2)};
constexpr Position kApplied{77};

struct Change {
  std::string key;
  std::string value;
  bool tombstone = false;
};

std::string text(const Buffer& buffer) { return std::string(buffer.view()); }

/// A history: each element is what one command changed, from revision 2 on.
Records records_of(const std::vector<std::vector<Change>>& history, std::int64_t compact_revision = -1) {
  const kv::RecordKeys keys(kSpace);
  Records records;
  std::int64_t main = 1;
  for (const std::vector<Change>& command : history) {
    ++main;
    for (std::size_t sub = 0; sub < command.size(); ++sub) {
      const Change& change = command[sub];
      codec::KeyValue kv{.key = change.key};
      if (!change.tombstone) {
        kv = {.key = change.key, .create_revision = main, .mod_revision = main, .version = 1, .value = change.value};
      }
      kv::NewRecord record =
          kv::NewRecord::make(keys.revision({main, static_cast<std::int64_t>(sub)}), kv, change.tombstone);
      if (sub + 1 == command.size()) {
        record.mark_last();
      }
      const ByteView block = record.buffer().view();
      records.emplace(block.substr(0, kv::kRevisionKeyBytes), block.substr(kv::kRevisionKeyBytes));
    }
  }
  records.emplace(text(keys.meta()), text(kv::encode_meta({kApplied, main, compact_revision})));
  return records;
}

void add_leases(Records& records) {
  const kv::RecordKeys keys(kSpace);
  for (const std::int64_t id : {1LL, 300LL, 0x7123'4567'89AB'CDEFLL}) {
    records.emplace(text(keys.lease(id)), text(kv::encode_lease(id % 1000 + 2)));
  }
}

class MapCursor final : public env::RecordCursor {
 public:
  explicit MapCursor(const Records& records, Status at_end = {})
      : at_(records.begin()), end_(records.end()), at_end_(std::move(at_end)) {}
  bool valid() const override { return at_ != end_; }
  ByteView key() const override { return at_->first; }
  ByteView value() const override { return at_->second; }
  void next() override { ++at_; }
  Status status() const override { return at_ == end_ ? at_end_ : Status(); }

 private:
  Records::const_iterator at_;
  Records::const_iterator end_;
  Status at_end_;
};

class StringSource final : public bbolt::Source {
 public:
  explicit StringSource(ByteView bytes) : bytes_(bytes) {}
  std::uint64_t size_bytes() const override { return bytes_.size(); }
  Result<std::string> read(std::uint64_t offset, std::size_t size) override {
    return std::string(bytes_.substr(offset, size));
  }

 private:
  ByteView bytes_;
};

class Sink final : public RecordSink {
 public:
  Status put(Buffer key, Buffer value) override {
    EXPECT_TRUE(records.emplace(text(key), text(value)).second);
    return {};
  }
  Records records;
};

std::string file_of(const Records& records) {
  FileCursor cursor(std::make_shared<MapCursor>(records), std::make_shared<MapCursor>(records));
  std::string file;
  for (; cursor.valid(); cursor.next()) {
    EXPECT_LE(cursor.value().size(), FileCursor::kPieceBytes);
    file += cursor.value();
  }
  EXPECT_TRUE(cursor.status());
  EXPECT_EQ(file.size(), cursor.database_bytes() + codec::kSha256Bytes);
  return file;
}

Result<Figures> import(ByteView database, Sink& sink) {
  StringSource source(database);
  Result<bbolt::Reader> reader = bbolt::Reader::open(source);
  QUORATE_TRY(reader);
  Importer importer(kSpace, kApplied, &sink);
  QUORATE_TRY(reader->walk(importer));
  return importer.finish();
}

/// A database with these items in the bucket `key`, and this in the others.
Result<Figures> import_items(const std::map<std::string, std::string>& revisions,
                             const std::map<std::string, std::map<std::string, std::string>>& others = {}) {
  std::string bytes;
  bbolt::Totals totals;
  for (int run = 0; run < 2; ++run) {
    bbolt::Writer writer(totals);
    const auto add = [&writer](std::string_view bucket, const std::map<std::string, std::string>& items) {
      writer.begin_bucket(bucket);
      for (const auto& [key, value] : items) {
        writer.add(key, value);
      }
      writer.end_bucket();
    };
    add(kKeyBucket, revisions);
    for (const auto& [bucket, items] : others) {
      add(bucket, items);
    }
    totals = writer.finish();
    bytes = writer.take();
  }
  Sink sink;
  return import(bytes, sink);
}

std::string revision_key(std::int64_t main, std::int64_t sub = 0) {
  return std::string(kv::EtcdRevisionKey({main, sub}, false).view());
}

std::string put_of_k() {
  std::string bytes(codec::key_value_size({.key = "k"}), '\0');
  codec::write_key_value(bytes.data(), {.key = "k"});
  return bytes;
}

std::vector<std::vector<Change>> history_of(int commands, std::size_t value_bytes) {
  std::vector<std::vector<Change>> history;
  for (int i = 0; i < commands; ++i) {
    std::vector<Change>& command = history.emplace_back();
    for (int sub = 0; sub <= i % 3; ++sub) {
      command.push_back({.key = "key" + std::to_string(i % 50) + "/" + std::to_string(sub),
                         .value = std::string(value_bytes, static_cast<char>('a' + i % 26)),
                         .tombstone = i % 7 == 6});
    }
  }
  return history;
}

TEST(Backup, GivesBackTheRecordsThatWentIn) {
  for (const int commands : {0, 1, 5, 4000}) {
    Records records = records_of(history_of(commands, 100));
    add_leases(records);
    const std::string file = file_of(records);
    EXPECT_EQ(file.size() % 512, codec::kSha256Bytes);  // how etcd tells that there is a sum
    Sink sink;
    const Result<Figures> figures = import(ByteView(file).substr(0, file.size() - codec::kSha256Bytes), sink);
    ASSERT_TRUE(figures) << figures.error().text;
    EXPECT_EQ(sink.records, records);
    EXPECT_EQ(figures->revision, 1 + commands);
    EXPECT_EQ(figures->leases, 3U);
  }
}

TEST(Backup, EndsWithTheSumOfAllBeforeIt) {
  const std::string file = file_of(records_of(history_of(1000, 300)));
  codec::Sha256 sum;
  sum.add(ByteView(file).substr(0, file.size() - codec::kSha256Bytes));
  EXPECT_EQ(file.substr(file.size() - codec::kSha256Bytes), sum.finish());
}

TEST(Backup, CarriesValuesLargerThanAPieceAndTheCompactedRevision) {
  const Records records = records_of(history_of(10, 1'500'000), 4);
  const std::string file = file_of(records);
  Sink sink;
  const Result<Figures> figures = import(ByteView(file).substr(0, file.size() - codec::kSha256Bytes), sink);
  ASSERT_TRUE(figures) << figures.error().text;
  EXPECT_EQ(sink.records, records);
  EXPECT_EQ(figures->compact_revision, 4);
}

TEST(Backup, LeavesAlarmsAndMembersBehind) {
  const kv::RecordKeys keys(kSpace);
  const Records plain = records_of(history_of(3, 10));
  Records records = plain;
  records.emplace(text(keys.alarm(0xFEDC'BA98'7654'3210, 1)), "\x01");
  records.emplace(text(keys.alarm(5, 2)), "\x01");
  records.emplace(text(keys.member(NodeId(5))), "a member");
  const std::string file = file_of(records);
  Sink sink;
  const Result<Figures> figures = import(ByteView(file).substr(0, file.size() - codec::kSha256Bytes), sink);
  ASSERT_TRUE(figures) << figures.error().text;
  EXPECT_EQ(figures->alarms, 2U);
  EXPECT_EQ(sink.records, plain);
}

TEST(Backup, SaysThatTheRecordsAreDamagedAndGivesNothingMore) {
  const Records records = records_of(history_of(2000, 300));
  const Status damage = fail(ErrorCode::corrupt, "a block is damaged");
  for (const bool in_first_walk : {true, false}) {
    FileCursor cursor(std::make_shared<MapCursor>(records, in_first_walk ? damage : Status()),
                      std::make_shared<MapCursor>(records, in_first_walk ? Status() : damage));
    std::size_t bytes = 0;
    for (; cursor.valid(); cursor.next()) {
      bytes += cursor.value().size();
    }
    ASSERT_FALSE(cursor.status());
    EXPECT_EQ(cursor.status().error().text, "a block is damaged");
    EXPECT_TRUE(in_first_walk ? bytes == 0 : bytes < cursor.database_bytes());
  }
}

TEST(Backup, MeasuresInSteps) {
  const Records records = records_of(history_of(10, 1'500'000));
  FileCursor cursor(std::make_shared<MapCursor>(records), std::make_shared<MapCursor>(records));
  const Result<env::RecordPage> page = env::read_page(cursor, 1);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->sizes.size(), 1U);
  EXPECT_EQ(cursor.database_bytes(), 0U);
}

TEST(Backup, RefusesAStateThatLacksARevision) {
  const std::string value = put_of_k();
  EXPECT_TRUE(import_items({{revision_key(2), value}, {revision_key(3), value}}));
  EXPECT_FALSE(import_items({{revision_key(2), value}, {revision_key(4), value}}));
  EXPECT_FALSE(import_items({{revision_key(3), value}}));
  EXPECT_FALSE(import_items({{revision_key(2, 1), value}}));
  EXPECT_FALSE(import_items({{revision_key(2), value}, {revision_key(2, 2), value}}));
  const Result<Figures> gap = import_items({{revision_key(2), value}, {revision_key(9), value}});
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().text, "revision 8 is missing or not whole; the compacted revision is -1");
}

TEST(Backup, AcceptsThatCompactedRevisionsAreMissing) {
  const std::string value = put_of_k();
  const std::map<std::string, std::string> revisions = {{revision_key(5), value}, {revision_key(9), value}};
  for (const std::string_view name : {kScheduledCompaction, kFinishedCompaction}) {
    EXPECT_TRUE(import_items(revisions, {{"meta", {{std::string(name), revision_key(8)}}}}));
    EXPECT_FALSE(import_items(revisions, {{"meta", {{std::string(name), revision_key(7)}}}}));
  }
  const Result<Figures> nothing_left = import_items({}, {{"meta", {{"finishedCompactRev", revision_key(8)}}}});
  ASSERT_TRUE(nothing_left) << nothing_left.error().text;
  EXPECT_EQ(nothing_left->revision, 8);
}

TEST(Backup, RefusesWhatDoesNotRead) {
  const std::string value = put_of_k();
  EXPECT_FALSE(import_items({{"short", value}}));
  EXPECT_FALSE(import_items({{revision_key(2), "no message"}}));
  EXPECT_FALSE(import_items({{revision_key(2), ""}}));
  EXPECT_FALSE(import_items({}, {{"lease", {{"12345678", "no message"}}}}));
  EXPECT_FALSE(import_items({}, {{"lease", {{"1", "\x08\x01"}}}}));
  EXPECT_FALSE(import_items({}, {{"meta", {{"finishedCompactRev", "8"}}}}));
}

TEST(Backup, TellsThatAuthenticationIsOn) {
  const Result<Figures> on = import_items({}, {{"auth", {{"authEnabled", "\x01"}}}});
  const Result<Figures> off = import_items({}, {{"auth", {{"authEnabled", std::string(1, '\0')}}}});
  ASSERT_TRUE(on && off);
  EXPECT_TRUE(on->auth_enabled);
  EXPECT_FALSE(off->auth_enabled);
}

}  // namespace
}  // namespace quorate::backup
