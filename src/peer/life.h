#pragma once
// One life of a node: how others tell the process that they have met from one that only has its id.
//
// Invariants: 1. a node's lives come in the order of their incarnations. 2. two lives with one birth led one data
//                directory, or copies of it. 3. two lives with one incarnation and different starts are two processes.
// A value.

#include <cstdint>

#include "base/ids.h"

namespace quorate::peer {

struct Life {
  Incarnation incarnation;
  std::uint64_t birth = 0;  ///< drawn at random when the node's data directory was made; 0: nobody drew it
  std::uint64_t start = 0;  ///< drawn at random when this life began; 0: likewise

  friend bool operator==(const Life&, const Life&) = default;
};

}  // namespace quorate::peer
