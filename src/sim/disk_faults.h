#pragma once
// Disks that do worse than forget: they refuse writes (F-D4, F-D5), have no space left (F-D9), or change what they hold
// (F-D6).
//
// Invariants: 1. a node stops itself only where its disk has refused something. 2. a log is damaged only while the
// other replicas are whole, and could decide everything without this one: what was committed has a good copy. Owned by
// the faults.

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
  /// This life of the node met what it may stop itself for: the disk has refused it a write, in this way.
  [[nodiscard]] bool gave_reason(std::uint32_t node, ErrorCode why) const {
    return patients_[node - 1].refused_with == why;
  }
  /// Nodes that run, and whose disks take what they write.
  [[nodiscard]] std::uint32_t well_count() const;

  /// True if others would make good whatever this node loses now.
  [[nodiscard]] bool may_damage(std::uint32_t node) const;
  /// Notes which damaged nodes the others have made whole. To be called before the questions about that.
  void look();
  /// No replica is known to have lost anything that others must bring.
  [[nodiscard]] bool all_whole() const;
  /// Changes one bit of the log of a node that is down; `place` picks which.
  void damage_log(std::uint32_t node, std::uint64_t place);
  /// The bit is put back, as an operator would with a copy; false if nothing was changed.
  bool restore_log(std::uint32_t node);

 private:
  struct Patient {
    bool is_ill = false;
    std::optional<ErrorCode> refused_with;  ///< since this life began
    std::optional<Disk::Bit> damaged;       ///< until it is started
    bool was_damaged = false;               ///< in this run
    bool is_in_repair = false;              ///< as far as was seen: who is down may have been repaired before
  };

  /// Of all nodes that run.
  [[nodiscard]] bool all_nodes(const std::function<bool(group::Host&)>& are) const;
  [[nodiscard]] bool are_settled(group::Host& host) const;
  [[nodiscard]] bool is_needed(std::uint32_t node, const consensus::Membership& membership) const;

  Cluster& cluster_;
  std::vector<Patient> patients_;  ///< by node
};

}  // namespace quorate::sim
