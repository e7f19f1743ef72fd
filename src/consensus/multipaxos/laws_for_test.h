#pragma once
// What Multi-Paxos promises, checked from outside against every node: what stories and random schedules hold it to.
//
// Laws: 1. one value per slot and ballot. 2. a promise that was told is never broken, not over a restart either (P-01).
//       3. once a slot is decided, nobody proposes anything else there in a later ballot (P-03). 4. what a leader
//       commits is durable on a phase-2 quorum of those who vote. 5. a ballot has one leader's values only, its own
//       (P-11).
// Owned by a test.

#include <algorithm>
#include <map>
#include <string>

#include "consensus/multipaxos/ballot.h"
#include "consensus/multipaxos/wire.h"
#include "stories/cluster.h"

namespace quorate::multipaxos {

class Laws : public stories::Law {
 public:
  std::string check(const stories::Cluster& cluster, NodeId node, const consensus::Effect& effect) override {
    if (const auto* send = std::get_if<consensus::Send>(&effect)) {
      const std::optional<Message> message = decode(send->message.view());
      if (!message) {
        return "sends what is no message";
      }
      if (const auto* promise = std::get_if<Promise>(&*message)) {
        promised_[node] = std::max(promised_[node], promise->ballot);
      } else if (const auto* accepted = std::get_if<Accepted>(&*message);
                 accepted && accepted->ballot < promised_[node]) {
        return "tells that it accepted in a ballot below one that it has promised";
      } else if (const auto* accept = std::get_if<Accept>(&*message)) {
        return check_proposal(cluster, node, *accept, *send->attach);
      }
    } else if (const auto* commit = std::get_if<consensus::Commit>(&effect)) {
      return check_commit(cluster, node, commit->up_to);
    }
    return {};
  }

 private:
  std::string check_proposal(const stories::Cluster& cluster, NodeId node, const Accept& accept,
                             const consensus::Attach& attach) {
    if (Ballot::of(accept.ballot).member != number_of(node)) {
      return "proposes in another node's ballot";
    }
    for (Position slot = attach.first; slot <= attach.last; slot = slot.next()) {
      const auto [known, is_new] = proposed_.try_emplace({slot, accept.ballot}, accept.tag);
      if (!is_new && known->second != accept.tag) {
        return "proposes two values at slot " + std::to_string(slot.value()) + " in one ballot";
      }
      const auto decided = cluster.committed().find(slot);
      const auto ballot = decided_in_.find(slot);
      if (ballot != decided_in_.end() && ballot->second < accept.ballot && decided->second.id.tag != accept.tag) {
        return "proposes another value at slot " + std::to_string(slot.value()) + ", which is decided";
      }
    }
    return {};
  }

  std::string check_commit(const stories::Cluster& cluster, NodeId node, Position up_to) {
    const consensus::CoreStatus status = cluster.core(node).status();
    const auto entry = cluster.written(node).log.find(up_to);
    if (status.role != consensus::Role::leader || entry == cluster.written(node).log.end()) {
      return {};
    }
    for (Position slot = up_to; !slot.is_none() && decided_in_.try_emplace(slot, status.tag).second;) {
      slot = slot.previous();
    }
    for (const auto* voters : {&status.membership.voters, &status.membership.outgoing_voters}) {
      const auto has = [&](NodeId voter) {
        const stories::Disk& disk = cluster.durable(voter);
        const auto there = disk.log.find(up_to);
        // What a damaged disk lost after it was acknowledged was there.
        return cluster.loss_of(voter).kind != consensus::Loss::Kind::none || disk.discarded.position >= up_to ||
               (there != disk.log.end() && there->second.id == entry->second.id);
      };
      if (!voters->empty() && static_cast<std::size_t>(std::ranges::count_if(*voters, has)) <
                                  cluster.config_of(node).quorum_sizes.phase_2_of(voters->size())) {
        return "commits " + std::to_string(up_to.value()) + ", which is not durable on a phase-2 quorum";
      }
    }
    return {};
  }

  std::map<NodeId, Tag> promised_;                    ///< told by each node, ever
  std::map<Position, Tag> decided_in_;                ///< a ballot in which it was, or a later one
  std::map<std::pair<Position, Tag>, Tag> proposed_;  ///< tag of the value at a slot in a ballot
};

}  // namespace quorate::multipaxos
