#pragma once
// What `quorate bench put` prints: latencies, and a put's stages from what the nodes counted before and after.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace quorate {

/// What a node's /metrics says of its part in puts.
struct StageFigures {
  struct Sum {
    double count = 0;
    double seconds = 0;
  };
  bool is_leader = false;
  Sum receive, sync, replication, execution;

  [[nodiscard]] static StageFigures parse(std::string_view metrics);
};

[[nodiscard]] std::string latency_line(std::vector<Duration> took);

/// One line a stage, microseconds a put. The node `leader` took the puts.
[[nodiscard]] std::string stage_table(const std::vector<StageFigures>& before, const std::vector<StageFigures>& after,
                                      std::size_t leader, const std::vector<Duration>& took);

}  // namespace quorate
