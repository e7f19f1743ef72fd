#include "simulated_protocols.h"

#include <vector>

namespace quorate {

std::span<const consensus::Protocol* const> simulated_protocols() {
  static const std::vector<const consensus::Protocol*> kAll(protocols::all().begin(), protocols::all().end());
  return kAll;
}

}  // namespace quorate
