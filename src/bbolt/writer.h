#pragma once
// Writes a bbolt database from its first byte to its last: buckets of keys that come in rising order.
//
// The file's head names the root, which is written last. So a database is written twice: once to learn its Totals (the
// bytes are thrown away), once to be kept. Invariants: 1. memory is one page a level of the tree, whatever the size of
// the database. 2. every page is reachable or one of the first three, and the freelist is empty. 3. every branch page
// has two children or more: bbolt relies on it when it deletes. 4. the same input gives the same bytes.
// A value type, owned by one function or object.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "bbolt/format.h"

namespace quorate::bbolt {

/// What the head says and only the end knows.
struct Totals {
  PageId root = 0;
  PageId pages = 0;
  friend bool operator==(const Totals&, const Totals&) = default;
  [[nodiscard]] std::uint64_t bytes() const { return pages * kPageBytes; }
};

class Writer {
 public:
  /// `totals`: what finish() of the run before returned; nothing in the first run.
  explicit Writer(Totals totals = {});

  /// Buckets come in any order, each once; keys rise within a bucket.
  void begin_bucket(ByteView name);
  void add(ByteView key, ByteView value);
  void end_bucket();
  Totals finish();

  /// The whole pages that were written since the last call.
  [[nodiscard]] std::string take() { return std::exchange(out_, {}); }

 private:
  /// The page of one level that is being filled.
  struct Element {
    std::string key;
    std::string value;  ///< leaf
    PageId child = 0;   ///< branch
    std::uint32_t flags = 0;
  };
  struct Level {
    std::vector<Element> elements;
    std::size_t bytes = kPageHeaderBytes;
  };

  void write_head(Totals totals);
  void add_element(std::size_t level, Element element);
  [[nodiscard]] PageId write_page(std::size_t level, std::size_t elements);
  [[nodiscard]] PageId end_tree();
  void pad();

  std::string out_;
  PageId next_page_ = kFirstDataPage;
  std::vector<Level> levels_;              ///< [0] is the leaf
  std::map<std::string, PageId> buckets_;  ///< finished ones and their roots
  std::string name_;
  std::string last_key_;
  Totals promised_;
  bool is_in_bucket_ = false;
};

}  // namespace quorate::bbolt
