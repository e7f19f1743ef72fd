// The hash of a replica's state in normal form, for the explorer: replicas that will behave alike hash alike. Times
// and pointers are not in it; writes, rounds, read numbers and contexts count from the oldest that matters.

#include "consensus/raft/core.h"

namespace quorate::raft {
namespace {

void add_tally(Hasher& hasher, const quorum::Tally& tally) {
  hasher.add(tally.entries().size());
  for (const auto& [node, granted] : tally.entries()) {
    hasher.add(node);
    hasher.add(std::uint64_t{granted});
  }
}

void add_leadership(Hasher& hasher, const Leadership& lead, Io durable) {
  for (const Progress& follower : lead.followers) {
    follower.hash_into(hasher);
  }
  hasher.add(lead.own_match);
  for (const OwnWrite& write : lead.own_writes) {
    hasher.add(write.io.value() - durable.value());
    hasher.add(write.last);
  }
  hasher.add(lead.oldest_write > durable ? lead.oldest_write.value() - durable.value() : 0);
  hasher.add(lead.hanging_ticks);
  hasher.add(lead.round);
  hasher.add(lead.confirmed_round);
  hasher.add(lead.confirmed_at_tick);
  hasher.add(lead.silent_ticks);
  lead.reads.hash_into(hasher);
  hasher.add(lead.settled_membership);
  hasher.add(lead.notice_for.value());
  if (lead.transfer) {
    hasher.add(lead.transfer->to);
    hasher.add(lead.transfer->ticks_left * 2 + (lead.transfer->told ? 1 : 0));
  }
}

}  // namespace

void RaftCore::hash_into(Hasher& hasher) const {
  const auto add_write = [&](Io io) {
    hasher.add(io > output_.durable() ? io.value() - output_.durable().value() : 0);
  };
  hasher.add(config_.self);
  hasher.add(hard_.term);
  hasher.add(hard_.vote);
  log_.hash_into(hasher);
  memberships_.hash_into(hasher);
  add_write(output_.issued());
  add_write(output_.state_write());
  add_write(log_io_);
  hasher.add(static_cast<std::uint64_t>(role_));
  hasher.add(leader_);
  hasher.add(static_cast<std::uint64_t>(leader_sign_));
  hasher.add((heard_any_leader_ ? 1U : 0U) | (uncertain_tail_ ? 2U : 0U));
  hasher.add(commit_);
  hasher.add(verified_);
  hasher.add(everywhere_);
  if (is_damaged()) {
    hasher.add(static_cast<std::uint64_t>(loss_.kind));
    hasher.add(loss_.end.position);
    hasher.add(loss_.end.tag);
    hasher.add(leader_commit_);
    for (const NodeId node : terms_told_) {
      hasher.add(node);
    }
  }
  links_.hash_into(hasher);
  if (campaign_) {
    add_tally(hasher, campaign_->votes);
    add_tally(hasher, campaign_->firm_votes);
    add_write(campaign_->own_vote);
  }
  if (lead_) {
    add_leadership(hasher, *lead_, output_.durable());
  }
  forwarded_.hash_into(hasher);
}

}  // namespace quorate::raft
