#include "sim/search.h"

#include <algorithm>

namespace quorate::sim {
namespace {

constexpr std::uint64_t kRunsForCoverage = 2000;
/// What every search must reach, whatever protocol runs.
constexpr std::string_view kBranchesOfEveryNode[] = {"peer.refused_another_birth", "peer.refused_older_life"};

std::string one_decimal(double value) {
  const auto tenths = static_cast<std::uint64_t>(value * 10 + 0.5);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

}  // namespace

void Search::add(const RunResult& result) {
  ++runs_;
  acknowledged_ += result.acknowledged;
  unknown_ += result.unknown;
  watch_events_ += result.watch_events;
  leader_changes_ += result.leader_changes;
  crashes_ += result.crashes;
  power_losses_ += result.power_losses;
  events_ += result.events;
  restored_ += result.was_restored ? 1 : 0;
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    faults_[i] += result.faults[i];
  }
  for (const auto& [name, count] : result.branches) {
    branches_[std::string(name)] += count;
  }
}

double Search::per_run(std::uint64_t total) const {
  return runs_ == 0 ? 0 : static_cast<double>(total) / static_cast<double>(runs_);
}

std::string Search::summary() const {
  return "per run: " + one_decimal(per_run(acknowledged_)) + " acknowledged, " + one_decimal(per_run(unknown_)) +
         " unknown, " + one_decimal(per_run(watch_events_)) + " watch events, " +
         one_decimal(per_run(leader_changes_)) + " leader changes, " + one_decimal(per_run(crashes_)) + " crashes, " +
         one_decimal(per_run(power_losses_)) + " power losses, " + one_decimal(per_run(events_)) + " events";
}

std::string Search::report() const {
  std::string text = "restored clusters: " + std::to_string(restored_) + "\nfaults:";
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    text += " " + std::string(fault_name(static_cast<Fault>(i))) + "=" + std::to_string(faults_[i]);
  }
  text += "\nbranches:";
  for (const auto& [name, count] : branches_) {
    text += " " + name + "=" + std::to_string(count);
  }
  return text + "\n";
}

std::vector<std::string> Search::not_clean(std::span<const std::string_view> branches, bool keeps_log) const {
  std::vector<std::string> missing;
  const auto require = [&](std::uint64_t total, double least, std::string_view what) {
    if (per_run(total) < least) {
      missing.push_back(one_decimal(per_run(total)) + " " + std::string(what) + " per run, at least " +
                        one_decimal(least) + " are needed");
    }
  };
  require(acknowledged_, 500, "acknowledged operations");
  require(leader_changes_, keeps_log ? 2 : 0, "leader changes");
  require(crashes_, 3, "crashes");
  require(power_losses_, 1, "power losses");
  if (runs_ < kRunsForCoverage) {
    return missing;
  }
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (faults_[i] == 0 && (keeps_log || !needs_log(fault))) {
      missing.push_back("the fault " + std::string(fault_name(fault)) + " never happened");
    }
  }
  if (keeps_log && restored_ == 0) {
    missing.push_back("no cluster was ever restored from a backup");
  }
  const auto require_branch = [&](std::string_view branch) {
    if (!branches_.contains(branch)) {
      missing.push_back("the branch " + std::string(branch) + " was never reached");
    }
  };
  std::ranges::for_each(branches, require_branch);
  std::ranges::for_each(kBranchesOfEveryNode, require_branch);
  return missing;
}

}  // namespace quorate::sim
