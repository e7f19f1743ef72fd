// What the writer wrote the reader finds, page by page; what was damaged is refused or read, never followed astray.

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "bbolt/reader.h"
#include "bbolt/writer.h"

namespace quorate::bbolt {
namespace {

using Buckets = std::map<std::string, std::map<std::string, std::string>>;

class StringSource final : public Source {
 public:
  explicit StringSource(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size_bytes() const override { return bytes_.size(); }
  Result<std::string> read(std::uint64_t offset, std::size_t size) override {
    EXPECT_LE(offset, bytes_.size());
    EXPECT_LE(size, bytes_.size() - offset);
    most_read = std::max(most_read, size);
    ++reads;
    return bytes_.substr(offset, size);
  }
  std::size_t most_read = 0;
  std::size_t reads = 0;

 private:
  std::string bytes_;
};

class Collector final : public Visitor {
 public:
  Status on_bucket(ByteView name) override {
    present = &found[std::string(name)];
    return {};
  }
  Status on_item(ByteView key, ByteView value) override {
    EXPECT_TRUE(present->emplace(key, value).second);
    return {};
  }
  Buckets found;
  std::map<std::string, std::string>* present = nullptr;
};

std::string run(Writer& writer, const Buckets& buckets, Totals& totals, std::size_t& most_held) {
  std::string out = writer.take();
  for (const auto& [name, items] : buckets) {
    writer.begin_bucket(name);
    for (const auto& [key, value] : items) {
      writer.add(key, value);
      const std::string part = writer.take();
      most_held = std::max(most_held, part.size());
      out += part;
    }
    writer.end_bucket();
  }
  totals = writer.finish();
  return out + writer.take();
}

std::string write(const Buckets& buckets, std::size_t* most_held = nullptr) {
  std::size_t held = 0;
  Totals totals;
  Writer first;
  static_cast<void>(run(first, buckets, totals, held));
  Totals again;
  Writer second(totals);
  std::string bytes = run(second, buckets, again, held);
  EXPECT_EQ(bytes.size(), totals.bytes());
  if (most_held != nullptr) {
    *most_held = held;
  }
  return bytes;
}

Result<Buckets> read(std::string bytes) {
  StringSource source(std::move(bytes));
  Result<Reader> reader = Reader::open(source);
  QUORATE_TRY(reader);
  Collector collector;
  QUORATE_TRY(reader->walk(collector));
  return std::move(collector.found);
}

std::string key_of(int number) {
  std::string digits = std::to_string(number);
  return std::string(8 - digits.size(), '0') + digits;
}

Buckets many(int keys, std::size_t value_bytes) {
  Buckets buckets;
  buckets["empty"];
  for (int i = 0; i < keys; ++i) {
    buckets["full"][key_of(i)] = std::string(value_bytes, static_cast<char>('a' + i % 26));
  }
  return buckets;
}

TEST(Bbolt, ReadsBackWhatWasWrittenAtEverySizeOfTheTree) {
  for (const int keys : {0, 1, 2, 3, 50, 99, 100, 101, 126, 127, 128, 129, 5000, 100'000}) {
    const Buckets buckets = many(keys, 10);
    const Result<Buckets> found = read(write(buckets));
    ASSERT_TRUE(found) << keys << ": " << found.error().text;
    EXPECT_EQ(*found, buckets) << keys;
  }
}

TEST(Bbolt, GoesOnOverSeveralPagesForALargeValue) {
  for (const std::size_t bytes : {4055U, 4056U, 4057U, 4096U, 8151U, 8152U, 8153U, 1'500'000U}) {
    const Buckets buckets = many(3, bytes);
    const Result<Buckets> found = read(write(buckets));
    ASSERT_TRUE(found) << bytes << ": " << found.error().text;
    EXPECT_EQ(*found, buckets) << bytes;
  }
}

TEST(Bbolt, HoldsAPageALevelHoweverLargeTheDatabase) {
  std::size_t most_held = 0;
  static_cast<void>(write(many(200'000, 10), &most_held));
  EXPECT_LE(most_held, 3 * kPageBytes);
}

/// bbolt stops with a panic if it deletes from the only child of a page.
TEST(Bbolt, GivesEveryBranchPageTwoChildren) {
  for (int keys = 1; keys < 40'000; keys += keys < 400 ? 3 : 997) {
    const std::string bytes = write(many(keys, 100));
    for (std::size_t page = kFirstDataPage; page < bytes.size() / kPageBytes; ++page) {
      const char* header = bytes.data() + page * kPageBytes;
      if (header[8] == kBranchPage) {
        EXPECT_GE(static_cast<unsigned char>(header[10]) + 256 * static_cast<unsigned char>(header[11]), 2) << keys;
      }
    }
  }
}

TEST(Bbolt, RefusesWhatIsNoDatabaseOrWasCut) {
  EXPECT_FALSE(read(""));
  EXPECT_FALSE(read(std::string(100'000, '\0')));
  const std::string bytes = write(many(300, 10));
  for (std::size_t size = 0; size < bytes.size(); size += 512) {
    EXPECT_FALSE(read(bytes.substr(0, size))) << size;
  }
}

TEST(Bbolt, EndsWhateverByteIsDamaged) {
  const Buckets buckets = many(300, 10);
  const std::string bytes = write(buckets);
  const std::size_t pages = bytes.size() / kPageBytes;
  // Every byte of heads and elements, and some of the keys and values.
  for (std::size_t at = 0; at < bytes.size(); at += at % kPageBytes < 600 ? 1 : 37) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      StringSource source(std::move(damaged));
      Result<Reader> reader = Reader::open(source);
      if (!reader) {
        EXPECT_EQ(reader.error().code, ErrorCode::corrupt);
        continue;
      }
      Collector collector;
      static_cast<void>(reader->walk(collector));
      EXPECT_LE(source.reads, 2 * pages + 2) << at;
      EXPECT_LE(source.most_read, bytes.size()) << at;
    }
  }
}

TEST(Bbolt, RefusesATreeThatComesBackToItself) {
  const Buckets buckets = many(300, 10);
  const std::string bytes = write(buckets);
  for (std::size_t page = kFirstDataPage; page < bytes.size() / kPageBytes; ++page) {
    if (bytes[page * kPageBytes + 8] == kBranchPage) {
      std::string circle = bytes;
      circle[page * kPageBytes + kPageHeaderBytes + 8] = static_cast<char>(page);  // its first child
      EXPECT_FALSE(read(circle));
      return;
    }
  }
  FAIL() << "there was no branch page";
}

}  // namespace
}  // namespace quorate::bbolt
