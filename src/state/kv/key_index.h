#pragma once
// All keys in byte order, in memory: a B+tree whose inner nodes count the live keys below them.
//
// Invariants: 1. point operations, counting a range and finding the n-th live key are O(log n). 2. a leaf knows by one
// bit a key which of its keys are live at the current revision; inner nodes hold the sums. 3. iteration is in byte
// order and depends on nothing else. 4. entries do not move; a cursor is valid until the next insert() or remove().
// Nodes keep eight bytes of each key beside the pointers (those behind the prefix that all their keys share), so that
// a search reads an entry only to settle a tie.
// Owned by the store, on the loop. Facts: performance sections 3 (Storage) and 5 (keys in store).

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "state/kv/key_entry.h"

namespace quorate::kv {

class KeyIndex {
 private:
  struct Node;
  struct Leaf;
  struct Inner;

 public:
  /// A place between keys; walks upwards.
  class Cursor {
   public:
    [[nodiscard]] bool valid() const { return leaf_ != nullptr; }
    [[nodiscard]] KeyEntry& entry() const;
    void next();
    /// To this place or the next one whose key is live.
    void skip_dead();

   private:
    friend class KeyIndex;
    Cursor(Leaf* leaf, unsigned position);
    Leaf* leaf_ = nullptr;
    unsigned position_ = 0;
  };

  KeyIndex() = default;
  ~KeyIndex();
  KeyIndex(const KeyIndex&) = delete;
  KeyIndex& operator=(const KeyIndex&) = delete;
  /// Entries do not move.
  void swap(KeyIndex& other) noexcept;

  [[nodiscard]] KeyEntry* find(ByteView key) const;
  /// The key's entry, made without versions if there was none; from now on it counts as live.
  [[nodiscard]] KeyEntry& insert_live(ByteView key);
  /// Destroys the entry.
  void remove(ByteView key);
  /// Tells whether the key counts as live; it must be in the index.
  void set_live(ByteView key, bool live);

  /// The first key >= `key`.
  [[nodiscard]] Cursor lower_bound(ByteView key) const;
  [[nodiscard]] Cursor first() const { return lower_bound({}); }
  /// The live key with `rank` live keys before it, in the whole index; not valid if there are fewer.
  [[nodiscard]] Cursor select_live(std::uint64_t rank) const;
  /// Live keys < `key`.
  [[nodiscard]] std::uint64_t rank(ByteView key) const;
  [[nodiscard]] std::uint64_t live_count() const { return live_count_; }
  /// Keys with any version left, live or not.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Memory of nodes and entries, without versions' lists.
  [[nodiscard]] std::uint64_t memory_bytes() const { return memory_bytes_; }

  /// Walks the whole tree and asserts its invariants; for tests.
  void check() const;

 private:
  struct Step {
    Inner* node = nullptr;
    unsigned child = 0;
  };
  static constexpr unsigned kMaxHeight = 16;
  struct Path {
    std::array<Step, kMaxHeight> steps;
    unsigned height = 0;
  };

  static void fetch_words(const Node* node);
  [[nodiscard]] Leaf* descend(ByteView key) const;
  [[nodiscard]] Leaf* descend(ByteView key, Path& path) const;
  void split_leaf(Leaf& leaf, unsigned position, ByteView key, const Path& path);
  void insert_child(const Path& path, unsigned level, Node* right, std::string separator, std::uint64_t right_live);
  void shrink_leaf(Leaf& leaf, const Path& path);
  void remove_child(const Path& path, unsigned level, unsigned child);
  void shrink_inner(Inner& inner, const Path& path, unsigned level);
  void drop_idle_root();
  std::uint64_t check_node(const Node& node, ByteView low, const std::string* high, unsigned depth) const;
  void destroy_below(Node* node, unsigned depth);

  Node* root_ = nullptr;
  unsigned height_ = 0;  ///< inner levels above the leaves
  std::uint64_t size_ = 0;
  std::uint64_t live_count_ = 0;
  std::uint64_t memory_bytes_ = 0;
};

}  // namespace quorate::kv
