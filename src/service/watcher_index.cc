#include "service/watcher_index.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"

namespace quorate::service {
namespace {

void add_sorted(std::vector<WatcherId>& ids, WatcherId id) { ids.insert(std::ranges::upper_bound(ids, id), id); }

void remove_sorted(std::vector<WatcherId>& ids, WatcherId id) {
  const auto found = std::ranges::lower_bound(ids, id);
  QUORATE_ASSERT(found != ids.end() && *found == id, "a watcher leaves the index once", id);
  ids.erase(found);
}

}  // namespace

struct WatcherIndex::Range {
  std::string from;
  std::string to;
  bool open = false;  ///< no end
  std::vector<WatcherId> ids;
  std::uint64_t priority = 0;
  Link left;
  Link right;
  const Range* furthest = nullptr;  ///< the one with the greatest end at or below this node

  Range(ByteView key, ByteView end) : from(key), to(end), open(end == ByteView("\0", 1)) {
    if (open) {
      to.clear();
    }
  }
  [[nodiscard]] bool is_before(const Range& other) const {
    return std::tie(from, open, to) < std::tie(other.from, other.open, other.to);
  }
  [[nodiscard]] bool is_same(const Range& other) const {
    return from == other.from && open == other.open && to == other.to;
  }
  [[nodiscard]] bool reaches(ByteView key) const { return open || ByteView(to) > key; }
  [[nodiscard]] bool ends_before(const Range& other) const { return !open && (other.open || to < other.to); }
};

WatcherIndex::WatcherIndex(std::uint64_t salt) : salt_(salt) {}
WatcherIndex::~WatcherIndex() = default;

void WatcherIndex::add(ByteView key, ByteView end, WatcherId watcher) {
  ++size_;
  if (end.empty()) {
    const auto found = keys_.lower_bound(key);
    const bool exists = found != keys_.end() && found->first == key;
    add_sorted((exists ? found : keys_.emplace_hint(found, std::string(key), std::vector<WatcherId>()))->second,
               watcher);
    return;
  }
  Link made = std::make_unique<Range>(key, end);
  if (Range* existing = locate(*made); existing != nullptr) {
    add_sorted(existing->ids, watcher);
    return;
  }
  Hasher priority;
  priority.add(salt_);
  priority.add(++ranges_made_);
  made->priority = priority.value();
  made->ids.push_back(watcher);
  made->furthest = made.get();
  insert(root_, std::move(made));
}

void WatcherIndex::remove(ByteView key, ByteView end, WatcherId watcher) {
  --size_;
  if (end.empty()) {
    const auto found = keys_.find(key);
    QUORATE_ASSERT(found != keys_.end(), "a watcher leaves the index with its bounds", watcher);
    remove_sorted(found->second, watcher);
    if (found->second.empty()) {
      keys_.erase(found);
    }
    return;
  }
  const Range like(key, end);
  Range* found = locate(like);
  QUORATE_ASSERT(found != nullptr, "a watcher leaves the index with its bounds", watcher);
  remove_sorted(found->ids, watcher);
  if (found->ids.empty()) {
    erase(root_, like);
  }
}

void WatcherIndex::find(ByteView key, std::vector<WatcherId>& out) const {
  if (const auto found = keys_.find(key); found != keys_.end()) {
    out.insert(out.end(), found->second.begin(), found->second.end());
  }
  find_in(root_.get(), key, out);
}

void WatcherIndex::find_in(const Range* range, ByteView key, std::vector<WatcherId>& out) {
  if (range == nullptr || !range->furthest->reaches(key)) {
    return;
  }
  find_in(range->left.get(), key, out);
  if (ByteView(range->from) > key) {
    return;
  }
  if (range->reaches(key)) {
    out.insert(out.end(), range->ids.begin(), range->ids.end());
  }
  find_in(range->right.get(), key, out);
}

WatcherIndex::Range* WatcherIndex::locate(const Range& like) const {
  Range* range = root_.get();
  while (range != nullptr && !range->is_same(like)) {
    range = like.is_before(*range) ? range->left.get() : range->right.get();
  }
  return range;
}

void WatcherIndex::update(Range& range) {
  range.furthest = &range;
  for (const Range* child : {range.left.get(), range.right.get()}) {
    if (child != nullptr && range.furthest->ends_before(*child->furthest)) {
      range.furthest = child->furthest;
    }
  }
}

void WatcherIndex::insert(Link& link, Link made) {
  if (link == nullptr) {
    link = std::move(made);
    return;
  }
  if (made->priority > link->priority) {
    split(std::move(link), *made, made->left, made->right);
    link = std::move(made);
  } else {
    Link& child = made->is_before(*link) ? link->left : link->right;
    insert(child, std::move(made));
  }
  update(*link);
}

void WatcherIndex::erase(Link& link, const Range& gone) {
  if (link->is_same(gone)) {
    link = merge(std::move(link->left), std::move(link->right));
    return;
  }
  erase(gone.is_before(*link) ? link->left : link->right, gone);
  update(*link);
}

void WatcherIndex::split(Link whole, const Range& at, Link& left, Link& right) {
  if (whole == nullptr) {
    left = nullptr;
    right = nullptr;
    return;
  }
  Range& range = *whole;
  if (range.is_before(at)) {
    split(std::move(range.right), at, range.right, right);
    left = std::move(whole);
  } else {
    split(std::move(range.left), at, left, range.left);
    right = std::move(whole);
  }
  update(range);
}

WatcherIndex::Link WatcherIndex::merge(Link left, Link right) {
  if (left == nullptr || right == nullptr) {
    return left == nullptr ? std::move(right) : std::move(left);
  }
  Link& top = left->priority > right->priority ? left : right;
  if (&top == &left) {
    left->right = merge(std::move(left->right), std::move(right));
  } else {
    right->left = merge(std::move(left), std::move(right->left));
  }
  update(*top);
  return std::move(top);
}

}  // namespace quorate::service
