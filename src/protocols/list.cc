#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "consensus/multipaxos/multipaxos.h"
#include "consensus/paxos/paxos.h"
#include "consensus/raft/raft.h"
#include "protocols/protocols.h"

namespace quorate::protocols {

std::span<const consensus::Protocol* const> all() {
  static const std::array kAll = {&raft::protocol(), &multipaxos::protocol(), &paxos::protocol()};
  return kAll;
}

std::span<const consensus::Protocol* const> ordered() {
  static const std::vector<const consensus::Protocol*> kOrdered = [] {
    std::vector<const consensus::Protocol*> list;
    std::ranges::copy_if(all(), std::back_inserter(list), &consensus::Protocol::keeps_log);
    return list;
  }();
  return kOrdered;
}

const consensus::Protocol& default_protocol() { return *all().front(); }

const consensus::Protocol* find(std::string_view name, std::span<const consensus::Protocol* const> list) {
  const auto found = std::ranges::find(list, name, &consensus::Protocol::name);
  return found == list.end() ? nullptr : *found;
}

std::string names(std::span<const consensus::Protocol* const> list) {
  std::string text;
  for (std::size_t i = 0; i < list.size(); ++i) {
    text += i == 0 ? "" : i + 1 == list.size() ? " and " : ", ";
    text += list[i]->name();
  }
  return text;
}

}  // namespace quorate::protocols
