#pragma once
// A client of a run of cells: one operation at a time, each at a random live node. All clients compete for few keys at
// a time, and go over to new ones when these are decided.
//
// Invariants: 1. an operation is recorded once, when its outcome is known or can no longer be known. 2. values are
// unique over the run. Owned by the run.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/cell_history.h"
#include "sim/client.h"
#include "sim/cluster.h"
#include "sim/random.h"

namespace quorate::sim {

/// What the clients of one group have in common.
struct CellField {
  std::vector<CellOperation> history;
  std::uint64_t first_key = 1;  ///< keys before it are decided, and left alone but for a look back now and then
};

class CellClient {
 public:
  CellClient(std::uint32_t number, const WorkloadSettings& settings, Cluster& cluster, Random random,
             std::map<GroupId, CellField>& fields, std::uint32_t groups);

  void start() { think(); }
  /// Lets the present operation end, begins no other.
  void stop_starting() { stopping_ = true; }
  /// One last operation at the given node: a proposal if there is a `wish`, else a read.
  void ask(std::uint32_t node, GroupId group, std::string key, std::optional<std::string> wish);

  [[nodiscard]] bool is_idle() const { return !current_; }
  /// How the last operation ended.
  [[nodiscard]] CellOperation::Outcome last_outcome() const { return last_outcome_; }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }

  /// The node's life ended: what was asked there is unknown.
  void on_life_ended(std::uint32_t node);

 private:
  void next(std::uint64_t);
  void think();
  void submit();
  void on_answer(std::uint64_t number, const service::RegisterAnswer& answer);
  void finish(CellOperation::Outcome outcome);
  [[nodiscard]] std::string random_key(const CellField& field);

  std::uint32_t number_;
  const WorkloadSettings& settings_;
  Cluster& cluster_;
  Random random_;
  std::map<GroupId, CellField>& fields_;
  std::uint32_t groups_;
  std::optional<CellOperation> current_;
  GroupId group_;               ///< of the current operation
  std::uint64_t sequence_ = 0;  ///< numbers this client's operations; tells late answers
  bool stopping_ = false;
  CellOperation::Outcome last_outcome_ = CellOperation::Outcome::unknown;
  std::uint64_t acknowledged_ = 0;
};

}  // namespace quorate::sim
