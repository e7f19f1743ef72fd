#pragma once
// Brings a node's state as an etcd snapshot file onto this machine's disk: Maintenance.Snapshot, for `quorate snapshot
// save`.

#include <string>
#include <vector>

#include "base/result.h"
#include "client/tcp_connect.h"
#include "server/snapshot_file.h"

namespace quorate {

/// From the first of the endpoints that can be connected to. The file takes its name only when it is whole, durable,
/// and every record in it was read and checked; an earlier file of that name is replaced then.
[[nodiscard]] Result<server::SnapshotStatus> save_snapshot(const std::string& path,
                                                           const std::vector<client::Endpoint>& endpoints);

}  // namespace quorate
