#pragma once
// A node's disk and records as `quorate snapshot restore` leaves them: the log behind one entry, the backup's records.
//
// Before the node's first start. Errors: the file is damaged, or no whole state.

#include <cstdint>
#include <string_view>

#include "backup/importer.h"
#include "consensus/contract/core.h"
#include "sim/disk.h"
#include "storage/log.h"
#include "storage/memory_records.h"

namespace quorate::sim {

/// The group that a restored cluster begins with.
inline constexpr GroupId kRestoredGroup{1};

struct RestoredParts {
  EventQueue& queue;  ///< nothing is scheduled on it
  Owner owner;
  Random random;
  const storage::LogOptions& log;
  Disk& disk;
  storage::MemoryRecords& records;
};

[[nodiscard]] Result<backup::Figures> restore_node(std::string_view file, const consensus::CoreFactory& factory,
                                                   const consensus::Membership& members, RestoredParts parts);

}  // namespace quorate::sim
