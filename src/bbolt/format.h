#pragma once
// The bytes of a bbolt database file, as far as Quorate writes and reads them: docs/formats/etcd_snapshot.md.
//
// Invariants: 1. a page is kPageBytes; one with `overflow` n goes on over the n pages behind it. 2. all numbers are
// little-endian. 3. a meta page is valid only with its checksum (FNV-1a, 64 bits). Pure.

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace quorate::bbolt {

using PageId = std::uint64_t;

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kPageHeaderBytes = 16;  ///< id 8, flags 2, count 2, overflow 4
inline constexpr std::size_t kElementBytes = 16;     ///< of a leaf page and of a branch page alike
inline constexpr std::size_t kMetaBytes = 64;
inline constexpr std::size_t kMetaSummedBytes = 56;  ///< all but the checksum itself

inline constexpr std::uint16_t kBranchPage = 0x01;
inline constexpr std::uint16_t kLeafPage = 0x02;
inline constexpr std::uint16_t kMetaPage = 0x04;
inline constexpr std::uint16_t kFreelistPage = 0x10;

inline constexpr std::uint32_t kMagic = 0xED0CDAED;
inline constexpr std::uint32_t kVersion = 2;
inline constexpr std::uint32_t kBucketElement = 0x01;  ///< a leaf element whose value is a bucket
inline constexpr std::size_t kBucketBytes = 16;        ///< root page 8 (0: its page follows inline), sequence 8

/// Pages 0 and 1 are the meta pages, 2 is the freelist.
inline constexpr PageId kFreelist = 2;
inline constexpr PageId kFirstDataPage = 3;

[[nodiscard]] inline std::uint64_t meta_checksum(ByteView bytes) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  }
  return hash;
}

}  // namespace quorate::bbolt
