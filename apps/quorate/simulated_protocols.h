#pragma once
// The protocols that the simulator and its stories run: those that a cluster can run (src/protocols), and those that
// only show something and are never served.

#include <span>
#include <string_view>

#include "protocols/protocols.h"

namespace quorate {

[[nodiscard]] std::span<const consensus::Protocol* const> simulated_protocols();

[[nodiscard]] inline const consensus::Protocol* find_simulated(std::string_view name) {
  return protocols::find(name, simulated_protocols());
}

}  // namespace quorate
