#include "simulated_protocols.h"

#include <vector>

#include "tests/protocols/async_copy/async_copy.h"

namespace quorate {

std::span<const consensus::Protocol* const> simulated_protocols() {
  static const std::vector<const consensus::Protocol*> kAll = [] {
    std::vector<const consensus::Protocol*> list(protocols::all().begin(), protocols::all().end());
    list.push_back(&async_copy::protocol());
    return list;
  }();
  return kAll;
}

}  // namespace quorate
