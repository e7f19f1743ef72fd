#pragma once
// I-03, I-07 State-machine safety: every replica executes the same changes at a revision, in every life, and revisions
// come one after the other (Ongaro and Ousterhout 2014, figure 3). Of every protocol. Keeps the trail that the history
// checkers read.

#include <map>

#include "sim/history.h"
#include "sim/invariants/invariant.h"

namespace quorate::sim {

class StateMachineSafety : public Invariant {
 public:
  explicit StateMachineSafety(std::map<GroupId, History>& histories) : histories_(histories) {}
  [[nodiscard]] std::string_view id() const override { return "I-03"; }

  [[nodiscard]] std::string on_events(std::uint32_t node, GroupId group, std::int64_t revision,
                                      std::span<const kv::Event> events) override {
    const std::string where = "node " + std::to_string(node) + ", group " + std::to_string(group.value()) +
                              ", revision " + std::to_string(revision);
    Changes changes;
    for (const kv::Event& event : events) {
      changes.push_back(change_of(event));
    }
    std::int64_t& last = last_[{node, group}];
    if (last != 0 && revision != last + 1) {
      return "revision " + std::to_string(last) + " is followed by another than the next at " + where;
    }
    last = revision;
    const auto [known, is_new] = histories_[group].trail.try_emplace(revision, changes);
    if (!is_new && known->second != changes) {
      return "replicas executed different changes: " + where;
    }
    return {};
  }

  [[nodiscard]] std::string on_replaced(std::uint32_t node, GroupId group, std::int64_t revision) override {
    std::int64_t& last = last_[{node, group}];
    if (revision < last) {
      return "a snapshot brought node " + std::to_string(node) + ", group " + std::to_string(group.value()) +
             " back from revision " + std::to_string(last) + " to " + std::to_string(revision);
    }
    last = revision > 1 ? revision : last;  // revision 1 is the empty store
    return {};
  }

  void on_life_ended(std::uint32_t node) override {
    std::erase_if(last_, [&](const auto& item) { return item.first.first == node; });
  }

 private:
  std::map<GroupId, History>& histories_;
  std::map<std::pair<std::uint32_t, GroupId>, std::int64_t> last_;
};

}  // namespace quorate::sim
