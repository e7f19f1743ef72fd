#pragma once
// I-01 Term, commit and executed position never decrease in a life; the term not over lives either, since it was
// durable before anyone heard of it (Ongaro and Ousterhout 2014, 5.2; thesis 3.8). Of every protocol. A replica whose
// damaged disk has lost what it promised is the exception, and says so.

#include <map>

#include "sim/invariants/invariant.h"

namespace quorate::sim {

class NothingGoesBack : public Invariant {
 public:
  [[nodiscard]] std::string_view id() const override { return "I-01"; }

  [[nodiscard]] std::string on_status(std::uint32_t node, GroupId group, const consensus::CoreStatus& status,
                                      Position executed) override {
    Seen& seen = seen_[{node, group}];
    if (status.loss.kind == consensus::Loss::Kind::promises) {
      seen.announced = Tag();
    }
    std::string wrong;
    if (status.tag < seen.announced) {
      wrong =
          "term went back from " + std::to_string(seen.announced.value()) + " to " + std::to_string(status.tag.value());
    } else if (status.commit < seen.commit) {
      wrong = "commit went back from " + std::to_string(seen.commit.value()) + " to " +
              std::to_string(status.commit.value());
    } else if (executed < seen.executed) {
      wrong = "executed position went back";
    } else if (executed > status.commit) {
      wrong = "executed beyond its commit position";
    }
    seen.commit = status.commit;
    seen.executed = executed;
    if (status.role == consensus::Role::leader) {
      seen.announced = std::max(seen.announced, status.tag);  // others voted for it: the term is durable here
    }
    return wrong.empty() ? wrong
                         : wrong + " at node " + std::to_string(node) + ", group " + std::to_string(group.value());
  }

  void on_life_ended(std::uint32_t node) override {
    for (auto& [replica, seen] : seen_) {
      if (replica.first == node) {
        seen.commit = Position();
        seen.executed = Position();
      }
    }
  }

 private:
  struct Seen {
    Tag announced;
    Position commit;
    Position executed;
  };
  std::map<std::pair<std::uint32_t, GroupId>, Seen> seen_;
};

}  // namespace quorate::sim
