#pragma once
// I-13 Leader completeness: the log of every leader reaches at least as far as everything committed in lower terms
// (Ongaro and Ousterhout 2014, figure 3). Contents are compared by I-03; here it is the log's length at the moment of
// election. Of protocols whose ids identify a prefix: elsewhere a leader may lack what was decided, and learns it.

#include <map>

#include "sim/invariants/invariant.h"

namespace quorate::sim {

class LeaderCompleteness : public Invariant {
 public:
  [[nodiscard]] std::string_view id() const override { return "I-13"; }

  [[nodiscard]] std::string on_status(std::uint32_t node, GroupId group, const consensus::CoreStatus& status,
                                      Position /*executed*/) override {
    std::map<Tag, Position>& committed = committed_[group];
    if (status.role == consensus::Role::leader) {
      for (const auto& [term, position] : committed) {
        if (term < status.tag && position > status.last) {
          return "node " + std::to_string(node) + " leads group " + std::to_string(group.value()) + " in term " +
                 std::to_string(status.tag.value()) + " with a log up to " + std::to_string(status.last.value()) +
                 ", but " + std::to_string(position.value()) + " was committed by term " + std::to_string(term.value());
        }
      }
      Position& own = committed[status.tag];
      own = std::max(own, status.commit);
    }
    return {};
  }

 private:
  std::map<GroupId, std::map<Tag, Position>> committed_;  ///< by the term of the leader that committed it
};

}  // namespace quorate::sim
