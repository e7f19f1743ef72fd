// Inserting and removing keys: splits on the way up, joins of sparse nodes on the way down.

#include <algorithm>
#include <string>

#include "base/assert.h"
#include "state/kv/key_index.h"
#include "state/kv/key_index_nodes.h"

namespace quorate::kv {
namespace {

constexpr unsigned kSparse = 16;  ///< a node with fewer tries to merge with a neighbour,
constexpr unsigned kMerged = 48;  ///< if both together have no more than this

}  // namespace

KeyEntry& KeyIndex::insert_live(ByteView key) {
  if (root_ == nullptr) {
    root_ = new Leaf;
    memory_bytes_ += sizeof(Leaf);
  }
  Path path;
  Leaf* leaf = descend(key, path);
  unsigned at = leaf->lower_bound(key);
  if (!leaf->has(at, key)) {
    if (leaf->size == kCapacity) {
      split_leaf(*leaf, at, key, path);
      return insert_live(key);
    }
    leaf->insert(at, KeyEntry::make(key));
    memory_bytes_ += sizeof(KeyEntry) + key.size();
    ++size_;
  }
  const std::uint64_t bit = std::uint64_t{1} << at;
  if ((leaf->live & bit) == 0) {
    leaf->live |= bit;
    ++live_count_;
    for (unsigned level = 0; level < height_; ++level) {
      ++path.steps[level].node->live[path.steps[level].child];
    }
  }
  return *leaf->entries[at];
}

void KeyIndex::set_live(ByteView key, bool live) {
  Path path;
  Leaf* leaf = descend(key, path);
  const unsigned at = leaf->lower_bound(key);
  QUORATE_ASSERT(leaf->has(at, key), "the key is in the index", key);
  const std::uint64_t bit = std::uint64_t{1} << at;
  if (((leaf->live & bit) != 0) == live) {
    return;
  }
  leaf->live ^= bit;
  const std::uint64_t step = live ? 1 : ~std::uint64_t{0};
  live_count_ += step;
  for (unsigned level = 0; level < height_; ++level) {
    path.steps[level].node->live[path.steps[level].child] += step;
  }
}

/// Keys that only ever rise fill their leaves: a full last leaf then splits at its end.
void KeyIndex::split_leaf(Leaf& leaf, unsigned position, ByteView key, const Path& path) {
  auto* right = new Leaf;
  memory_bytes_ += sizeof(Leaf);
  const bool append = leaf.next == nullptr && position == kCapacity;
  const unsigned middle = append ? kCapacity : kCapacity / 2;
  std::copy(leaf.entries.begin() + middle, leaf.entries.end(), right->entries.begin());
  right->size = kCapacity - middle;
  right->live = leaf.live & ~bits_below(middle);
  right->live = append ? 0 : right->live >> middle;
  leaf.live &= bits_below(middle);
  leaf.size = middle;
  const ByteView first = append ? key : right->entries[0]->key();
  const std::size_t shared = common_prefix(leaf.entries[middle - 1]->key(), first);
  std::string separator(first.substr(0, shared + 1));
  if (append) {
    // An empty leaf lives only until its caller's insert, which finds its way by the separator.
    QUORATE_ASSERT(separator <= key, "the new leaf is the key's", position);
  }
  right->next = leaf.next;
  right->previous = &leaf;
  if (leaf.next != nullptr) {
    leaf.next->previous = right;
  }
  leaf.next = right;
  leaf.rebuild();
  right->rebuild();
  insert_child(path, height_, right, std::move(separator), right->live_count());
}

void KeyIndex::insert_child(const Path& path, unsigned level, Node* right, std::string separator,
                            std::uint64_t right_live) {
  if (level == 0) {
    auto* root = new Inner;
    memory_bytes_ += sizeof(Inner);
    root->insert(0, root_, {}, live_count_ - right_live);
    root->insert(1, right, std::move(separator), right_live);
    root_ = root;
    ++height_;
    QUORATE_ASSERT(height_ < kMaxHeight, "the tree stays low", height_);
    return;
  }
  Inner* parent = path.steps[level - 1].node;
  unsigned at = path.steps[level - 1].child + 1;
  if (parent->size == kCapacity) {
    auto* half = new Inner;
    memory_bytes_ += sizeof(Inner);
    const unsigned middle = kCapacity / 2;
    std::string promoted = std::move(parent->separators[middle]);
    half->append(*parent, middle, {});
    insert_child(path, level - 1, half, std::move(promoted), half->live_sum());
    if (at > middle) {
      parent = half;
      at -= middle;
    }
  }
  parent->live[at - 1] -= right_live;
  parent->insert(at, right, std::move(separator), right_live);
}

void KeyIndex::remove(ByteView key) {
  Path path;
  set_live(key, false);
  Leaf* leaf = descend(key, path);
  const unsigned at = leaf->lower_bound(key);
  KeyEntry* entry = leaf->entries[at];
  memory_bytes_ -= sizeof(KeyEntry) + key.size();
  leaf->erase(at);
  --size_;
  if (leaf->size < kSparse) {
    shrink_leaf(*leaf, path);
  }
  KeyEntry::destroy(entry);  // last: `key` may be the entry's own
}

/// Unlinks an empty leaf, or joins a sparse one with a neighbour below the same parent.
void KeyIndex::shrink_leaf(Leaf& leaf, const Path& path) {
  if (height_ == 0) {
    if (leaf.size == 0) {
      delete &leaf;
      memory_bytes_ -= sizeof(Leaf);
      root_ = nullptr;
    }
    return;
  }
  const auto [parent, child] = path.steps[height_ - 1];
  unsigned right_child = child;
  if (leaf.size > 0) {
    const auto size_of = [p = parent](unsigned i) { return p->children[i]->size; };
    if (child + 1 < parent->size && leaf.size + size_of(child + 1) <= kMerged) {
      right_child = child + 1;
    } else if (child == 0 || leaf.size + size_of(child - 1) > kMerged) {
      return;
    }
    auto* left = static_cast<Leaf*>(parent->children[right_child - 1]);
    auto* right = static_cast<Leaf*>(parent->children[right_child]);
    std::copy_n(right->entries.begin(), right->size, left->entries.begin() + left->size);
    left->live |= right->live << left->size;
    left->size += right->size;
    left->rebuild();
    parent->live[right_child - 1] += parent->live[right_child];
  }
  auto* gone = static_cast<Leaf*>(parent->children[right_child]);
  if (gone->previous != nullptr) {
    gone->previous->next = gone->next;
  }
  if (gone->next != nullptr) {
    gone->next->previous = gone->previous;
  }
  delete gone;
  memory_bytes_ -= sizeof(Leaf);
  remove_child(path, height_, right_child);
  drop_idle_root();
}

void KeyIndex::remove_child(const Path& path, unsigned level, unsigned child) {
  Inner& inner = *path.steps[level - 1].node;
  inner.erase(child);
  if (inner.size < kSparse && level > 1) {
    shrink_inner(inner, path, level - 1);
  }
}

/// As shrink_leaf, for the inner node below `level`.
void KeyIndex::shrink_inner(Inner& inner, const Path& path, unsigned level) {
  const auto [parent, child] = path.steps[level - 1];
  unsigned right_child = child;
  if (inner.size > 0) {
    const auto size_of = [p = parent](unsigned i) { return p->children[i]->size; };
    if (child + 1 < parent->size && inner.size + size_of(child + 1) <= kMerged) {
      right_child = child + 1;
    } else if (child == 0 || inner.size + size_of(child - 1) > kMerged) {
      return;
    }
    auto* left = static_cast<Inner*>(parent->children[right_child - 1]);
    auto* right = static_cast<Inner*>(parent->children[right_child]);
    left->append(*right, 0, parent->separators[right_child]);
    parent->live[right_child - 1] += parent->live[right_child];
  }
  delete static_cast<Inner*>(parent->children[right_child]);
  memory_bytes_ -= sizeof(Inner);
  remove_child(path, level, right_child);
}

void KeyIndex::drop_idle_root() {
  while (height_ > 0 && root_->size <= 1) {
    auto* old = static_cast<Inner*>(root_);
    root_ = old->size == 0 ? nullptr : old->children[0];
    delete old;
    memory_bytes_ -= sizeof(Inner);
    --height_;
    if (root_ == nullptr) {
      height_ = 0;
      return;
    }
  }
}

}  // namespace quorate::kv
