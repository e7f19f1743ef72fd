#pragma once
// Which consensus protocol a node runs: a cluster keeps the one that it was founded with, in each member's data
// directory. Owned by nobody: a function over options and the directory.

#include "base/result.h"
#include "consensus/contract/protocol.h"
#include "server/options.h"

namespace quorate::server {

/// What the data directory says; of a new one what --consensus says, or the default. `options` is complete. Errors:
/// foreign: --consensus asks for another one than the directory's, or this program does not have the directory's.
[[nodiscard]] Result<const consensus::Protocol*> choose_protocol(const ServeOptions& options);

}  // namespace quorate::server
