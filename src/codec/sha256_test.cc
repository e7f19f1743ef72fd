// The examples of FIPS 180-4, and the sum of pieces.

#include "codec/sha256.h"

#include <gtest/gtest.h>

namespace quorate::codec {
namespace {

std::string hex_of(ByteView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text.push_back(kDigits[static_cast<unsigned char>(byte) >> 4]);
    text.push_back(kDigits[static_cast<unsigned char>(byte) & 15]);
  }
  return text;
}

std::string sum_of(ByteView bytes) {
  Sha256 sum;
  sum.add(bytes);
  return sum.finish();
}

TEST(Sha256, GivesTheSumsOfTheStandard) {
  EXPECT_EQ(hex_of(sum_of("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of(sum_of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_of(sum_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex_of(sum_of(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DependsOnTheBytesAndNotOnThePieces) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    bytes.push_back(static_cast<char>(i * 7));
  }
  for (std::size_t piece = 1; piece < 200; ++piece) {
    Sha256 sum;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      sum.add(ByteView(bytes).substr(at, piece));
    }
    EXPECT_EQ(sum.finish(), sum_of(bytes)) << piece;
  }
}

}  // namespace
}  // namespace quorate::codec
