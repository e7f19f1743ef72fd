#pragma once
// The nodes of the key index: what a leaf and an inner node hold, and how each is searched and changed by itself.
//
// Invariants: 1. `words` are eight bytes of each key (or separator) behind the prefix that all of the node share, so
//                most searches read no key. 2. a node's own functions keep words and bits in step; links between nodes
//                are the index's. 3. leaves are never empty, except between a split and the insert that caused it.
// Private to key_index*.cc.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "state/kv/key_index.h"

namespace quorate::kv {

inline constexpr unsigned kCapacity = 64;  ///< children and keys of a node; one word of live bits

inline std::size_t common_prefix(ByteView a, ByteView b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

/// Eight bytes of the key from `skip` on as a number that orders like them; zeros stand behind the key's end.
inline std::uint64_t word_of(ByteView key, std::size_t skip) {
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
inline unsigned first_not_less(const std::uint64_t* words, unsigned count, std::uint64_t word) {
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

struct KeyIndex::Node {
  unsigned size = 0;     ///< keys of a leaf, children of an inner node
  std::size_t skip = 0;  ///< length of a prefix that all keys (or separators) of the node share
  std::array<std::uint64_t, kCapacity> words;
};

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

}  // namespace quorate::kv
