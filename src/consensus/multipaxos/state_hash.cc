// The hash of a replica's state in normal form, for the explorer: replicas that will behave alike hash alike. Times and
// pointers are not in it; writes, rounds, read numbers and contexts count from the oldest that matters.

#include "consensus/multipaxos/core.h"

namespace quorate::multipaxos {
namespace {

using consensus::Membership;

void add_tally(Hasher& hasher, const quorum::Tally& tally) {
  hasher.add(tally.entries().size());
  for (const auto& [node, granted] : tally.entries()) {
    hasher.add(node);
    hasher.add(std::uint64_t{granted});
  }
}

void add_membership(Hasher& hasher, const Membership& membership) {
  for (const auto* nodes : {&membership.voters, &membership.outgoing_voters, &membership.learners}) {
    hasher.add(nodes->size());
    for (const NodeId node : *nodes) {
      hasher.add(node);
    }
  }
}

void add_campaign(Hasher& hasher, const Campaign& campaign, Io durable) {
  hasher.add(campaign.ballot);
  add_tally(hasher, campaign.answers);
  add_tally(hasher, campaign.firm_answers);
  hasher.add(campaign.first);
  hasher.add(campaign.own_promise > durable ? campaign.own_promise.value() - durable.value() : 0);
  hasher.add(std::uint64_t{campaign.by_transfer});
  for (const Promiser& promiser : campaign.promisers) {
    hasher.add(promiser.node);
    hasher.add((promiser.has_told ? 1U : 0U) | (promiser.conditional ? 2U : 0U));
    hasher.add(promiser.decided);
    hasher.add(promiser.last);
    promiser.reported.hash_into(hasher);
  }
  for (const auto& [slot, found] : campaign.found) {
    hasher.add(slot);
    hasher.add(found.accepted);
    hasher.add(found.entry.id.tag);
    hasher.add(static_cast<std::uint64_t>(found.entry.kind));
    hasher.add(found.entry.payload.view());  // slot and tag name it in one history only
  }
}

void add_leadership(Hasher& hasher, const Leadership& lead, Io durable) {
  hasher.add(lead.first);
  hasher.add(lead.last);
  hasher.add(lead.own_from);
  hasher.add(lead.change.value_or(Position()));
  hasher.add(lead.waiting.size());
  for (const consensus::Proposal& proposal : lead.waiting) {
    hasher.add(proposal.payload.view());
  }
  for (const Follower& follower : lead.followers) {
    follower.hash_into(hasher);
  }
  lead.own_accepted.hash_into(hasher);
  for (const OwnWrite& write : lead.own_writes) {
    hasher.add(write.io.value() - durable.value());
    hasher.add(write.first);
    hasher.add(write.last);
  }
  hasher.add(lead.oldest_write > durable ? lead.oldest_write.value() - durable.value() : 0);
  hasher.add(lead.hanging_ticks);
  hasher.add(lead.round);
  hasher.add(lead.confirmed_round);
  hasher.add(lead.confirmed_at_tick);
  hasher.add(lead.silent_ticks);
  lead.reads.hash_into(hasher);
  hasher.add(lead.notice_for);
  if (lead.transfer) {
    hasher.add(lead.transfer->to);
    hasher.add(lead.transfer->ticks_left * 2 + (lead.transfer->told ? 1 : 0));
  }
}

}  // namespace

void MultiPaxosCore::hash_into(Hasher& hasher) const {
  const auto add_write = [&](Io io) {
    hasher.add(io > output_.durable() ? io.value() - output_.durable().value() : 0);
  };
  hasher.add(config_.self);
  hasher.add(state_.promised);
  hasher.add(state_.proposer);
  log_.hash_into(hasher);
  memberships_.hash_into(hasher);
  for (const auto& [slot, change] : changes_) {
    hasher.add(slot);
    hasher.add(change.tag);
    add_membership(hasher, change.configuration.membership);
  }
  hasher.add(noted_);
  hasher.add(noted_written_);
  for (const OwnNote& note : notes_) {
    add_write(note.io);
    hasher.add(note.decided);
  }
  add_write(output_.issued());
  add_write(output_.state_write());
  add_write(log_io_);
  hasher.add(static_cast<std::uint64_t>(role_));
  hasher.add(leader_);
  hasher.add(static_cast<std::uint64_t>(leader_sign_));
  hasher.add((heard_any_leader_ ? 1U : 0U) | (uncertain_tail_ ? 2U : 0U));
  hasher.add(static_cast<std::uint64_t>(loss_.kind));
  hasher.add(loss_.end.position);
  hasher.add(loss_.end.tag);
  for (const Position position : {chosen_, commit_, watermark_, everywhere_, idle_at_}) {
    hasher.add(position);
  }
  if (learning_) {
    hasher.add(learning_->from);
    hasher.add(learning_->target);
    hasher.add(learning_->asked);
    hasher.add(learning_->chosen_at_tick);
  }
  for (const NodeId node : snapshots_to_) {
    hasher.add(node);
  }
  links_.hash_into(hasher);
  if (campaign_) {
    add_campaign(hasher, *campaign_, output_.durable());
  }
  if (lead_) {
    add_leadership(hasher, *lead_, output_.durable());
  }
  forwarded_.hash_into(hasher);
}

}  // namespace quorate::multipaxos
