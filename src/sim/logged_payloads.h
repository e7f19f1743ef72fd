#pragma once
// Where the payloads of a group's entries stand on a node's disk, for a fault that strikes entries and not bytes.
//
// Pure; reads the log's files as recovery does (docs/formats/log.md), but not where an earlier recovery cut: what was
// cut off may be among what is found.

#include <cstdint>
#include <map>
#include <string>

#include "base/ids.h"
#include "sim/disk.h"

namespace quorate::sim {

struct LoggedPayload {
  Tag tag;           ///< of the entry
  std::string path;  ///< of the file
  std::uint64_t offset = 0;
};

/// By position: what the last frame says that has an entry there. Only payloads that have bytes.
[[nodiscard]] std::map<Position, LoggedPayload> logged_payloads(Disk& disk, GroupId group);

}  // namespace quorate::sim
