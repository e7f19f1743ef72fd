#pragma once
// A client of a run: one operation at a time, each at a random live node, recorded in the history.
//
// Invariants: 1. an operation is recorded once, when its outcome is known or can no longer be known. 2. an operation
//                whose node died is unknown; the client goes on elsewhere. 3. values are unique over the run.
// Owned by the run.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster.h"
#include "sim/history.h"
#include "sim/random.h"

namespace quorate::sim {

struct WorkloadSettings {
  std::uint32_t clients = 5;
  std::uint32_t first_client = 0;  ///< numbers up to this one are others'
  std::uint32_t keys = 8;
  Duration think_min = std::chrono::microseconds(500);
  Duration think_max = std::chrono::milliseconds(11);
  Duration request_timeout = std::chrono::milliseconds(600);
  std::int64_t lease_ttl_seconds = 1;
  Instant leases_until = Instant::max();  ///< none is granted or kept alive later, so that the end of a run waits less
  std::uint64_t value_bytes_max = 0;      ///< values are filled up to a random length of at most this
};

class Client {
 public:
  Client(std::uint32_t number, const WorkloadSettings& settings, Cluster& cluster, Random random,
         std::map<GroupId, History>& histories, std::uint32_t groups);

  /// Begins to work; goes on until stop_starting().
  void start();
  /// Lets the present operation end, begins no other.
  void stop_starting() { stopping_ = true; }
  /// One last put at the given node: the liveness phase.
  void start_final_put(std::uint32_t node, GroupId group);

  [[nodiscard]] bool is_idle() const { return !current_; }
  [[nodiscard]] bool final_put_succeeded() const { return final_succeeded_; }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] const std::optional<Operation>& current() const { return current_; }

  /// The node's life ended: what was asked there is unknown.
  void on_life_ended(std::uint32_t node);

 private:
  void next(std::uint64_t);
  void begin();
  void think();
  void choose_operation(Operation& op);
  void choose_lease_operation(Operation& op);
  void submit();
  void on_answer(std::uint64_t number, const service::Answer& answer);
  void finish(OperationOutcome outcome);
  [[nodiscard]] std::string random_key();
  [[nodiscard]] std::string next_value();
  [[nodiscard]] std::optional<std::uint32_t> random_live_node();

  std::uint32_t number_;
  const WorkloadSettings& settings_;
  Cluster& cluster_;
  Random random_;
  std::map<GroupId, History>& histories_;
  std::uint32_t groups_;
  std::optional<Operation> current_;
  GroupId group_;               ///< of the current operation
  std::uint64_t sequence_ = 0;  ///< numbers this client's operations; tells late answers
  std::map<std::pair<GroupId, std::string>, std::int64_t> seen_revision_;  ///< mod_revision last read, for compares
  std::map<GroupId, std::int64_t> lease_;                                  ///< granted to this client, 0: none
  bool stopping_ = false;
  bool is_final_ = false;
  bool final_succeeded_ = false;
  std::uint64_t acknowledged_ = 0;
};

}  // namespace quorate::sim
