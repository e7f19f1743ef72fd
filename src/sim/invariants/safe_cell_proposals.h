#pragma once
// I-41 One value is proposed in a cell and a ballot. I-43 A later ballot proposes only a safe value: once a quorum
// has durably accepted one, no other (Lamport 2001, 2.2, P2b). I-05 What is decided was accepted by a quorum. Of
// protocols without a log that tell what their messages swear (CoreFactory::vow_of).
//
// A proposer's own acceptor tells nobody that it accepts: it is counted as if it had where its value is decided.

#include <map>
#include <ranges>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "quorum/phase_sizes.h"
#include "sim/invariants/promise_kept.h"

namespace quorate::sim {

class SafeCellProposals : public Invariant {
 public:
  explicit SafeCellProposals(PromiseKept::VowOf vow_of, quorum::PhaseSizes sizes = {})
      : vow_of_(vow_of), sizes_(sizes) {}
  [[nodiscard]] std::string_view id() const override { return "I-43"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& core) override {
    const std::size_t quorum = sizes_.phase_2_of(core.status().membership.voters.size());
    if (const auto* chosen = std::get_if<consensus::Chosen>(&effect)) {
      return check_decided(replica, {replica.group, std::string(chosen->key.view())},
                           std::string(chosen->payload.view()), quorum);
    }
    const auto* send = std::get_if<consensus::Send>(&effect);
    const std::optional<consensus::Vow> vow = send == nullptr ? std::nullopt : vow_of_(send->message.view());
    if (!vow || vow->kind == consensus::Vow::Kind::promised) {
      return {};
    }
    const Cell cell{replica.group, std::string(vow->cell)};
    const Ballot ballot{vow->tag, vow->life};
    if (vow->kind == consensus::Vow::Kind::proposed) {
      return check_proposal(replica, cell, ballot, std::string(vow->value));
    }
    held_.insert({replica, send->after, cell, ballot});
    if (send->after <= durable_[replica]) {
      release(replica, quorum);
    }
    quorum_ = quorum;
    return {};
  }

  void on_durable(const ReplicaName& replica, Io io) override {
    durable_[replica] = io;
    release(replica, quorum_);
  }

  void on_life_ended(std::uint32_t node) override {
    std::erase_if(held_, [&](const auto& held) { return std::get<0>(held).node == node; });
    std::erase_if(durable_, [&](const auto& one) { return one.first.node == node; });
  }

 private:
  using Cell = std::pair<GroupId, std::string>;
  using Ballot = std::pair<Tag, Incarnation>;
  struct Proposal {
    std::string value;
    std::set<std::uint32_t> accepted;  ///< durably, by other nodes than the proposer
  };

  std::string check_proposal(const ReplicaName& replica, const Cell& cell, const Ballot& ballot,
                             const std::string& value) {
    const auto [known, is_new] = proposals_[cell].try_emplace(ballot, Proposal{value, {}});
    const std::string who = "node " + std::to_string(replica.node) + " of group " +
                            std::to_string(replica.group.value()) + " proposes " + value + " for " + cell.second +
                            " in tag " + std::to_string(ballot.first.value());
    if (known->second.value != value) {
      return who + " after " + known->second.value;
    }
    const auto chosen = chosen_.find(cell);
    if (is_new && chosen != chosen_.end() && chosen->second.first < ballot && chosen->second.second != value) {
      return who + ", though a quorum has accepted " + chosen->second.second;
    }
    return {};
  }

  std::string check_decided(const ReplicaName& replica, const Cell& cell, const std::string& value,
                            std::size_t quorum) {
    // Of several ballots the last: in an earlier one the proposer's own acceptor may have refused.
    for (const auto& [ballot, proposal] : std::views::reverse(proposals_[cell])) {
      if (proposal.value == value && proposal.accepted.size() + 1 >= quorum) {
        chosen_.try_emplace(cell, ballot, value);
        return {};
      }
    }
    return "node " + std::to_string(replica.node) + " of group " + std::to_string(replica.group.value()) + " takes " +
           cell.second + " for " + value + ", which no quorum has accepted";
  }

  void release(const ReplicaName& replica, std::size_t quorum) {
    const Io durable = durable_[replica];
    std::erase_if(held_, [&](const auto& held) {
      const auto& [who, after, cell, ballot] = held;
      if (who != replica || after > durable) {
        return false;
      }
      Proposal& proposal = proposals_[cell][ballot];
      proposal.accepted.insert(who.node);
      if (proposal.accepted.size() >= quorum) {
        chosen_.try_emplace(cell, ballot, proposal.value);
      }
      return true;
    });
  }

  PromiseKept::VowOf vow_of_;
  const quorum::PhaseSizes sizes_;
  std::map<Cell, std::map<Ballot, Proposal>> proposals_;
  std::map<Cell, std::pair<Ballot, std::string>> chosen_;
  std::set<std::tuple<ReplicaName, Io, Cell, Ballot>> held_;  ///< acceptances that wait for a write
  std::map<ReplicaName, Io> durable_;
  std::size_t quorum_ = 1;
};

}  // namespace quorate::sim
