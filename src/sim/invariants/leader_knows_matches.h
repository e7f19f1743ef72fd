#pragma once
// I-15 What a leader believes of a member's log is so: everything up to `match` is durable there (Ongaro and Ousterhout
// 2014, figure 2, matchIndex). It counts on that when it commits, and forgets what everybody has. Of every protocol
// whose leaders count.
//
// A member in a later term may have taken back what it acknowledged: then the leader is deposed, and does not know it.

#include <map>
#include <optional>

#include "sim/invariants/invariant.h"
#include "sim/ledger.h"

namespace quorate::sim {

class LeaderKnowsMatches : public Invariant {
 public:
  explicit LeaderKnowsMatches(const Ledger& ledger) : ledger_(ledger) {}
  [[nodiscard]] std::string_view id() const override { return "I-15"; }

  [[nodiscard]] std::string on_status(std::uint32_t node, GroupId group, const consensus::CoreStatus& status,
                                      Position /*executed*/) override {
    tags_[{node, group}] = status.tag;
    return {};
  }

  [[nodiscard]] std::string on_progress(const ReplicaName& leader,
                                        std::span<const consensus::MemberProgress> members) override {
    for (const consensus::MemberProgress& member : members) {
      const ReplicaName other{static_cast<std::uint32_t>(member.node.value()), leader.group};
      const auto tag = tags_.find(other);
      if (tag != tags_.end() && tag->second <= tags_[leader] && !has(leader, other, member.match)) {
        return "node " + std::to_string(leader.node) + " leads group " + std::to_string(leader.group.value()) +
               " and believes that node " + std::to_string(other.node) + " has everything up to " +
               std::to_string(member.match.value());
      }
    }
    return {};
  }

  void on_life_ended(std::uint32_t node) override {
    std::erase_if(tags_, [node](const auto& one) { return one.first.node == node; });
  }

 private:
  [[nodiscard]] bool has(const ReplicaName& leader, const ReplicaName& member, Position match) const {
    const Tag led = ledger_.tag_at(leader, match);
    if (led.is_none() || match <= ledger_.base_of(member)) {
      return true;  // below the beginning of a log nothing is known
    }
    const EntryId own{match, ledger_.tag_at(member, match)};
    const bool is_durable = !own.tag.is_none() && ledger_.has_durably(member, own) &&
                            ledger_.value_of(leader.group, own) == ledger_.value_of(leader.group, {match, led});
    return is_durable || ledger_.has_lost(member, {match, led});
  }

  const Ledger& ledger_;
  std::map<ReplicaName, Tag> tags_;  ///< of live replicas, when they were last looked at
};

}  // namespace quorate::sim
