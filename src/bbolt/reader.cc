#include "bbolt/reader.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "codec/reader.h"

namespace quorate::bbolt {
namespace {

constexpr std::uint32_t kMinPageBytes = 1024;
constexpr std::uint32_t kMaxPageBytes = 65'536;

std::unexpected<Error> damaged(std::string what) {
  return fail(ErrorCode::corrupt, "the database is damaged: " + std::move(what));
}

std::string name_of(PageId page) { return "page " + std::to_string(page); }

}  // namespace

bool Reader::decode_meta(ByteView page, Meta& out) {
  codec::Reader in(page.substr(kPageHeaderBytes));
  const bool is_known = in.u32() == kMagic && in.u32() == kVersion;
  out.page_bytes = in.u32();
  static_cast<void>(in.u32());  // flags
  out.root = in.u64();
  static_cast<void>(in.u64());  // sequence
  static_cast<void>(in.u64());  // freelist: of no use to a reader
  out.pages = in.u64();
  out.transaction = in.u64();
  const std::uint64_t checksum = in.u64();
  return in.ok() && is_known && checksum == meta_checksum(page.substr(kPageHeaderBytes, kMetaSummedBytes)) &&
         std::has_single_bit(out.page_bytes) && out.page_bytes >= kMinPageBytes && out.page_bytes <= kMaxPageBytes;
}

Result<Reader> Reader::open(Source& source) {
  constexpr std::size_t kNeeded = kPageHeaderBytes + kMetaBytes;
  Meta best;
  const auto look_at = [&](std::uint64_t offset) -> Status {
    if (source.size_bytes() < kNeeded || offset > source.size_bytes() - kNeeded) {
      return {};
    }
    const Result<std::string> bytes = source.read(offset, kNeeded);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    Meta meta;
    if (decode_meta(*bytes, meta) && (best.page_bytes == 0 || meta.transaction > best.transaction)) {
      best = meta;
    }
    return {};
  };
  QUORATE_TRY(look_at(0));
  QUORATE_TRY(look_at(best.page_bytes == 0 ? kPageBytes : best.page_bytes));
  if (best.page_bytes == 0) {
    return fail(ErrorCode::corrupt, "this is no bbolt database: neither of its two meta pages is valid");
  }
  if (best.pages <= kFreelist || best.pages > source.size_bytes() / best.page_bytes) {
    return damaged("it has " + std::to_string(source.size_bytes()) + " bytes and says that it has " +
                   std::to_string(best.pages) + " pages of " + std::to_string(best.page_bytes) + " bytes");
  }
  return Reader(source, best);
}

Status Reader::walk(Visitor& visitor) {
  pages_read_ = 0;
  has_last_key_ = false;
  return walk_page(meta_.root, 0, true, visitor);
}

Result<Reader::Page> Reader::read_page(PageId id) {
  if (id <= 1 || id >= meta_.pages) {
    return damaged(name_of(id) + " of " + std::to_string(meta_.pages) + " is referred to");
  }
  Result<std::string> bytes = source_->read(id * meta_.page_bytes, meta_.page_bytes);
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  codec::Reader in(*bytes);
  const PageId own_id = in.u64();
  Page page;
  page.flags = in.u16();
  page.count = in.u16();
  const std::uint64_t overflow = in.u32();
  if (own_id != id || (page.flags != kLeafPage && page.flags != kBranchPage)) {
    return damaged(name_of(id) + " calls itself " + name_of(own_id) + ", with flags " + std::to_string(page.flags));
  }
  pages_read_ += 1 + overflow;
  const std::uint64_t size = (1 + overflow) * meta_.page_bytes;
  const std::uint64_t limit = page.flags == kLeafPage ? kMaxItemPageBytes : kMaxBranchPageBytes;
  if (overflow >= meta_.pages - id || pages_read_ > meta_.pages || size > limit) {
    return damaged(name_of(id) + " goes on over " + std::to_string(overflow) +
                   " pages, too many or for the second time");
  }
  if (overflow > 0) {
    Result<std::string> rest =
        source_->read((id + 1) * meta_.page_bytes, static_cast<std::size_t>(size - meta_.page_bytes));
    if (!rest) {
      return std::unexpected(rest.error());
    }
    *bytes += *rest;
  }
  page.bytes = std::move(*bytes);
  return page;
}

Status Reader::walk_page(PageId id, int depth, bool is_root_tree, Visitor& visitor) {
  if (depth >= kMaxDepth) {
    return damaged("its tree is more than " + std::to_string(kMaxDepth) + " pages deep");
  }
  const Result<Page> page = read_page(id);
  if (!page) {
    return std::unexpected(page.error());
  }
  return walk_elements(*page, depth, is_root_tree, visitor);
}

Status Reader::walk_elements(const Page& page, int depth, bool is_root_tree, Visitor& visitor) {
  const bool is_leaf = page.flags == kLeafPage;
  const ByteView all = page.bytes;
  if (!is_leaf && page.count == 0) {
    return damaged("a branch page has no children");
  }
  for (std::size_t i = 0; i < page.count; ++i) {
    const std::size_t begin = kPageHeaderBytes + i * kElementBytes;
    codec::Reader in(all.substr(std::min(begin, all.size())));
    const std::uint32_t flags = is_leaf ? in.u32() : 0;
    const std::uint64_t position = in.u32();
    const std::uint64_t key_bytes = in.u32();
    const std::uint64_t value_bytes = is_leaf ? in.u32() : 0;
    const PageId child = is_leaf ? 0 : in.u64();
    if (!in.ok() || begin + position + key_bytes + value_bytes > all.size()) {
      return damaged("an element lies outside of its page");
    }
    const ByteView key = all.substr(begin + position, key_bytes);
    if (!is_leaf) {
      QUORATE_TRY(walk_page(child, depth + 1, is_root_tree, visitor));
      continue;
    }
    if (has_last_key_ && key <= last_key_) {
      return damaged("keys do not rise");
    }
    has_last_key_ = true;
    last_key_ = key;
    const ByteView value = all.substr(begin + position + key_bytes, value_bytes);
    if (flags != (is_root_tree ? kBucketElement : 0)) {
      return damaged(is_root_tree ? "what is no bucket stands among the buckets" : "a bucket stands within a bucket");
    }
    QUORATE_TRY(is_root_tree ? walk_bucket(key, value, depth, visitor) : visitor.on_item(key, value));
  }
  return {};
}

Status Reader::walk_bucket(ByteView name, ByteView bucket, int depth, Visitor& visitor) {
  codec::Reader in(bucket);
  const PageId root = in.u64();
  static_cast<void>(in.u64());  // sequence
  if (!in.ok()) {
    return damaged("a bucket has " + std::to_string(bucket.size()) + " bytes");
  }
  QUORATE_TRY(visitor.on_bucket(name));
  std::string name_before = std::exchange(last_key_, {});
  has_last_key_ = false;
  if (root != 0) {
    QUORATE_TRY(walk_page(root, depth + 1, false, visitor));
  } else {
    Page page;  // a small bucket's only page stands where it is referred to
    page.bytes = in.rest();
    codec::Reader header(page.bytes);
    static_cast<void>(header.u64());
    page.flags = header.u16();
    page.count = header.u16();
    if (!header.ok() || page.flags != kLeafPage) {
      return damaged("an inline bucket is no leaf page");
    }
    QUORATE_TRY(walk_elements(page, depth + 1, false, visitor));
  }
  has_last_key_ = true;
  last_key_ = std::move(name_before);
  return {};
}

}  // namespace quorate::bbolt
