#pragma once
// Reads a bbolt database that nobody vouches for, in the order of its buckets and keys.
//
// Invariants: 1. whatever the bytes, the walk ends: no more pages are read than the database says it has, the tree is
// at most kMaxDepth deep, and keys must rise. 2. memory is a page a level, and kMaxItemPageBytes at the most. 3. what
// is not understood is an error, never skipped. Buckets within buckets are refused: etcd has none. A value type, owned
// by one function; the source outlives it.

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "bbolt/format.h"

namespace quorate::bbolt {

inline constexpr int kMaxDepth = 32;
inline constexpr std::uint64_t kMaxBranchPageBytes = 1U << 20;
inline constexpr std::uint64_t kMaxItemPageBytes = 64U << 20;  ///< of a leaf page with what it goes on over

/// Where the bytes of the file come from.
class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
  /// Exactly `size` bytes from `offset`; both lie inside the file.
  [[nodiscard]] virtual Result<std::string> read(std::uint64_t offset, std::size_t size) = 0;
};

/// What the walk finds. The first error ends it.
class Visitor {
 public:
  virtual ~Visitor() = default;
  [[nodiscard]] virtual Status on_bucket(ByteView name) = 0;
  [[nodiscard]] virtual Status on_item(ByteView key, ByteView value) = 0;
};

class Reader {
 public:
  [[nodiscard]] static Result<Reader> open(Source& source);

  [[nodiscard]] Status walk(Visitor& visitor);

 private:
  struct Meta {
    std::uint32_t page_bytes = 0;
    PageId root = 0;
    PageId pages = 0;
    std::uint64_t transaction = 0;
  };
  struct Page {
    std::string bytes;
    std::uint16_t flags = 0;
    std::uint16_t count = 0;
  };

  Reader(Source& source, const Meta& meta) : source_(&source), meta_(meta) {}

  [[nodiscard]] static bool decode_meta(ByteView page, Meta& out);
  [[nodiscard]] Result<Page> read_page(PageId id);
  [[nodiscard]] Status walk_page(PageId id, int depth, bool is_root_tree, Visitor& visitor);
  [[nodiscard]] Status walk_elements(const Page& page, int depth, bool is_root_tree, Visitor& visitor);
  [[nodiscard]] Status walk_bucket(ByteView name, ByteView bucket, int depth, Visitor& visitor);

  Source* source_;
  Meta meta_;
  std::uint64_t pages_read_ = 0;
  bool has_last_key_ = false;  ///< of the tree that is walked
  std::string last_key_;
};

}  // namespace quorate::bbolt
