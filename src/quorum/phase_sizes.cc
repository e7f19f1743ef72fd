#include "quorum/phase_sizes.h"

namespace quorate::quorum {

std::string PhaseSizes::text() const {
  const auto one = [](std::uint32_t size) { return size == 0 ? std::string("a majority") : std::to_string(size); };
  return one(phase_1) + " and " + one(phase_2);
}

}  // namespace quorate::quorum
