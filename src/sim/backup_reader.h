#pragma once
// An operator who takes a backup of one group from one node, piece by piece, while everything goes on.
//
// Invariants: 1. who takes a backup is told once, when it is complete; never, if the life ends before. 2. it dies with
// the life: its walks must not outlive the record store.
// Owned by the life of a node.

#include <functional>
#include <memory>
#include <string>

#include "backup/file_cursor.h"
#include "group/replica.h"
#include "state/kv/store.h"

namespace quorate::sim {

/// A whole file of an etcd database, with its sum.
struct Backup {
  std::uint32_t node = 0;  ///< that it is from
  GroupId group;
  std::int64_t least_revision = 0;  ///< executed there when it was asked for
  std::string file;
};

class BackupReader {
 public:
  using Taker = std::function<void(Result<Backup>)>;

  BackupReader(std::uint32_t node, GroupId group, group::Replica& replica, const kv::Store& store, Taker taker)
      : backup_{.node = node, .group = group, .least_revision = store.revision(), .file = {}},
        taker_(std::move(taker)) {
    replica.pin_records(Callback<group::PinnedRecords>::to<&BackupReader::on_pinned>(this));
  }
  BackupReader(const BackupReader&) = delete;
  BackupReader& operator=(const BackupReader&) = delete;

 private:
  void on_pinned(std::uint64_t, group::PinnedRecords records);
  void on_page(std::uint64_t, Result<env::RecordPage> page);
  void go_on();

  Backup backup_;
  Taker taker_;
  env::RecordStore* store_ = nullptr;
  std::shared_ptr<backup::FileCursor> cursor_;
};

}  // namespace quorate::sim
