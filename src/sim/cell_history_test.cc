#include "sim/cell_history.h"

#include <gtest/gtest.h>

namespace quorate::sim {
namespace {

using Outcome = CellOperation::Outcome;

CellOperation operation(std::optional<std::string> wish, int invoked, int returned, Outcome outcome,
                        std::string value = {}) {
  return {.client = 1,
          .node = 1,
          .wish = std::move(wish),
          .key = "k",
          .invoked = Instant(std::chrono::milliseconds(invoked)),
          .returned = Instant(std::chrono::milliseconds(returned)),
          .outcome = outcome,
          .value = std::move(value)};
}

TEST(cell_history, legal_ones_are_taken) {
  EXPECT_EQ(check_cells({}), "");
  EXPECT_EQ(check_cells({operation("a", 1, 5, Outcome::decided, "b"), operation("b", 2, 4, Outcome::decided, "b"),
                         operation({}, 6, 7, Outcome::decided, "b")}),
            "");
  EXPECT_EQ(check_cells({operation("a", 1, 9, Outcome::unknown), operation({}, 6, 7, Outcome::decided, "a")}), "")
      << "what is unknown may have happened";
  EXPECT_EQ(check_cells({operation("a", 1, 5, Outcome::decided, "a"), operation({}, 4, 7, Outcome::not_decided)}), "")
      << "asked before the answer was given";
}

TEST(cell_history, two_values_of_a_key_are_rejected) {
  EXPECT_NE(check_cells({operation("a", 1, 5, Outcome::decided, "a"), operation("b", 2, 6, Outcome::decided, "b")}),
            "");
  EXPECT_NE(check_cells({operation("a", 1, 5, Outcome::decided, "a"), operation("b", 2, 9, Outcome::unknown),
                         operation({}, 7, 8, Outcome::decided, "b")}),
            "");
}

TEST(cell_history, a_value_that_nobody_proposed_is_rejected) {
  EXPECT_NE(check_cells({operation({}, 1, 5, Outcome::decided, "a")}), "");
  EXPECT_NE(check_cells({operation({}, 1, 5, Outcome::decided, "a"), operation("a", 6, 7, Outcome::decided, "a")}), "")
      << "it was proposed later";
  EXPECT_NE(check_cells({operation("a", 1, 2, Outcome::refused), operation({}, 3, 5, Outcome::decided, "a")}), "")
      << "a refused request does nothing";
}

TEST(cell_history, a_value_that_is_forgotten_is_rejected) {
  EXPECT_NE(check_cells({operation("a", 1, 5, Outcome::decided, "a"), operation({}, 6, 7, Outcome::not_decided)}), "");
}

}  // namespace
}  // namespace quorate::sim
