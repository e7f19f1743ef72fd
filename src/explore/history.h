#pragma once
// What was promised on the way to a state: who led, what was decided, which reads wait. The rules are about that.
//
// Values, kept once each and by number in a table that a search owns.

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "consensus/contract/entry.h"
#include "explore/number_map.h"
#include "explore/permutation.h"

namespace quorate::explore {

struct History {
  /// The first decision about a position, on whichever node it happened.
  struct Decided {
    consensus::Entry entry;
    Tag term;  ///< of the replica that decided it first
  };
  struct OpenRead {
    NodeId node;
    Context context;
    Position must_include;  ///< what was decided when it was asked for
  };

  std::vector<Decided> decided;                            ///< position p at p - 1
  std::vector<std::pair<std::string, std::string>> cells;  ///< decided ones, in the order of decision
  std::vector<std::pair<Tag, NodeId>> leaders;             ///< who ever led, by rising term
  std::vector<OpenRead> reads;

  [[nodiscard]] std::uint64_t hash() const;
  [[nodiscard]] History renamed(const Permutation& names) const;
};

class HistoryTable {
 public:
  HistoryTable() { (void)keep(History()); }

  /// The empty history has number 0.
  [[nodiscard]] std::uint32_t keep(History history);
  [[nodiscard]] const History& at(std::uint32_t number) const { return histories_[number]; }
  [[nodiscard]] std::size_t size() const { return histories_.size(); }

 private:
  std::deque<History> histories_;
  NumberMap by_hash_;
};

}  // namespace quorate::explore
