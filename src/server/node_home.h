#pragma once
// What every kind of node begins with: its loop, its data directory and files, and the listeners for its clients.

#include <memory>
#include <optional>

#include "consensus/contract/protocol.h"
#include "env_posix/data_directory.h"
#include "env_posix/files.h"
#include "env_posix/loop.h"
#include "env_posix/tcp_transport.h"
#include "peer/life.h"
#include "rpc/server.h"
#include "server/client_listener.h"
#include "server/event_log.h"
#include "server/identity.h"
#include "server/options.h"

namespace quorate::server {

/// In order of construction.
struct NodeHome {
  std::unique_ptr<env_posix::EventLoop> loop;
  std::optional<env_posix::DataDirectory> directory;
  std::unique_ptr<env_posix::PosixFiles> files;
  peer::Life life;  ///< that begins
};

/// Opens and locks the data directory, which settles the cluster's id in `identity`, and says who the node is.
[[nodiscard]] Result<NodeHome> open_home(const ServeOptions& options, ClusterIdentity& identity,
                                         const consensus::Protocol& protocol, EventLog& log);

[[nodiscard]] rpc::ServerLimits client_limits_of(const ServeOptions& options);
/// At all client and metrics URLs; warns of those that are not on loopback.
[[nodiscard]] Status listen_for_clients(const ServeOptions& options, env_posix::TcpTransport& transport,
                                        ClientListener& clients, EventLog& log);

inline constexpr std::size_t kMaxClientConnections = 10'000;

}  // namespace quorate::server
