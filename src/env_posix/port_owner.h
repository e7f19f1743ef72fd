#pragma once
// Who listens on a port: for the message of a server that finds its port taken.
//
// Reads /proc; finds processes of other users only with their rights. Blocking: for start-up.

#include <string>

#include "env_posix/address.h"

namespace quorate::env_posix {

/// "etcd (pid 4711)", "a process of another user", or empty if nobody is found.
[[nodiscard]] std::string owner_of_port(const SocketAddress& address);

}  // namespace quorate::env_posix
