#pragma once
// `quorate snapshot restore`: from a snapshot file to the data directory of one member of a new cluster.
//
// Invariants: 1. the directory appears whole, by a rename, or not at all. 2. nothing that exists is overwritten, and
// nothing is made of a file that is not whole. 3. members that restore the same file begin with the same log, behind
// one entry that none of them has; their links refuse members that began with another state, or with none. Owned by the
// command, on its thread; blocking.

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "server/options.h"

namespace quorate::server {

struct RestoreOptions {
  std::string file;
  bool needs_sum = true;
  /// Added to the revision, and everything before is marked as compacted, so that clients that remember a later state
  /// of the lost cluster see that theirs is gone. 0: revisions go on where the snapshot ends.
  std::int64_t bump_revision = 0;
  ServeOptions member;  ///< completed: name, data directory, initial cluster and token are used
};

struct RestoredMember {
  std::int64_t revision = 1;
  ClusterId cluster;
  NodeId member;
};

/// Errors: already_exists: the directory is not empty. corrupt: the file is damaged, or lacks a revision. invalid: the
/// file is of a cluster with authentication, which this version does not have. Others: the disk's.
[[nodiscard]] Result<RestoredMember> restore_snapshot(const RestoreOptions& options);

}  // namespace quorate::server
