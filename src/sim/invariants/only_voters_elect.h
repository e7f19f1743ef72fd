#pragma once
// I-22 Learners, and nodes that were removed, are never counted: who comes to lead was given enough votes, or promises,
// by the voters of the membership that it uses, in both halves of a joint one (thesis 4.2.1). That they do not count
// for a commit either is part of I-05. Of protocols that elect by votes or promises.

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "quorum/phase_sizes.h"
#include "sim/invariants/invariant.h"

namespace quorate::sim {

class OnlyVotersElect : public Invariant {
 public:
  OnlyVotersElect(const consensus::CoreFactory& protocol, const quorum::PhaseSizes& sizes)
      : vow_of_(protocol.vow_of), vote_of_(protocol.vote_of), sizes_(sizes) {}
  [[nodiscard]] std::string_view id() const override { return "I-22"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& core) override {
    if (const auto* send = std::get_if<consensus::Send>(&effect)) {
      note(replica, *send);
      return {};
    }
    const auto* change = std::get_if<consensus::RoleChanged>(&effect);
    if (change == nullptr || change->to != consensus::Role::leader) {
      return {};
    }
    const consensus::Membership membership = core.status().membership;
    const std::set<NodeId>& given = given_[{replica.group, change->tag, replica.id()}];
    const auto is_elected_by = [&](const std::vector<NodeId>& voters) {
      const auto yes =
          std::ranges::count_if(voters, [&](NodeId node) { return node == replica.id() || given.contains(node); });
      return static_cast<std::size_t>(yes) >= sizes_.phase_1_of(voters.size());
    };
    if (is_elected_by(membership.voters) &&
        (membership.outgoing_voters.empty() || is_elected_by(membership.outgoing_voters))) {
      return {};
    }
    return "node " + std::to_string(replica.node) + " leads group " + std::to_string(replica.group.value()) +
           " in tag " + std::to_string(change->tag.value()) + ", and too few of its voters have elected it";
  }

 private:
  void note(const ReplicaName& replica, const consensus::Send& send) {
    if (vote_of_ != nullptr) {
      const std::optional<consensus::Vote> vote = vote_of_(send.message.view());
      if (vote && vote->kind != consensus::Vote::Kind::asked) {
        given_[{replica.group, vote->tag, send.to}].insert(replica.id());
      }
    } else if (vow_of_ != nullptr) {
      const std::optional<consensus::Vow> vow = vow_of_(send.message.view());
      if (vow && vow->kind == consensus::Vow::Kind::promised) {
        given_[{replica.group, vow->tag, send.to}].insert(replica.id());
      }
    }
  }

  std::optional<consensus::Vow> (*vow_of_)(ByteView message);
  std::optional<consensus::Vote> (*vote_of_)(ByteView message);
  const quorum::PhaseSizes sizes_;
  std::map<std::tuple<GroupId, Tag, NodeId>, std::set<NodeId>> given_;  ///< by tag and candidate
};

}  // namespace quorate::sim
