#pragma once
// I-24 Of the processes that come under one node's id, only those that lead its own directory are heard (F-D11, F-D12,
// F-P6): no node has a link to an impostor. Of every protocol.

#include <algorithm>
#include <vector>

#include "sim/cluster.h"
#include "sim/invariants/invariant.h"

namespace quorate::sim {

class OneLifeCounts : public Invariant {
 public:
  explicit OneLifeCounts(Cluster& cluster) : cluster_(cluster) {}
  [[nodiscard]] std::string_view id() const override { return "I-24"; }

  [[nodiscard]] std::string on_status(std::uint32_t node, GroupId group, const consensus::CoreStatus& /*status*/,
                                      Position /*executed*/) override {
    for (std::uint32_t other = 1; group == GroupId(1) && other <= cluster_.node_count(); ++other) {
      if (!cluster_.node(other).has_impostor()) {
        continue;
      }
      const peer::Life& life = cluster_.node(other).last_life();
      const std::vector<peer::LinkStatus> links = cluster_.node(node).host().links();
      if (std::ranges::any_of(links, [&life](const auto& link) { return link.up && link.life == life; })) {
        return "node " + std::to_string(node) + " hears who is not node " + std::to_string(other) +
               ", though it leads a directory that has forgotten what that one promised";
      }
    }
    return {};
  }

 private:
  Cluster& cluster_;
};

}  // namespace quorate::sim
