#pragma once
// Disks that do worse than forget: they refuse writes (F-D4, F-D5), have no space left (F-D9), or do not hold what they
// have confirmed (F-D6 to F-D8), of the log or of the records.
//
// Invariants: 1. a node stops itself only where its disk has refused something, or lost it. 2. a node is damaged only
// while the other replicas are whole, and could decide everything without this one: what was committed has a good copy.
// Owned by the faults.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "sim/cluster.h"
#include "sim/disk.h"

namespace quorate::sim {

class DiskFaults {
 public:
  explicit DiskFaults(Cluster& cluster) : cluster_(cluster), patients_(cluster.node_count()) {}

  void fail_writes(std::uint32_t node);
  void leave_no_space(std::uint32_t node);
  /// The disk takes writes again.
  void cure(std::uint32_t node);
  /// A new life begins on a disk that is well.
  void on_started(std::uint32_t node);
  /// The node, just started, says that it has lost something, and no fault took it.
  [[nodiscard]] bool lost_without_fault(std::uint32_t node) const;
  /// This life of the node met what it may stop itself for: its disk gave it this error, or may have.
  [[nodiscard]] bool gave_reason(std::uint32_t node, ErrorCode why) const {
    const Patient& patient = patients_[node - 1];
    return patient.refused_with == why || (why == ErrorCode::corrupt && patient.is_betrayed);
  }
  /// The node's disk refuses what it writes: one trouble at a time.
  [[nodiscard]] bool is_ill(std::uint32_t node) const { return patients_[node - 1].is_ill; }
  /// Nodes that run, and whose disks take what they write.
  [[nodiscard]] std::uint32_t well_count() const;

  /// True if others would make good whatever this node loses now.
  [[nodiscard]] bool may_damage(std::uint32_t node) const;
  /// Notes which damaged nodes the others have made whole. To be called before the questions about that.
  void look();
  /// No replica is known to have lost anything that others must bring.
  [[nodiscard]] bool all_whole() const;
  /// The log of the node, which may be running, no longer holds what was written; `place` picks what. False: nothing
  /// was written that could be lost.
  [[nodiscard]] bool damage_log(std::uint32_t node, Disk::Betrayal how, std::uint64_t place);
  /// Every log loses another payload of the group, of the last ones that all logs have, where the disks can do that. To
  /// be called while all is well and settled. False: nothing is lost. `first` picks who loses the last one.
  [[nodiscard]] bool scatter_damage(GroupId group, std::uint32_t first);
  /// All nodes run, and no replica waits for anything.
  [[nodiscard]] bool all_well() const;
  /// The records of a node that is down do not read any more.
  void damage_records(std::uint32_t node);
  /// The node runs on a damaged log, and nobody has noticed.
  [[nodiscard]] bool has_hidden_damage(std::uint32_t node) const {
    return patients_[node - 1].is_betrayed && cluster_.node(node).is_alive();
  }
  /// The log is put back, as an operator would with a copy; false if nothing was changed.
  bool restore_log(std::uint32_t node);

 private:
  struct Patient {
    bool is_ill = false;
    std::optional<ErrorCode> refused_with;  ///< since this life began
    bool is_betrayed = false;               ///< until it is started
    bool was_damaged = false;               ///< in this run
    bool is_in_repair = false;              ///< as far as was seen: who is down may have been repaired before
  };

  /// Of all nodes that run.
  [[nodiscard]] bool all_nodes(const std::function<bool(group::Host&)>& are) const;
  [[nodiscard]] bool are_settled(group::Host& host) const;
  void note_damage(std::uint32_t node);
  [[nodiscard]] bool is_needed(std::uint32_t node, const consensus::Membership& membership) const;

  Cluster& cluster_;
  std::vector<Patient> patients_;  ///< by node
};

}  // namespace quorate::sim
