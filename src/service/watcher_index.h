#pragma once
// Which watchers want a key: one key each in an ordered map, ranges in a tree (a treap by their bounds) that knows the
// greatest end below each node.
//
// Invariants: 1. a look-up costs O(log n) and what it finds. 2. what it finds comes in one order in every run: exact
//                keys, then ranges by their bounds, each by rising id. 3. no hash of a client's bytes decides the cost.
// Owned by the watchers of a group, on the loop.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "service/watch_hub.h"

namespace quorate::service {

class WatcherIndex {
 public:
  /// `salt` makes the tree's shape hard to foresee for who chooses the keys.
  explicit WatcherIndex(std::uint64_t salt);
  ~WatcherIndex();
  WatcherIndex(const WatcherIndex&) = delete;
  WatcherIndex& operator=(const WatcherIndex&) = delete;

  /// `end` as in requests: empty for one key, "\0" for everything from `key` on.
  void add(ByteView key, ByteView end, WatcherId watcher);
  /// It must have been added with the same bounds.
  void remove(ByteView key, ByteView end, WatcherId watcher);

  /// Appends the watchers of `key`.
  void find(ByteView key, std::vector<WatcherId>& out) const;

  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  struct Range;
  using Link = std::unique_ptr<Range>;

  static void update(Range& range);
  static void insert(Link& link, Link made);
  static void erase(Link& link, const Range& gone);
  static void split(Link whole, const Range& at, Link& left, Link& right);
  static Link merge(Link left, Link right);
  static void find_in(const Range* range, ByteView key, std::vector<WatcherId>& out);
  [[nodiscard]] Range* locate(const Range& like) const;

  std::map<std::string, std::vector<WatcherId>, std::less<>> keys_;
  Link root_;
  std::uint64_t salt_;
  std::uint64_t ranges_made_ = 0;
  std::size_t size_ = 0;
};

}  // namespace quorate::service
