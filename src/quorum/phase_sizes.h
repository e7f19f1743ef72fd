#pragma once
// How many voters must answer in each phase of a protocol that decides in two: a setting that all members share.
//
// Invariant, for whoever votes by it: every set of the one size shares a voter with every set of the other; two sets of
// one size need not meet. fit() tells. Howard, Malkhi, Spiegelman, "Flexible Paxos", section 3.
// A value; pure arithmetic on any thread.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "quorum/quorum.h"

namespace quorate::quorum {

struct PhaseSizes {
  std::uint32_t phase_1 = 0;  ///< who learns what was accepted before; 0: a majority
  std::uint32_t phase_2 = 0;  ///< who accepts a value; 0: a majority

  [[nodiscard]] constexpr bool are_majorities() const { return phase_1 == 0 && phase_2 == 0; }
  [[nodiscard]] constexpr std::size_t phase_1_of(std::size_t voters) const {
    return phase_1 == 0 ? majority_of(voters) : phase_1;
  }
  [[nodiscard]] constexpr std::size_t phase_2_of(std::size_t voters) const {
    return phase_2 == 0 ? majority_of(voters) : phase_2;
  }
  /// With so many of `voters` both phases get through.
  [[nodiscard]] constexpr std::size_t larger_of(std::size_t voters) const {
    return std::max(phase_1_of(voters), phase_2_of(voters));
  }
  /// So many voters can decide by these sizes, and never decide twice.
  [[nodiscard]] constexpr bool fit(std::size_t voters) const {
    return larger_of(voters) <= voters && phase_1_of(voters) + phase_2_of(voters) > voters;
  }
  /// "4 and 2", "a majority and 2": phase 1 first.
  [[nodiscard]] std::string text() const;

  friend bool operator==(const PhaseSizes&, const PhaseSizes&) = default;
};

}  // namespace quorate::quorum
