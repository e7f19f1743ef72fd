// The ground of every format: checksum, integers, bounded reading and writing.

#include <string>

#include <gtest/gtest.h>

#include "codec/crc32c.h"
#include "codec/reader.h"
#include "codec/varint.h"
#include "codec/writer.h"

namespace quorate::codec {
namespace {

TEST(Crc32c, GivesTheValuesOfRfc3720) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(Crc32c, HardwareAndPortableAgreeAndPartsContinue) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    bytes.push_back(static_cast<char>(i * 37 + i / 7));
    EXPECT_EQ(crc32c(bytes), crc32c_portable(bytes)) << i;
    const ByteView view = bytes;
    const std::size_t cut = bytes.size() / 3;
    EXPECT_EQ(crc32c(view.substr(cut), crc32c(view.substr(0, cut))), crc32c(bytes)) << i;
  }
}

TEST(Varint, RoundTripsAndStatesItsSize) {
  for (int shift = 0; shift < 64; ++shift) {
    for (const std::uint64_t value : {(1ULL << shift) - 1, 1ULL << shift, ~0ULL >> shift}) {
      std::string out;
      append_varint(out, value);
      EXPECT_EQ(out.size(), varint_size(value));
      std::uint64_t back = 0;
      EXPECT_EQ(read_varint(out, back), out.size());
      EXPECT_EQ(back, value);
      EXPECT_EQ(read_varint(ByteView(out).substr(0, out.size() - 1), back), 0U);
    }
  }
}

TEST(Varint, RefusesWhatDoesNotFit64Bits) {
  std::uint64_t value = 7;
  EXPECT_EQ(read_varint(std::string(9, '\xff') + "\x02", value), 0U);
  EXPECT_EQ(read_varint(std::string(11, '\x80'), value), 0U);
  EXPECT_EQ(value, 7U);
  EXPECT_EQ(read_varint(std::string(9, '\xff') + "\x01", value), 10U);
  EXPECT_EQ(value, ~0ULL);
}

TEST(Varint, ZigzagKeepsSmallMagnitudesSmall) {
  EXPECT_EQ(zigzag(0), 0U);
  EXPECT_EQ(zigzag(-1), 1U);
  EXPECT_EQ(zigzag(1), 2U);
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-5}, INT64_MIN, INT64_MAX}) {
    EXPECT_EQ(unzigzag(zigzag(value)), value);
  }
}

TEST(ReaderWriter, FieldsComeBack) {
  Writer writer;
  writer.u8(0xFE);
  writer.u16(0xBEEF);
  writer.u32(0xDEADBEEF);
  writer.u64(0x0123456789ABCDEFULL);
  writer.varint(300);
  writer.sized_bytes("abc");
  writer.bytes("tail");
  EXPECT_EQ(writer.view().substr(0, 3), "\xFE\xEF\xBE");
  writer.patch_u32(3, 42);

  Reader reader(writer.view());
  EXPECT_EQ(reader.u8(), 0xFE);
  EXPECT_EQ(reader.u16(), 0xBEEF);
  EXPECT_EQ(reader.u32(), 42U);
  EXPECT_EQ(reader.u64(), 0x0123456789ABCDEFULL);
  EXPECT_EQ(reader.varint(), 300U);
  EXPECT_EQ(reader.sized_bytes(), "abc");
  EXPECT_FALSE(reader.finished());
  EXPECT_EQ(reader.rest(), "tail");
  EXPECT_TRUE(reader.finished());
}

TEST(Reader, EveryCutFailsOnceAndStaysFailed) {
  Writer writer;
  writer.u32(1);
  writer.sized_bytes("hello");
  writer.u64(2);
  for (std::size_t cut = 0; cut < writer.size(); ++cut) {
    Reader reader(writer.view().substr(0, cut));
    (void)reader.u32();
    (void)reader.sized_bytes();
    (void)reader.u64();
    EXPECT_FALSE(reader.ok()) << cut;
    EXPECT_FALSE(reader.finished());
    EXPECT_EQ(reader.u8(), 0U);
    EXPECT_TRUE(reader.bytes(0).empty());
  }
}

TEST(Reader, ALengthBeyondTheEndReadsNothing) {
  std::string bytes;
  append_varint(bytes, ~0ULL);
  Reader reader(bytes);
  EXPECT_TRUE(reader.sized_bytes().empty());
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace quorate::codec
