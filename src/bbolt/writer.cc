#include "bbolt/writer.h"

#include <algorithm>

#include "base/assert.h"
#include "codec/writer.h"

namespace quorate::bbolt {
namespace {

constexpr std::size_t kMinChildren = 2;

void write_page_header(codec::Writer& out, PageId id, std::uint16_t flags, std::size_t count, std::size_t overflow) {
  out.u64(id);
  out.u16(flags);
  out.u16(static_cast<std::uint16_t>(count));
  out.u32(static_cast<std::uint32_t>(overflow));
}

}  // namespace

Writer::Writer(Totals totals) : promised_(totals) { write_head(totals); }

void Writer::pad() { out_.append((kPageBytes - out_.size() % kPageBytes) % kPageBytes, '\0'); }

/// Both meta pages say the same but for the transaction's number: bbolt opens the one with the higher.
void Writer::write_head(Totals totals) {
  for (PageId page = 0; page < kFreelist; ++page) {
    codec::Writer meta;
    meta.u32(kMagic);
    meta.u32(kVersion);
    meta.u32(static_cast<std::uint32_t>(kPageBytes));
    meta.u32(0);  // flags
    meta.u64(totals.root);
    meta.u64(0);  // the root bucket's sequence
    meta.u64(kFreelist);
    meta.u64(totals.pages);
    meta.u64(page);  // transaction
    QUORATE_ASSERT(meta.size() == kMetaSummedBytes, "a meta has its one size", meta.size());
    meta.u64(meta_checksum(meta.view()));
    codec::Writer header;
    write_page_header(header, page, kMetaPage, 0, 0);
    out_ += header.take() + meta.take();
    pad();
  }
  codec::Writer freelist;
  write_page_header(freelist, kFreelist, kFreelistPage, 0, 0);
  out_ += freelist.take();
  pad();
}

void Writer::begin_bucket(ByteView name) {
  QUORATE_ASSERT(!is_in_bucket_ && !name.empty() && !buckets_.contains(std::string(name)),
                 "buckets come one after the other, each once", name);
  is_in_bucket_ = true;
  name_ = name;
  last_key_.clear();
}

void Writer::add(ByteView key, ByteView value) {
  QUORATE_ASSERT(is_in_bucket_ && last_key_ < key, "keys rise within a bucket", name_);
  last_key_ = key;
  add_element(0, {.key = std::string(key), .value = std::string(value)});
}

void Writer::end_bucket() {
  is_in_bucket_ = false;
  const PageId root = end_tree();
  buckets_.emplace(std::move(name_), root);
}

Totals Writer::finish() {
  for (const auto& [name, root] : buckets_) {
    codec::Writer bucket;
    bucket.u64(root);
    bucket.u64(0);  // sequence
    add_element(0, {.key = name, .value = bucket.take(), .flags = kBucketElement});
  }
  const PageId root = end_tree();
  const Totals totals{.root = root, .pages = next_page_};
  QUORATE_ASSERT(promised_ == Totals() || promised_ == totals, "both runs write the same", totals.pages);
  return totals;
}

// ---- the tree -------------------------------------------------------------------------------------------------

void Writer::add_element(std::size_t level, Element element) {
  if (level == levels_.size()) {
    levels_.emplace_back();
  }
  const bool is_leaf = level == 0;
  const std::size_t bytes = kElementBytes + element.key.size() + element.value.size();
  const std::size_t kept_back = is_leaf ? 0 : kMinChildren;
  // A branch page leaves only when two of its children stay for the next one.
  const std::size_t count = levels_[level].elements.size();
  if (levels_[level].bytes + bytes > kPageBytes && count >= (is_leaf ? 1 : 2 * kMinChildren)) {
    std::string first_key = levels_[level].elements.front().key;
    const PageId page = write_page(level, count - kept_back);
    add_element(level + 1, {.key = std::move(first_key), .child = page});
  }
  levels_[level].bytes += bytes;
  levels_[level].elements.push_back(std::move(element));
}

/// Writes the level's first elements as one page, with as many pages behind it as they need.
PageId Writer::write_page(std::size_t level, std::size_t count) {
  Level& filled = levels_[level];
  const PageId id = next_page_;
  std::size_t bytes = kPageHeaderBytes;
  for (std::size_t i = 0; i < count; ++i) {
    bytes += kElementBytes + filled.elements[i].key.size() + filled.elements[i].value.size();
  }
  const std::size_t pages = (bytes + kPageBytes - 1) / kPageBytes;
  next_page_ += pages;

  codec::Writer page;
  page.reserve(pages * kPageBytes);
  write_page_header(page, id, level == 0 ? kLeafPage : kBranchPage, count, pages - 1);
  std::size_t position = count * kElementBytes;  // of the data, seen from its element
  for (std::size_t i = 0; i < count; ++i) {
    const Element& element = filled.elements[i];
    if (level == 0) {
      page.u32(element.flags);
    }
    page.u32(static_cast<std::uint32_t>(position));
    page.u32(static_cast<std::uint32_t>(element.key.size()));
    if (level == 0) {
      page.u32(static_cast<std::uint32_t>(element.value.size()));
    } else {
      page.u64(element.child);
    }
    position += element.key.size() + element.value.size() - kElementBytes;
  }
  for (std::size_t i = 0; i < count; ++i) {
    page.bytes(filled.elements[i].key);
    page.bytes(filled.elements[i].value);
  }
  out_ += page.take();
  pad();
  filled.elements.erase(filled.elements.begin(), filled.elements.begin() + static_cast<std::ptrdiff_t>(count));
  filled.bytes -= bytes - kPageHeaderBytes;
  return id;
}

PageId Writer::end_tree() {
  if (levels_.empty()) {
    levels_.emplace_back();
  }
  // A level whose only page this is, is the root; otherwise its last page goes to the level above.
  for (std::size_t level = 0;; ++level) {
    const bool is_root = level + 1 == levels_.size();
    std::string first_key = levels_[level].elements.empty() ? std::string() : levels_[level].elements.front().key;
    const PageId page = write_page(level, levels_[level].elements.size());
    if (is_root) {
      levels_.clear();
      return page;
    }
    add_element(level + 1, {.key = std::move(first_key), .child = page});
  }
}

}  // namespace quorate::bbolt
