#pragma once
// What a replica might append to its log, at random: entries, rewritten tails, discards, resets, states, cells.
//
// The same seed appends the same to the same log. For the log's tests only.

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "storage/log_test_node.h"

namespace quorate::storage {

class RandomReplica {
 public:
  RandomReplica(LogNode& node, std::uint64_t group, std::uint64_t seed) : node_(node), group_(group), random_(seed) {}

  void append_something() {
    const GroupModel& now = model();
    const std::uint64_t base = now.base.position.value();
    const std::uint64_t last = now.entries.empty() ? base : now.entries.rbegin()->first.value();
    std::vector<LogOp> ops;
    switch (random_() % 12) {
      case 0: ops.push_back(state_op("state " + std::to_string(random_()))); break;
      case 1: ops.push_back(cell_op("cell " + std::to_string(random_() % 4), random_bytes(60))); break;
      case 2:
        if (last > base) {
          const std::uint64_t from = base + 1 + random_() % (last - base);
          ops.push_back(truncate_op(from));
          ops.push_back(put_op(from, ++tag_, random_bytes(200)));
          break;
        }
        [[fallthrough]];
      case 3:
        ops.push_back(put_op(last + 2, tag_, random_bytes(80)));  // a hole
        break;
      case 4:
      case 5:
        if (last > base) {
          const std::uint64_t upto = base + 1 + random_() % (last - base);
          ops.push_back(discard_op(upto, tag_, "members " + std::to_string(upto)));
          break;
        }
        [[fallthrough]];
      default:
        for (std::uint64_t i = 1, count = 1 + random_() % 4; i <= count; ++i) {
          ops.push_back(put_op(last + i, tag_, random_bytes(random_() % 20 == 0 ? 3000 : 150),
                               static_cast<std::uint8_t>(random_() % 3)));
        }
        if (random_() % 40 == 0) {
          ops = {reset_op(last + 100, ++tag_, last + 1, "snapshot"), state_op("behind a snapshot")};
        }
    }
    node_.append(group_, std::move(ops));
  }

 private:
  [[nodiscard]] GroupModel model() const {
    const auto found = node_.histories.find(GroupId(group_));
    return found == node_.histories.end() || found->second.states.empty() ? GroupModel{} : found->second.states.back();
  }
  std::string random_bytes(std::uint64_t most) {
    std::string bytes(random_() % (most + 1), '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random_());
    }
    return bytes;
  }

  LogNode& node_;
  const std::uint64_t group_;
  std::mt19937_64 random_;
  std::uint64_t tag_ = 1;
};

}  // namespace quorate::storage
