#pragma once
// What may happen next in a world, one turn of a node at a time: steps that nobody else can notice, then one that
// somebody can.
//
// A quiet step (world.h) of one node and any step of another lead to the same world in either order, and what was
// possible before the other's step still is. So every history has one with the same steps in which each node takes its
// quiet steps just before its next noticed one: the worlds between them need not be kept. Without reductions each step
// is a turn.
//
// Invariant: the order of the turns depends on the world only. Owned by a search.

#include <cstdint>
#include <vector>

#include "explore/world.h"

namespace quorate::explore {

class Turns {
 public:
  explicit Turns(Tables& tables) : tables_(tables) {}

  void start(const World& world);
  /// Goes on to the next turn; false: there is none.
  bool next();

  // The turn.
  [[nodiscard]] const World& end() const { return end_; }
  [[nodiscard]] const std::string& violation() const { return violation_; }  ///< empty: none
  [[nodiscard]] std::vector<Action> steps() const;
  [[nodiscard]] std::size_t length() const { return quiet_[at_].steps + 1; }
  /// Steps that led to another world, since start().
  [[nodiscard]] std::uint64_t transitions() const { return transitions_; }

 private:
  /// Where a node can be without anybody noticing.
  struct Quiet {
    std::uint32_t replica = 0;
    Budget budget;
    std::size_t steps = 0;
    std::size_t before = 0;  ///< index in quiet_
    Action last;
  };

  bool go_to_next_list();
  void list();
  void add(const Action& last);

  Tables& tables_;
  World world_;
  std::uint8_t node_ = 0;
  std::vector<Quiet> quiet_;  ///< of this node; the first is the world's own
  std::size_t at_ = 0;
  std::vector<Action> actions_;  ///< of quiet_[at_]
  std::size_t action_ = 0;       ///< the next one
  World end_;
  std::string violation_;
  std::uint64_t transitions_ = 0;
};

}  // namespace quorate::explore
