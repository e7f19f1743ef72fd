#pragma once
// Worlds that differ only in the names of their nodes stand for each other: of each such family one is kept.
//
// Nobody needs to know what a core or a message holds to rename it: the renamed replica is the one that takes the
// renamed steps from the renamed first life. So each twin comes from the real core, along the origins that StepTable
// keeps, once.
//
// Invariants: 1. only bounds that treat all nodes alike have renamings, so none with changes of membership: a leader
// that leaves hands over to the first of equals. 2. the protocol must not care for names; search_test.cc compares with
// names told apart. Owned by a search.

#include <cstdint>
#include <vector>

#include "explore/permutation.h"
#include "explore/world.h"

namespace quorate::explore {

class Symmetry {
 public:
  explicit Symmetry(Tables& tables);

  /// Makes `world` the one that is kept of its family; gives the renaming that did it.
  const Permutation& normalise(World& world);
  /// The same action in the renamed world.
  [[nodiscard]] Action renamed(const Action& action, const Permutation& names);

 private:
  /// What one renaming makes of everything that has a number. kNone: not known yet.
  struct Twins {
    Permutation names;
    std::vector<std::uint32_t> replicas;
    std::vector<std::uint32_t> packets;
    std::vector<std::uint32_t> mail;
    std::vector<std::uint32_t> histories;
  };

  [[nodiscard]] std::uint32_t replica(Twins& twins, std::uint32_t number);
  [[nodiscard]] std::uint32_t packet(Twins& twins, std::uint32_t number);
  [[nodiscard]] std::uint32_t mail(Twins& twins, std::uint32_t number);
  [[nodiscard]] std::uint32_t history(Twins& twins, std::uint32_t number);
  [[nodiscard]] StepInput input(Twins& twins, const StepInput& input);
  void rename_replicas(Twins& twins, const World& world, World& out);
  void rename_rest(Twins& twins, const World& world, World& out);

  Tables& tables_;
  std::vector<Twins> twins_;  ///< the first changes nothing
  World other_;
  World best_;
};

}  // namespace quorate::explore
