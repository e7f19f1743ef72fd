#include "sim/disk_faults.h"

#include <algorithm>
#include <map>

#include "sim/logged_payloads.h"

namespace quorate::sim {

void DiskFaults::fail_writes(std::uint32_t node) {
  cluster_.node(node).disk().behaviour.fail_writes_per_million = 1'000'000;
  patients_[node - 1].is_ill = true;
  patients_[node - 1].refused_with = ErrorCode::io;
}

void DiskFaults::leave_no_space(std::uint32_t node) {
  cluster_.node(node).disk().leave_no_space();
  patients_[node - 1].is_ill = true;
  patients_[node - 1].refused_with = ErrorCode::no_space;
}

void DiskFaults::cure(std::uint32_t node) {
  DiskBehaviour& behaviour = cluster_.node(node).disk().behaviour;
  behaviour.fail_writes_per_million = 0;
  behaviour.capacity_bytes = DiskBehaviour{}.capacity_bytes;
  patients_[node - 1].is_ill = false;
}

void DiskFaults::on_started(std::uint32_t node) {
  patients_[node - 1].refused_with.reset();
  patients_[node - 1].is_betrayed = false;  // the replicas say now what they have lost
}

bool DiskFaults::lost_without_fault(std::uint32_t node) const {
  return !patients_[node - 1].was_damaged && cluster_.node(node).host().groups_in_repair() > 0;
}

std::uint32_t DiskFaults::well_count() const {
  std::uint32_t count = 0;
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    count += cluster_.node(node).is_alive() && !patients_[node - 1].is_ill ? 1 : 0;
  }
  return count;
}

bool DiskFaults::all_nodes(const std::function<bool(group::Host&)>& are) const {
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    if (cluster_.node(node).is_alive() && !are(cluster_.node(node).host())) {
      return false;
    }
  }
  return true;
}

void DiskFaults::look() {
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    if (cluster_.node(node).is_alive() && !patients_[node - 1].is_betrayed &&
        cluster_.node(node).host().groups_in_repair() == 0) {
      patients_[node - 1].is_in_repair = false;
      cluster_.node(node).remove_what_was_laid_aside();
    }
  }
}

bool DiskFaults::all_whole() const {
  return std::ranges::none_of(patients_, &Patient::is_in_repair) &&
         all_nodes([](const group::Host& host) { return host.groups_in_repair() == 0; });
}

/// A replica whose log ends in doubt after a loss of power stands for nothing, as a damaged one does. And while members
/// change it is not known who must be whole: who is paused may have been asked for a change that nobody knows of yet.
bool DiskFaults::all_well() const {
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    if (cluster_.wakes_at(node) > cluster_.now()) {
      return false;
    }
  }
  return well_count() == cluster_.node_count() && all_whole() &&
         all_nodes([this](group::Host& host) { return are_settled(host); });
}

bool DiskFaults::may_damage(std::uint32_t node) const {
  if (!all_well()) {
    return false;
  }
  for (std::uint32_t witness = 1; witness <= cluster_.node_count(); ++witness) {
    for (std::uint64_t group = 1; group <= cluster_.group_count(); ++group) {
      const consensus::CoreStatus status = cluster_.node(witness).host().replica(GroupId(group)).status();
      if (is_needed(node, status.membership)) {
        return false;
      }
    }
  }
  return true;
}

bool DiskFaults::are_settled(group::Host& host) const {
  for (std::uint64_t group = 1; group <= cluster_.group_count(); ++group) {
    const consensus::CoreStatus status = host.replica(GroupId(group)).status();
    if (status.uncertain_tail || status.is_changing_members) {
      return false;
    }
  }
  return true;
}

/// Those who vote besides the node would not be enough to choose a leader, or to decide.
bool DiskFaults::is_needed(std::uint32_t node, const consensus::Membership& membership) const {
  const auto is_needed_among = [&](const std::vector<NodeId>& voters) {
    return voters.size() <= cluster_.quorum_sizes().larger_of(voters.size()) &&
           std::ranges::binary_search(voters, NodeId(node));
  };
  return is_needed_among(membership.voters) || is_needed_among(membership.outgoing_voters);
}

void DiskFaults::note_damage(std::uint32_t node) {
  patients_[node - 1].was_damaged = true;
  patients_[node - 1].is_in_repair = true;
}

bool DiskFaults::damage_log(std::uint32_t node, Disk::Betrayal how, std::uint64_t place) {
  if (!cluster_.node(node).disk().betray(how, place)) {
    return false;
  }
  patients_[node - 1].is_betrayed = true;
  note_damage(node);
  return true;
}

bool DiskFaults::scatter_damage(GroupId group, std::uint32_t first) {
  std::vector<std::map<Position, LoggedPayload>> logs;
  for (std::uint32_t node = 1; node <= cluster_.node_count(); ++node) {
    logs.push_back(logged_payloads(cluster_.node(node).disk(), group));
  }
  std::uint32_t turn = first;
  bool any = false;
  for (auto entry = logs.front().rbegin(); entry != logs.front().rend() && turn < first + cluster_.node_count();
       ++entry) {
    const bool all_have_it = std::ranges::all_of(logs, [&entry](const auto& log) {
      const auto found = log.find(entry->first);
      return found != log.end() && found->second.tag == entry->second.tag;
    });
    const std::uint32_t node = turn % cluster_.node_count() + 1;
    const auto here = logs[node - 1].find(entry->first);
    // Not of a change of the members: who has executed one, and cannot read it, begins empty (damaged-logs.md).
    const bool is_command = all_have_it && here->second.kind == consensus::EntryKind::command && here->second.size > 0;
    if (is_command && cluster_.node(node).disk().flip_bit_at(here->second.path, here->second.offset)) {
      patients_[node - 1].is_betrayed = true;
      note_damage(node);
      any = true;
      ++turn;
    }
  }
  return any;
}

void DiskFaults::damage_records(std::uint32_t node) {
  cluster_.node(node).lay_records_aside();
  note_damage(node);
}

bool DiskFaults::restore_log(std::uint32_t node) {
  if (!patients_[node - 1].is_betrayed) {
    return false;
  }
  cluster_.node(node).disk().make_good();
  patients_[node - 1].is_betrayed = false;
  return true;
}

}  // namespace quorate::sim
