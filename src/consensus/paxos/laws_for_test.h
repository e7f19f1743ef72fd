#pragma once
// What Basic Paxos promises, checked from outside against every node: what stories and random schedules hold it to.
//
// Laws: 1. one value per cell and ballot. 2. a promise that was told is never broken, not over a restart either (P-01).
//       3. once a value is chosen, nobody proposes anything else in a later ballot (P-03). 4. what a node takes for
//       decided was durably accepted in one ballot by a phase-2 quorum. 5. nobody proposes in another's ballot (P-11).
// Owned by a test.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "consensus/paxos/cell.h"
#include "consensus/paxos/wire.h"
#include "stories/cluster.h"

namespace quorate::paxos {

class Laws : public stories::Law {
 public:
  std::string check(const stories::Cluster& cluster, NodeId node, const consensus::Effect& effect) override {
    if (const auto* write = std::get_if<consensus::Persist>(&effect)) {
      note_own_acceptances(node, *write);
      return {};
    }
    if (const auto* chosen = std::get_if<consensus::Chosen>(&effect)) {
      return check_chosen(cluster, node, std::string(chosen->key.view()), std::string(chosen->payload.view()));
    }
    const auto* send = std::get_if<consensus::Send>(&effect);
    if (send == nullptr) {
      return {};
    }
    const std::optional<Message> message = decode(send->message.view());
    if (!message) {
      return "sends what is no message";
    }
    if (const auto* promise = std::get_if<Promise>(&*message)) {
      Ballot& told = promised_[{node, std::string(promise->cell)}];
      told = std::max(told, promise->ballot);
    } else if (const auto* accepted = std::get_if<Accepted>(&*message)) {
      return check_acceptance(cluster, node, *accepted);
    } else if (const auto* accept = std::get_if<Accept>(&*message)) {
      return check_proposal(node, *accept);
    }
    return {};
  }

 private:
  struct Proposal {
    std::string value;
    std::set<NodeId> accepted;  ///< durably
  };
  using Proposals = std::map<Ballot, Proposal>;

  std::string check_acceptance(const stories::Cluster& cluster, NodeId node, const Accepted& accepted) {
    const std::string cell(accepted.cell);
    if (accepted.ballot < promised_[{node, cell}]) {
      return "tells that it accepted in a ballot below one that it has promised";
    }
    Proposal& proposal = proposals_[cell][accepted.ballot];
    proposal.accepted.insert(node);
    if (proposal.accepted.size() >= quorum_of(cluster, node)) {
      chosen_.try_emplace(cell, accepted.ballot, proposal.value);
    }
    return {};
  }

  std::string check_proposal(NodeId node, const Accept& accept) {
    if (accept.ballot.proposer != node) {
      return "proposes in another node's ballot";
    }
    const std::string cell(accept.cell);
    const auto [known, is_new] = proposals_[cell].try_emplace(accept.ballot, Proposal{std::string(accept.value), {}});
    if (!is_new && known->second.value != accept.value) {
      return "proposes two values for " + cell + " in one ballot";
    }
    const auto chosen = chosen_.find(cell);
    if (is_new && chosen != chosen_.end() && chosen->second.first < accept.ballot &&
        chosen->second.second != accept.value) {
      return "proposes another value for " + cell + ", of which one is chosen";
    }
    return {};
  }

  /// The own acceptor of a proposer tells nobody: its vote is what it writes, and counts when its proposer says chosen.
  void note_own_acceptances(NodeId node, const consensus::Persist& write) {
    for (const consensus::PersistOp& op : write.ops) {
      const auto* set = std::get_if<consensus::SetCell>(&op);
      const std::optional<AcceptorCell> cell = set == nullptr ? std::nullopt : decode_cell(set->blob);
      if (cell && !cell->decided && cell->accepted.proposer == node) {
        own_.insert({std::string(set->key.view()), cell->accepted});
      }
    }
  }

  static std::size_t quorum_of(const stories::Cluster& cluster, NodeId node) {
    const consensus::CoreConfig& config = cluster.config_of(node);
    return config.quorum_sizes.phase_2_of(config.initial_membership.voters.size());
  }

  std::string check_chosen(const stories::Cluster& cluster, NodeId node, const std::string& cell,
                           const std::string& value) {
    for (const auto& [ballot, proposal] : proposals_[cell]) {
      const std::size_t own = own_.contains({cell, ballot}) && !proposal.accepted.contains(ballot.proposer) ? 1 : 0;
      if (proposal.value == value && proposal.accepted.size() + own >= quorum_of(cluster, node)) {
        chosen_.try_emplace(cell, ballot, value);
        return {};
      }
    }
    const bool is_alone = cluster.config_of(node).initial_membership.voters.size() < 2;  // it sends nothing
    return is_alone ? std::string() : "takes " + cell + " for decided, which no phase-2 quorum has accepted";
  }

  std::map<std::pair<NodeId, std::string>, Ballot> promised_;  ///< told by each node, ever
  std::map<std::string, Proposals> proposals_;
  std::map<std::string, std::pair<Ballot, std::string>> chosen_;
  std::set<std::pair<std::string, Ballot>> own_;
};

}  // namespace quorate::paxos
