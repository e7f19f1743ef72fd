// Which sizes of the two phases may be used, against every pair of sets of those sizes (P-12).

#include "quorum/phase_sizes.h"

#include <bit>

#include <gtest/gtest.h>

namespace quorate::quorum {
namespace {

/// Sets of voters as bits.
bool always_meet(std::size_t voters, std::size_t one, std::size_t two) {
  bool found = false;
  for (unsigned a = 0; a < 1U << voters; ++a) {
    for (unsigned b = 0; b < 1U << voters; ++b) {
      const bool are_quorums =
          static_cast<std::size_t>(std::popcount(a)) == one && static_cast<std::size_t>(std::popcount(b)) == two;
      if (are_quorums && (a & b) == 0) {
        return false;
      }
      found |= are_quorums;
    }
  }
  return found;  // of a size above the voters there is no set, and nothing is decided
}

TEST(phase_sizes, fit_exactly_if_every_two_sets_meet) {
  for (std::uint32_t voters = 1; voters <= 6; ++voters) {
    for (std::uint32_t one = 1; one <= voters + 1; ++one) {
      for (std::uint32_t two = 1; two <= voters + 1; ++two) {
        EXPECT_EQ((PhaseSizes{one, two}.fit(voters)), always_meet(voters, one, two))
            << voters << ": " << one << ", " << two;
      }
    }
  }
}

TEST(phase_sizes, a_majority_is_what_is_not_told) {
  for (std::size_t voters = 1; voters <= 9; ++voters) {
    EXPECT_TRUE(PhaseSizes{}.fit(voters));
    EXPECT_EQ(PhaseSizes{}.larger_of(voters), majority_of(voters));
  }
  EXPECT_FALSE(PhaseSizes{}.fit(0)) << "nobody never decides";
  EXPECT_TRUE((PhaseSizes{.phase_1 = 4}.fit(5)));
  EXPECT_FALSE((PhaseSizes{.phase_2 = 2}.fit(5))) << "three and two of five need not meet";
  EXPECT_EQ((PhaseSizes{.phase_1 = 4, .phase_2 = 2}.larger_of(5)), 4U);
  EXPECT_EQ((PhaseSizes{.phase_2 = 4}.larger_of(5)), 4U);
  EXPECT_EQ((PhaseSizes{.phase_2 = 4}.text()), "a majority and 4");
}

}  // namespace
}  // namespace quorate::quorum
