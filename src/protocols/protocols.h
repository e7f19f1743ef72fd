#pragma once
// The one list of protocols: whatever serves, simulates, explores, tells or tests protocols takes them from here.
//
// To add one: its folder under src/consensus defines a consensus::Protocol (contract/protocol.h), list.cc names it, and
// the tables in CMake and tools/layers.toml let this folder include it. Its stories are found by the folder's name.
// Constants.

#include <span>
#include <string>
#include <string_view>

#include "consensus/contract/protocol.h"

namespace quorate::protocols {

/// Every protocol that has cores: clusters run each. The first is the one that a new cluster runs unless it is told
/// otherwise.
[[nodiscard]] std::span<const consensus::Protocol* const> all();

/// Those of them that keep a log: for whatever needs positions, leaders, snapshots or a state machine over a log, as
/// etcd's API does. The clusters of the others serve a register.
[[nodiscard]] std::span<const consensus::Protocol* const> ordered();

[[nodiscard]] const consensus::Protocol& default_protocol();

/// The one of that name in `list`, or null.
[[nodiscard]] const consensus::Protocol* find(std::string_view name,
                                              std::span<const consensus::Protocol* const> list = all());

/// "a, b and c": for help and errors.
[[nodiscard]] std::string names(std::span<const consensus::Protocol* const> list = all());

}  // namespace quorate::protocols
