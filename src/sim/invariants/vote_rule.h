#pragma once
// I-16 A vote goes to a log that is at least as up to date as the voter's, and to one candidate a term, over lives too
// (Ongaro and Ousterhout 2014, 5.2 and 5.4.1). Of protocols that elect by votes (CoreFactory::vote_of).
//
// A vote counts from its emission on for the life that emitted it, and for ever once it has left. One that is given
// again, by a later life too whose disk may have kept it, is the first one's repetition, whatever the voter's log holds
// by then; and one for who leads the term already changes nothing. A conditional one compares no logs: the voter does
// not know how its own ends.

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "sim/invariants/invariant.h"
#include "sim/ledger.h"

namespace quorate::sim {

class VoteRule : public Invariant {
 public:
  using VoteOf = std::optional<consensus::Vote> (*)(ByteView message);
  VoteRule(const Ledger& ledger, VoteOf vote_of) : ledger_(ledger), vote_of_(vote_of) {}
  [[nodiscard]] std::string_view id() const override { return "I-16"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& /*core*/) override {
    const auto* send = std::get_if<consensus::Send>(&effect);
    const std::optional<consensus::Vote> vote = send == nullptr ? std::nullopt : vote_of_(send->message.view());
    if (!vote) {
      return {};
    }
    if (vote->kind == consensus::Vote::Kind::asked) {
      asked_[{replica.group, replica.id(), vote->tag}] = vote->last;
      return give(replica, *send, vote->tag, replica.id());
    }
    const bool is_late = leads_.contains({replica.group, vote->tag, send->to});
    const bool is_repeated = given_[replica].compared.contains({vote->tag, send->to});
    if (std::string twice = give(replica, *send, vote->tag, send->to); is_late || is_repeated || !twice.empty()) {
      return twice;
    }
    given_[replica].compared.insert({vote->tag, send->to});
    const auto asked = asked_.find({replica.group, send->to, vote->tag});
    const EntryId own = ledger_.last_of(replica);
    if (vote->kind == consensus::Vote::Kind::conditional || (asked != asked_.end() && !is_newer(own, asked->second))) {
      return {};
    }
    return name_of(replica) + ", whose log ends at " + std::to_string(own.position.value()) + " of term " +
           std::to_string(own.tag.value()) + ", votes in term " + std::to_string(vote->tag.value()) + " for node " +
           std::to_string(send->to.value()) + ", whose log is older";
  }

  [[nodiscard]] std::string on_role(std::uint32_t node, GroupId group, const consensus::RoleChanged& change) override {
    if (change.to == consensus::Role::leader) {
      leads_.insert({group, change.tag, NodeId(node)});
    }
    return {};
  }

  void on_durable(const ReplicaName& replica, Io io) override {
    Given& given = given_[replica];
    given.durable = io;
    release(given);
  }

  void on_life_ended(std::uint32_t node) override {
    for (auto& [replica, given] : given_) {
      if (replica.node == node) {
        given.held.clear();
        given.durable = Io();
      }
    }
  }

 private:
  struct Held {
    Io after;
    Tag tag;
    NodeId candidate;
  };
  struct Given {
    std::map<Tag, NodeId> told;
    Io durable;  ///< in this life
    std::deque<Held> held;
    std::set<std::pair<Tag, NodeId>> compared;  ///< terms and candidates
  };

  static bool is_newer(EntryId a, EntryId b) { return std::tie(a.tag, a.position) > std::tie(b.tag, b.position); }
  static std::string name_of(const ReplicaName& replica) {
    return "node " + std::to_string(replica.node) + " of group " + std::to_string(replica.group.value());
  }

  static void release(Given& given) {
    while (!given.held.empty() && given.held.front().after <= given.durable) {
      given.told[given.held.front().tag] = given.held.front().candidate;
      given.held.pop_front();
    }
  }

  std::string give(const ReplicaName& replica, const consensus::Send& send, Tag tag, NodeId candidate) {
    Given& given = given_[replica];
    const auto told = given.told.find(tag);
    const bool is_other = told != given.told.end() && told->second != candidate;
    const bool is_other_held = std::ranges::any_of(
        given.held, [&](const Held& held) { return held.tag == tag && held.candidate != candidate; });
    if (is_other || is_other_held) {
      return name_of(replica) + " votes twice in term " + std::to_string(tag.value());
    }
    given.held.push_back({send.after, tag, candidate});
    release(given);
    return {};
  }

  const Ledger& ledger_;
  VoteOf vote_of_;
  std::map<std::tuple<GroupId, NodeId, Tag>, EntryId> asked_;  ///< by candidate: where its log ended
  std::map<ReplicaName, Given> given_;
  std::set<std::tuple<GroupId, Tag, NodeId>> leads_;
};

}  // namespace quorate::sim
