#include "state/kv/key_index.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"

namespace quorate::kv {
namespace {

constexpr unsigned kCapacity = 64;  ///< children and keys of a node; one word of live bits
constexpr unsigned kSparse = 16;    ///< a node with fewer tries to merge with a neighbour,
constexpr unsigned kMerged = 48;    ///< if both together have no more than this

std::size_t common_prefix(ByteView a, ByteView b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

/// Eight bytes of the key from `skip` on as a number that orders like them; zeros stand behind the key's end.
std::uint64_t word_of(ByteView key, std::size_t skip) {
  unsigned char raw[8] = {};
  if (key.size() > skip) {
    std::memcpy(raw, key.data() + skip, std::min<std::size_t>(8, key.size() - skip));
  }
  std::uint64_t word = 0;
  for (const unsigned char byte : raw) {
    word = word << 8 | byte;
  }
  return word;
}

/// The first of `count` rising words that is >= `word`, without branches that depend on them.
unsigned first_not_less(const std::uint64_t* words, unsigned count, std::uint64_t word) {
  const std::uint64_t* base = words;
  while (count > 0) {
    const unsigned half = count / 2;
    const bool right = base[half] < word;
    base = right ? base + half + 1 : base;
    count = right ? count - half - 1 : half;
  }
  return static_cast<unsigned>(base - words);
}

template <class T>
void open_gap(std::array<T, kCapacity>& list, unsigned size, unsigned at) {
  std::move_backward(list.begin() + at, list.begin() + size, list.begin() + size + 1);
}

template <class T>
void close_gap(std::array<T, kCapacity>& list, unsigned size, unsigned at) {
  std::move(list.begin() + at + 1, list.begin() + size, list.begin() + at);
}

constexpr std::uint64_t bits_below(unsigned position) {
  return position >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << position) - 1;
}

}  // namespace

struct KeyIndex::Node {
  unsigned size = 0;     ///< keys of a leaf, children of an inner node
  std::size_t skip = 0;  ///< length of a prefix that all keys (or separators) of the node share
  std::array<std::uint64_t, kCapacity> words;
};

/// A binary search over words that are not in the cache would wait for one line after the other.
void KeyIndex::fetch_words(const Node* node) {
  const auto* bytes = reinterpret_cast<const char*>(node);
  for (std::size_t line = 0; line < sizeof(Node); line += 64) {
    __builtin_prefetch(bytes + line);
  }
}

struct KeyIndex::Leaf : Node {
  std::array<KeyEntry*, kCapacity> entries;
  std::uint64_t live = 0;  ///< bit i: entries[i] is live
  Leaf* next = nullptr;
  Leaf* previous = nullptr;

  [[nodiscard]] unsigned live_count() const { return static_cast<unsigned>(std::popcount(live)); }

  /// The first entry >= key.
  [[nodiscard]] unsigned lower_bound(ByteView key) const {
    if (size == 0) {
      return 0;
    }
    if (skip > 0) {
      const int order = key.substr(0, skip).compare(entries[0]->key().substr(0, skip));
      if (order != 0) {
        return order < 0 ? 0 : size;
      }
    }
    const std::uint64_t word = word_of(key, skip);
    unsigned at = first_not_less(words.data(), size, word);
    while (at < size && words[at] == word && entries[at]->key() < key) {
      ++at;
    }
    return at;
  }
  [[nodiscard]] bool has(unsigned at, ByteView key) const { return at < size && entries[at]->key() == key; }

  void rebuild() {
    skip = size < 2 ? 0 : common_prefix(entries[0]->key(), entries[size - 1]->key());
    for (unsigned i = 0; i < size; ++i) {
      words[i] = word_of(entries[i]->key(), skip);
    }
  }
  void insert(unsigned at, KeyEntry* entry) {
    const bool shares = size == 0 || common_prefix(entries[0]->key().substr(0, skip), entry->key()) == skip;
    open_gap(entries, size, at);
    open_gap(words, size, at);
    entries[at] = entry;
    live = (live & bits_below(at)) | (live & ~bits_below(at)) << 1;
    ++size;
    if (shares) {
      words[at] = word_of(entry->key(), skip);
    } else {
      rebuild();
    }
  }
  void erase(unsigned at) {
    close_gap(entries, size, at);
    close_gap(words, size, at);
    live = (live & bits_below(at)) | (live >> 1 & ~bits_below(at));
    --size;
  }
};

struct KeyIndex::Inner : Node {
  std::array<Node*, kCapacity> children;
  std::array<std::uint64_t, kCapacity> live;      ///< live keys below each child
  std::array<std::string, kCapacity> separators;  ///< [i] <= every key of child i; [0] is not used

  /// The child whose keys may include `key`.
  [[nodiscard]] unsigned child_of(ByteView key) const {
    if (size < 2) {
      return 0;
    }
    if (skip > 0) {
      const int order = key.substr(0, skip).compare(ByteView(separators[1]).substr(0, skip));
      if (order != 0) {
        return order < 0 ? 0 : size - 1;
      }
    }
    const std::uint64_t word = word_of(key, skip);
    unsigned at = 1 + first_not_less(words.data() + 1, size - 1, word);
    while (at < size && words[at] == word && ByteView(separators[at]) <= key) {
      ++at;
    }
    return at - 1;
  }
  void rebuild() {
    separators[0].clear();
    skip = size < 3 ? 0 : common_prefix(separators[1], separators[size - 1]);
    for (unsigned i = 1; i < size; ++i) {
      words[i] = word_of(separators[i], skip);
    }
  }
  void insert(unsigned at, Node* child, std::string separator, std::uint64_t child_live) {
    open_gap(children, size, at);
    open_gap(live, size, at);
    open_gap(separators, size, at);
    children[at] = child;
    live[at] = child_live;
    separators[at] = std::move(separator);
    ++size;
    rebuild();
  }
  void erase(unsigned at) {
    close_gap(children, size, at);
    close_gap(live, size, at);
    close_gap(separators, size, at);
    --size;
    rebuild();
  }
  /// Moves the children [from, size) of `other` behind this node's; `separator` stands before the first of them.
  void append(Inner& other, unsigned from, std::string separator) {
    for (unsigned i = from; i < other.size; ++i) {
      children[size] = other.children[i];
      live[size] = other.live[i];
      separators[size] = i == from ? std::move(separator) : std::move(other.separators[i]);
      ++size;
    }
    other.size = from;
    rebuild();
    other.rebuild();
  }
  [[nodiscard]] std::uint64_t live_sum() const {
    std::uint64_t sum = 0;
    for (unsigned i = 0; i < size; ++i) {
      sum += live[i];
    }
    return sum;
  }
};

// ---- cursor ---------------------------------------------------------------------------------------------------

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

// ---- change ---------------------------------------------------------------------------------------------------

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

// ---- check ----------------------------------------------------------------------------------------------------

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
