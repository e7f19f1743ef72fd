#pragma once
// From a node's options to what its parts are configured with: the same for every kind of node. Pure functions.

#include "consensus/contract/protocol.h"
#include "env_posix/data_directory.h"
#include "group/host.h"
#include "server/event_log.h"
#include "server/identity.h"
#include "server/options.h"

namespace quorate::server {

[[nodiscard]] consensus::CoreConfig core_config_of(const ServeOptions& options, const ClusterIdentity& identity);
[[nodiscard]] group::HostConfig host_config_of(const ServeOptions& options, const ClusterIdentity& identity,
                                               const consensus::Protocol& protocol, const peer::Life& life);
/// The first line of a node's log: who it is.
void log_starting(const ServeOptions& options, const ClusterIdentity& identity, const consensus::Protocol& protocol,
                  const env_posix::DataDirectory& directory, EventLog& log);

}  // namespace quorate::server
