#pragma once
// The node's figures under etcd's metric names.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/etcd/methods.h"
#include "env_posix/files.h"
#include "group/put_stages.h"
#include "peer/mesh.h"
#include "service/kv_service.h"
#include "storage/log.h"

namespace quorate::server {

struct NodeFigures {
  NodeId self;
  std::vector<peer::LinkStatus> links;
  storage::LogStats log;
  const env_posix::FileStats* files = nullptr;
  std::span<const etcd::MethodStats> methods;
  std::uint64_t engine_bytes = 0;
  std::uint64_t quota_bytes = 0;
  std::uint64_t damaged_places = 0;    ///< of the log, found at start
  std::uint64_t groups_in_repair = 0;  ///< whose replica here waits for others
  std::uint64_t connections = 0;
  std::uint64_t leader_changes = 0;
  const std::map<std::string_view, std::uint64_t>* traces = nullptr;
  const group::PutStages* stages = nullptr;     ///< of the first group
  const service::KvService* service = nullptr;  ///< of the first group
};

[[nodiscard]] std::string write_node_metrics(const NodeFigures& figures);

}  // namespace quorate::server
