#pragma once
// What survives the lives of a simulated node: its data directory.
//
// A copy holds what the original holds now, as `cp -a` of a stopped node's directory does, and goes its own way.
// Owned by the node; or by whoever copied one.

#include <cstdint>
#include <memory>

#include "base/ids.h"
#include "sim/disk.h"
#include "sim/event_queue.h"
#include "sim/random.h"
#include "storage/memory_records.h"

namespace quorate::sim {

struct NodeDirectory {
  /// Empty; what is drawn comes from `random`.
  NodeDirectory(EventQueue& queue, Random random)
      : disk(std::make_unique<Disk>(queue, random.split("disk"))),
        records(std::make_unique<storage::MemoryRecords>()),
        birth(random.split("birth").next()) {}

  [[nodiscard]] NodeDirectory copy(EventQueue& queue, Random random) const {
    NodeDirectory result(queue, random);
    result.disk->copy_from(*disk);
    result.records = records->copy();
    result.birth = birth;
    result.incarnation = incarnation;
    result.records_laid_aside = records_laid_aside;
    return result;
  }

  std::unique_ptr<Disk> disk;
  std::unique_ptr<storage::MemoryRecords> records;  ///< what the engine wrote, as a crash leaves it
  std::uint64_t birth;
  Incarnation incarnation;  ///< of its last life
  bool records_laid_aside = false;
};

}  // namespace quorate::sim
