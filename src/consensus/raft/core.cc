// The core's door: building it from what was persisted, inputs in, effects out.

#include "consensus/raft/core.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "consensus/contract/membership_codec.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace): these files speak the contract's words throughout

namespace {

Membership base_membership(const CoreConfig& config, PersistedState& state) {
  if (state.membership.voters.empty()) {
    return config.initial_membership;
  }
  return std::move(state.membership);
}

}  // namespace

RaftCore::RaftCore(const CoreConfig& config, PersistedState&& state)
    : config_(config),
      log_(state.discarded),
      memberships_(base_membership(config, state), state.discarded),
      uncertain_tail_(state.uncertain_tail) {
  const std::optional<HardState> hard = decode_hard_state(state.state.view());
  QUORATE_ASSERT(hard.has_value(), "the persisted term and vote can be read", state.state.size());
  hard_ = *hard;
  for (const PersistedState::Slot& slot : state.log) {
    QUORATE_ASSERT(slot.id.position == log_.last_position().next(), "a Raft log has no holes", slot.id.position,
                   log_.last_position());
    log_.append(slot.id.tag);
    if (slot.kind == EntryKind::configuration) {
      std::optional<Configuration> configuration = decode_configuration(slot.payload.view());
      QUORATE_ASSERT(configuration.has_value(), "a persisted membership can be read", slot.id.position);
      memberships_.add(std::move(configuration->membership), slot.id);
    }
  }
  take_loss(state.loss);
  QUORATE_ASSERT(log_.last().tag <= hard_.term, "no entry is of a term that the node never reached", log_.last().tag,
                 hard_.term);
  commit_ = std::max(state.applied, state.discarded.position);
  QUORATE_ASSERT(commit_ <= log_.last_position(), "what was applied is in the log or discarded", commit_,
                 log_.last_position());
  verified_ = commit_;

  if (!may_campaign()) {
    role_ = Role::learner;
  } else if (is_sole_voter()) {
    campaign();
  } else {
    expect_leader(LeaderSign::none);
  }
}

void RaftCore::step(Instant /*now*/, const Input& input) {
  output_.begin_step();
  std::visit([this](const auto& one) { handle(one); }, input);
  follow_up_on_membership();
  QUORATE_ASSERT(commit_ <= log_.last_position(), "only what is in the log is committed", commit_,
                 log_.last_position());
  QUORATE_ASSERT(verified_ >= commit_, "what is committed equals every later leader's log", verified_, commit_);
}

void RaftCore::take_effects(std::vector<Effect>& out) { output_.take(out); }

CoreStatus RaftCore::status() const {
  return {.role = role_,
          .tag = hard_.term,
          .leader = leader_,
          .last = log_.last_position(),
          .commit = commit_,
          .membership = membership(),
          .is_changing_members = memberships_.latest().id.position > commit_,
          .everywhere = is_leader() ? std::max(everywhere_, lowest_match()) : everywhere_,
          .uncertain_tail = uncertain_tail_,
          .loss = loss_};
}

std::vector<MemberProgress> RaftCore::progress() const {
  std::vector<MemberProgress> result;
  if (lead_) {
    for (const Progress& follower : lead_->followers) {
      result.push_back({follower.node(), follower.match()});
    }
  }
  return result;
}

std::unique_ptr<Core> RaftCore::clone() const { return std::make_unique<RaftCore>(*this); }

// ---- inputs ---------------------------------------------------------------------------------------------

void RaftCore::handle(const TimerFired& input) {
  switch (input.kind) {
    case TimerKind::election: on_election_timer(); break;
    case TimerKind::heartbeat: on_heartbeat_timer(); break;
    case TimerKind::notice: on_notice_timer(); break;
    case TimerKind::retry: on_retry_timer(); break;
  }
}

void RaftCore::handle(const Receive& input) {
  const std::optional<Message> message = decode(input.message);
  if (!message || input.from == config_.self) {
    trace(Branch::malformed_message, input.from.value(), input.message.size());
    return;
  }
  if (!admit(input.from, *message)) {
    return;
  }
  std::visit(
      [&](const auto& one) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(one)>, Append>) {
          on(input.from, one, input.entries);
        } else {
          on(input.from, one);
        }
      },
      *message);
}

void RaftCore::handle(const Persisted& input) {
  output_.confirm(input.io);
  if (campaign_ && !campaign_->own_vote.is_none() && campaign_->own_vote <= output_.durable()) {
    count_own_vote();
  }
  if (!lead_) {
    return;
  }
  const Position before = lead_->own_match;
  while (!lead_->own_writes.empty() && lead_->own_writes.front().io <= output_.durable()) {
    lead_->own_match = lead_->own_writes.front().last;
    lead_->own_writes.pop_front();
  }
  if (lead_->own_match != before) {
    advance_commit();
    send_commit_notices(Position());
  }
}

void RaftCore::handle(const Applied& input) {
  QUORATE_ASSERT(input.position <= commit_, "only what is committed is executed", input.position, commit_);
}

void RaftCore::handle(const SendDropped& input) {
  if (Progress* follower = lead_ ? find_follower(input.to) : nullptr; follower != nullptr) {
    trace(Branch::send_dropped, input.to.value(), input.first.value());
    follower->on_send_dropped(input.first);
    replicate_to(*follower);
  }
}

void RaftCore::handle(const PeerUp& input) {
  const bool is_new_life = links_.on_up(input);
  if (Progress* follower = lead_ ? find_follower(input.node) : nullptr; follower != nullptr) {
    if (is_new_life) {
      trace(Branch::follower_restarted, input.node.value(), follower->match().value());
      follower->on_restarted();
    } else if (follower->mode() != Progress::Mode::snapshot) {
      follower->probe_from(follower->match().next());
    }
    replicate_to(*follower, true);
  }
  hasten_when_connected();
  ask_for_terms();
}

void RaftCore::handle(const PeerDown& input) {
  if (links_.on_down(input)) {
    hasten_after_peer_down(input.node);
  }
}

// ---- messages -------------------------------------------------------------------------------------------

bool RaftCore::admit(NodeId from, const Message& message) {
  if (std::holds_alternative<PreVoteRequest>(message) || std::holds_alternative<VoteRequest>(message)) {
    return true;  // their handlers decide about the term: a request alone must not depose a leader that lives
  }
  note_term_told(from, message);
  const Tag term = std::visit([](const auto& one) { return one.term; }, message);
  if (term > hard_.term) {
    const bool is_leaders_word = std::holds_alternative<Append>(message) ||
                                 std::holds_alternative<Heartbeat>(message) ||
                                 std::holds_alternative<CommitNotice>(message);
    adopt_term(term, is_leaders_word ? from : NodeId(), RoleCause::higher_message);
    return true;
  }
  if (term == hard_.term || std::holds_alternative<PreVoteResponse>(message) ||
      std::holds_alternative<VoteResponse>(message) || std::holds_alternative<ReadRequest>(message)) {
    return true;
  }
  tell_deposed_leader(from, message);
  return false;
}

/// A leader of an old term must learn that it is one, even if nobody campaigns: else a node that has once seen a
/// higher term could never be led again.
void RaftCore::tell_deposed_leader(NodeId from, const Message& message) {
  const Tag term = std::visit([](const auto& one) { return one.term; }, message);
  if (const auto* append = std::get_if<Append>(&message)) {
    trace(Branch::deposed_leader_told, from.value(), term.value());
    send(from, AppendRejected{.term = hard_.term, .rejected = append->previous.position});
  } else if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
    trace(Branch::deposed_leader_told, from.value(), term.value());
    send(from, HeartbeatResponse{.term = hard_.term, .round = heartbeat->round});
  } else {
    trace(Branch::stale_message_ignored, from.value(), term.value());
  }
}

// ---- effects --------------------------------------------------------------------------------------------

void RaftCore::trace(Branch branch, std::uint64_t a, std::uint64_t b) {
  emit(Trace{{.name = name_of(branch), .a = a, .b = b}});
}

void RaftCore::write_state() { output_.write_state(encode(hard_)); }

void RaftCore::send(NodeId to, const Message& message, Io after) {
  output_.send(to, encode(message), std::nullopt, after);
}

// ---- small questions ------------------------------------------------------------------------------------

bool RaftCore::is_sole_voter() const {
  return membership().voters.size() == 1 && membership().voters.front() == config_.self && !membership().is_joint();
}

}  // namespace quorate::raft
