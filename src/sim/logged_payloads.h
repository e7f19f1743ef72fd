#pragma once
// Where the payloads of a group's entries stand on a node's disk, for a fault that strikes entries and not bytes.
//
// Pure; reads the log's files as recovery does (docs/formats/log.md), but not where an earlier recovery cut: what was
// cut off may be among what is found.

#include <cstdint>
#include <map>
#include <string>

#include "base/ids.h"
#include "consensus/contract/entry.h"
#include "sim/disk.h"

namespace quorate::sim {

struct LoggedPayload {
  Tag tag;           ///< of the entry
  std::string path;  ///< of the file
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
  consensus::EntryKind kind = consensus::EntryKind::noop;
};

/// By position: the entries that the group's log has.
[[nodiscard]] std::map<Position, LoggedPayload> logged_payloads(Disk& disk, GroupId group);

}  // namespace quorate::sim
