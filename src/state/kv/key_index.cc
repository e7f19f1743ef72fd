#include "state/kv/key_index.h"

#include <bit>
#include <utility>

#include "base/assert.h"
#include "state/kv/key_index_nodes.h"

namespace quorate::kv {

/// A binary search over words that are not in the cache would wait for one line after the other.
void KeyIndex::fetch_words(const Node* node) {
  const auto* bytes = reinterpret_cast<const char*>(node);
  for (std::size_t line = 0; line < sizeof(Node); line += 64) {
    __builtin_prefetch(bytes + line);
  }
}

KeyIndex::Cursor::Cursor(Leaf* leaf, unsigned position) : leaf_(leaf), position_(position) {
  if (leaf_ != nullptr && position_ >= leaf_->size) {
    leaf_ = leaf_->next;  // leaves are never empty
    position_ = 0;
  }
}

KeyEntry& KeyIndex::Cursor::entry() const { return *leaf_->entries[position_]; }

void KeyIndex::Cursor::next() { *this = Cursor(leaf_, position_ + 1); }

void KeyIndex::Cursor::skip_dead() {
  while (leaf_ != nullptr) {
    const std::uint64_t rest = leaf_->live & ~bits_below(position_);
    if (rest != 0) {
      position_ = static_cast<unsigned>(std::countr_zero(rest));
      return;
    }
    leaf_ = leaf_->next;
    position_ = 0;
  }
}

void KeyIndex::swap(KeyIndex& other) noexcept {
  std::swap(root_, other.root_);
  std::swap(height_, other.height_);
  std::swap(size_, other.size_);
  std::swap(live_count_, other.live_count_);
  std::swap(memory_bytes_, other.memory_bytes_);
}

// ---- search ---------------------------------------------------------------------------------------------------

KeyIndex::~KeyIndex() {
  if (root_ != nullptr) {
    destroy_below(root_, 0);
  }
}

void KeyIndex::destroy_below(Node* node, unsigned depth) {
  if (depth == height_) {
    auto* leaf = static_cast<Leaf*>(node);
    for (unsigned i = 0; i < leaf->size; ++i) {
      KeyEntry::destroy(leaf->entries[i]);
    }
    delete leaf;
    return;
  }
  auto* inner = static_cast<Inner*>(node);
  for (unsigned i = 0; i < inner->size; ++i) {
    destroy_below(inner->children[i], depth + 1);
  }
  delete inner;
}

KeyIndex::Leaf* KeyIndex::descend(ByteView key) const {
  Node* node = root_;
  for (unsigned level = 0; level < height_; ++level) {
    const auto* inner = static_cast<Inner*>(node);
    node = inner->children[inner->child_of(key)];
    fetch_words(node);
  }
  return static_cast<Leaf*>(node);
}

KeyIndex::Leaf* KeyIndex::descend(ByteView key, Path& path) const {
  Node* node = root_;
  for (unsigned level = 0; level < height_; ++level) {
    auto* inner = static_cast<Inner*>(node);
    path.steps[level] = {inner, inner->child_of(key)};
    node = inner->children[path.steps[level].child];
    fetch_words(node);
  }
  return static_cast<Leaf*>(node);
}

KeyEntry* KeyIndex::find(ByteView key) const {
  if (root_ == nullptr) {
    return nullptr;
  }
  const Leaf* leaf = descend(key);
  const unsigned at = leaf->lower_bound(key);
  return leaf->has(at, key) ? leaf->entries[at] : nullptr;
}

KeyIndex::Cursor KeyIndex::lower_bound(ByteView key) const {
  if (root_ == nullptr) {
    return {nullptr, 0};
  }
  Leaf* leaf = descend(key);
  return {leaf, leaf->lower_bound(key)};
}

std::uint64_t KeyIndex::rank(ByteView key) const {
  if (root_ == nullptr) {
    return 0;
  }
  std::uint64_t before = 0;
  Path path;
  const Leaf* leaf = descend(key, path);
  for (unsigned level = 0; level < height_; ++level) {
    for (unsigned i = 0; i < path.steps[level].child; ++i) {
      before += path.steps[level].node->live[i];
    }
  }
  return before + static_cast<unsigned>(std::popcount(leaf->live & bits_below(leaf->lower_bound(key))));
}

KeyIndex::Cursor KeyIndex::select_live(std::uint64_t rank) const {
  if (rank >= live_count_) {
    return {nullptr, 0};
  }
  Node* node = root_;
  for (unsigned level = 0; level < height_; ++level) {
    const auto* inner = static_cast<Inner*>(node);
    unsigned child = 0;
    while (rank >= inner->live[child]) {
      rank -= inner->live[child++];
    }
    node = inner->children[child];
  }
  auto* leaf = static_cast<Leaf*>(node);
  std::uint64_t bits = leaf->live;
  for (; rank > 0; --rank) {
    bits &= bits - 1;
  }
  return {leaf, static_cast<unsigned>(std::countr_zero(bits))};
}

void KeyIndex::check() const {
  if (root_ == nullptr) {
    QUORATE_ASSERT(size_ == 0 && live_count_ == 0 && height_ == 0, "an empty tree counts nothing", size_);
    return;
  }
  const std::uint64_t live = check_node(*root_, {}, nullptr, 0);
  QUORATE_ASSERT(live == live_count_, "counts add up", live, live_count_);
  std::uint64_t seen = 0;
  const KeyEntry* last = nullptr;
  for (Cursor at = first(); at.valid(); at.next(), ++seen) {
    QUORATE_ASSERT(last == nullptr || last->key() < at.entry().key(), "keys rise", seen);
    last = &at.entry();
  }
  QUORATE_ASSERT(seen == size_, "the leaves' list holds every key", seen, size_);
}

std::uint64_t KeyIndex::check_node(const Node& node, ByteView low, const std::string* high, unsigned depth) const {
  QUORATE_ASSERT(node.size > 0 && node.size <= kCapacity, "nodes are neither empty nor over-full", node.size, depth);
  if (depth == height_) {
    const auto& leaf = static_cast<const Leaf&>(node);
    QUORATE_ASSERT((leaf.live & ~bits_below(leaf.size)) == 0, "live bits stand for keys", leaf.size);
    for (unsigned i = 0; i < leaf.size; ++i) {
      const ByteView key = leaf.entries[i]->key();
      QUORATE_ASSERT(key >= low && (high == nullptr || key < ByteView(*high)), "a leaf holds its parent's interval", i);
      QUORATE_ASSERT(leaf.words[i] == word_of(key, leaf.skip), "words are the keys'", i, leaf.skip);
    }
    return leaf.live_count();
  }
  const auto& inner = static_cast<const Inner&>(node);
  for (unsigned i = 0; i < inner.size; ++i) {
    const ByteView from = i == 0 ? low : ByteView(inner.separators[i]);
    const std::string* to = i + 1 < inner.size ? &inner.separators[i + 1] : high;
    const std::uint64_t live = check_node(*inner.children[i], from, to, depth + 1);
    QUORATE_ASSERT(live == inner.live[i], "inner nodes count their children", live, inner.live[i], depth);
  }
  return inner.live_sum();
}

}  // namespace quorate::kv
