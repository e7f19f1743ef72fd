#pragma once
// Which random schedules a test plays: in a build with plants QUORATE_PLANT names one that must be found;
// QUORATE_RANDOM_RUNS and QUORATE_RANDOM_SEED choose the schedules. A single one is told.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/plant.h"
#include "stories/cluster.h"

namespace quorate::protocols {

struct RandomRuns {
  std::uint64_t first = 1;  ///< seed
  std::uint64_t count = 0;

  [[nodiscard]] bool are_told() const { return count == 1; }
  /// How to play one of them alone.
  [[nodiscard]] static std::string command(std::uint64_t seed) {
    return "QUORATE_RANDOM_SEED=" + std::to_string(seed) + " QUORATE_RANDOM_RUNS=1";
  }
};

/// What the environment asks for, else `count` from seed 1 on.
inline RandomRuns choose_runs(std::uint64_t count) {
#ifdef QUORATE_PLANTS
  const char* plant = std::getenv("QUORATE_PLANT");
  activate_plant(plant == nullptr ? "" : plant);
#endif
  const auto from_environment = [](const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  };
  return {.first = from_environment("QUORATE_RANDOM_SEED", 1), .count = from_environment("QUORATE_RANDOM_RUNS", count)};
}

inline void tell(stories::Cluster& cluster) {
  for (const stories::Happening& happening : cluster.take_happenings()) {
    std::printf("%s\n", stories::line_of(happening).c_str());
  }
}

}  // namespace quorate::protocols
