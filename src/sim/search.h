#pragma once
// What a search over many seeds did: sums over runs, and whether it did the hard things at all.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/run.h"

namespace quorate::sim {

class Search {
 public:
  void add(const RunResult& result);

  /// One line: averages per run.
  [[nodiscard]] std::string summary() const;
  /// Several lines: hits of each fault and of each protocol branch.
  [[nodiscard]] std::string report() const;
  /// Why the search proves too little: averages below 500 operations, 2 leader changes, 3 crashes or 1 power loss per
  /// run; over 2,000 runs and more also every fault and every one of `branches` that never happened. Empty: clean.
  /// A protocol without a log has no leaders and no changes of members.
  [[nodiscard]] std::vector<std::string> not_clean(std::span<const std::string_view> branches, bool keeps_log) const;

 private:
  [[nodiscard]] double per_run(std::uint64_t total) const;

  std::uint64_t runs_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t unknown_ = 0;
  std::uint64_t watch_events_ = 0;
  std::uint64_t leader_changes_ = 0;
  std::uint64_t crashes_ = 0;
  std::uint64_t power_losses_ = 0;
  std::uint64_t restored_ = 0;
  std::uint64_t events_ = 0;
  FaultCounts faults_{};
  std::map<std::string, std::uint64_t, std::less<>> branches_;
};

}  // namespace quorate::sim
