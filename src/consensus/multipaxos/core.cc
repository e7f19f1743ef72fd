// The core's door: building it from what was persisted, inputs in, effects out.

#include "consensus/multipaxos/core.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/contract/membership_codec.h"

namespace quorate::multipaxos {

using namespace consensus;  // NOLINT(google-build-using-namespace): these files speak the contract's words throughout

namespace {

/// After damage to the log: so many rounds above every ballot that is left in it the replica takes as promised. No lost
/// promise was for a ballot that far above.
constexpr std::uint64_t kRoundsLostAtMost = 1ULL << 16;

Membership base_membership(const CoreConfig& config, PersistedState& state) {
  if (state.membership.voters.empty()) {
    return config.initial_membership;
  }
  return std::move(state.membership);
}

Position noted_in(const PersistedState& state) {
  for (const auto& [key, blob] : state.cells) {
    if (key.view() == kDecidedCell) {
      const std::optional<Position> decided = decode_decided(blob.view());
      QUORATE_ASSERT(decided.has_value(), "the note of what is decided can be read", blob.size());
      return *decided;
    }
  }
  return {};
}

}  // namespace

MultiPaxosCore::MultiPaxosCore(const CoreConfig& config, PersistedState&& state)
    : config_(config),
      log_(state.discarded),
      memberships_(base_membership(config, state), state.discarded),
      uncertain_tail_(state.uncertain_tail),
      loss_(state.loss) {
  std::optional<AcceptorState> read = decode_acceptor_state(state.state.view());
  QUORATE_ASSERT(read.has_value(), "the persisted promise can be read", state.state.size());
  state_ = std::move(*read);
  Tag highest = state.discarded.tag;
  for (const PersistedState::Slot& slot : state.log) {
    log_.put(slot.id.position, slot.id.position, slot.id.tag);
    highest = std::max(highest, slot.id.tag);
    if (slot.kind == EntryKind::configuration) {
      std::optional<Configuration> change = decode_configuration(slot.payload.view());
      QUORATE_ASSERT(change.has_value(), "a persisted membership can be read", slot.id.position);
      changes_[slot.id.position] = {slot.id.tag, std::move(*change)};
    }
  }
  for (const TagRuns::Run& vote : std::exchange(state_.votes, {})) {
    log_.vote(vote.first, vote.last, vote.tag);
    highest = std::max(highest, vote.tag);
  }
  log_.forget_votes(state.discarded.position);
  QUORATE_ASSERT(highest <= state_.promised || is_uncertain(), "nothing was accepted above the promised ballot",
                 highest, state_.promised);
  const Position applied = std::max(state.applied, state.discarded.position);
  const Position end = log_.end_from(log_.discarded().position.next());
  noted_ = is_uncertain() ? std::min(noted_in(state), end) : noted_in(state);
  noted_written_ = noted_;
  const Position decided = std::max(applied, noted_);
  QUORATE_ASSERT(end >= decided, "what is decided is in the log", decided, log_.discarded().position, log_.last());
  chosen_ = applied;
  commit_ = applied;
  adopt_changes(log_.discarded().position);
  if (decided > applied) {
    chosen_ = decided;
    advance_commit();
  }
  if (is_uncertain()) {
    const Ballot seen = Ballot::of(std::max(highest, state_.promised));
    state_ = {.promised = Ballot{seen.round + kRoundsLostAtMost, 0}.tag(), .proposer = {}, .votes = {}};
    write_state();
  }
  QUORATE_ASSERT(voters().empty() || quorums_fit(membership()), "the quorums of the two phases share a voter (P-12)",
                 config_.quorum_sizes.phase_1, config_.quorum_sizes.phase_2, voters().size());
  if (!is_voter()) {
    role_ = Role::learner;
  } else if (is_sole_voter() && !is_damaged()) {
    prepare(false);
  } else {
    expect_leader(LeaderSign::none);
  }
}

void MultiPaxosCore::step(Instant /*now*/, const Input& input) {
  output_.begin_step();
  std::visit([this](const auto& one) { handle(one); }, input);
  QUORATE_ASSERT(commit_ <= chosen_, "only what is chosen is committed", commit_, chosen_);
  QUORATE_ASSERT(!lead_ || lead_->last >= chosen_, "a leader has everything that is chosen", lead_->last, chosen_);
}

void MultiPaxosCore::take_effects(std::vector<Effect>& out) { output_.take(out); }

CoreStatus MultiPaxosCore::status() const {
  return {.role = role_,
          .tag = state_.promised,
          .leader = leader_,
          .last = lead_ ? lead_->last : log_.last(),
          .commit = commit_,
          .membership = membership(),
          .is_changing_members = !changes_.empty(),
          .everywhere = is_leader() ? std::max(everywhere_, lowest_noted()) : everywhere_,
          .uncertain_tail = uncertain_tail_,
          .loss = loss_};
}

std::vector<MemberProgress> MultiPaxosCore::progress() const {
  std::vector<MemberProgress> result;
  if (lead_) {
    for (const Follower& follower : lead_->followers) {
      result.push_back({follower.node(), follower.match()});
    }
  }
  return result;
}

std::unique_ptr<Core> MultiPaxosCore::clone() const { return std::make_unique<MultiPaxosCore>(*this); }

// ---- inputs ---------------------------------------------------------------------------------------------

void MultiPaxosCore::handle(const TimerFired& input) {
  switch (input.kind) {
    case TimerKind::election: on_election_timer(); break;
    case TimerKind::heartbeat: on_heartbeat_timer(); break;
    case TimerKind::notice: on_notice_timer(); break;
    case TimerKind::retry: on_retry_timer(); break;
  }
}

void MultiPaxosCore::handle(const Receive& input) {
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
        using M = std::remove_cvref_t<decltype(one)>;
        if constexpr (std::is_same_v<M, Accept> || std::is_same_v<M, PromisedRun> || std::is_same_v<M, Learned>) {
          on(input.from, one, input.entries);
        } else {
          on(input.from, one);
        }
      },
      *message);
}

void MultiPaxosCore::handle(const Persisted& input) {
  output_.confirm(input.io);
  const Position noted_before = noted_;
  while (!notes_.empty() && notes_.front().io <= output_.durable()) {
    noted_ = notes_.front().decided;
    notes_.pop_front();
  }
  if (noted_ > noted_before && commit_ < chosen_) {
    advance_commit();
    if (!leader_.is_none() && !is_leader()) {
      send(leader_, Noted{.ballot = state_.promised, .noted = noted_});
    }
  }
  if (campaign_ && !campaign_->own_promise.is_none() && campaign_->own_promise <= output_.durable()) {
    campaign_->own_promise = Io();
    check_phase_1();
  }
  if (!lead_) {
    return;
  }
  bool is_news = false;
  while (!lead_->own_writes.empty() && lead_->own_writes.front().io <= output_.durable()) {
    const OwnWrite& write = lead_->own_writes.front();
    lead_->own_accepted.set(write.first, write.last, Tag(1));
    lead_->own_writes.pop_front();
    is_news = true;
  }
  if (is_news) {
    advance_chosen();
    send_decided(Position());
  }
}

void MultiPaxosCore::handle(const Applied& input) {
  QUORATE_ASSERT(input.position <= commit_, "only what is committed is executed", input.position, commit_);
}

void MultiPaxosCore::handle(const SendDropped& input) {
  if (Follower* follower = lead_ ? find_follower(input.to) : nullptr; follower != nullptr) {
    trace(Branch::send_dropped, input.to.value(), input.first.value());
    follower->on_send_dropped(input.first, input.last);
    replicate_to(*follower);
  }
}

void MultiPaxosCore::handle(const PeerUp& input) {
  const bool is_new_life = links_.on_up(input);
  if (Follower* follower = lead_ ? find_follower(input.node) : nullptr; follower != nullptr) {
    if (is_new_life) {
      trace(Branch::follower_restarted, input.node.value());
      follower->on_restarted(chosen_);
    }
    follower->resume();
    replicate_to(*follower);
    send_heartbeats(true);  // so that it knows whom to follow and what to ask for
  }
  if (is_preparing()) {
    ask_promises(true);
  }
  hasten_when_connected();
}

void MultiPaxosCore::handle(const PeerDown& input) {
  if (links_.on_down(input)) {
    hasten_after_peer_down(input.node);
  }
}

// ---- messages -------------------------------------------------------------------------------------------

bool MultiPaxosCore::admit(NodeId from, const Message& message) {
  const Tag ballot = std::visit([](const auto& one) { return one.ballot; }, message);
  if (Ballot::of(ballot).round >= Ballot::kMaxRound) {
    trace(Branch::malformed_message, from.value());
    return false;
  }
  if (std::holds_alternative<Inquiry>(message) || std::holds_alternative<Prepare>(message)) {
    if (Ballot::of(ballot).member != number_of(from)) {
      trace(Branch::unexpected_proposer, from.value(), Ballot::of(ballot).round);
      return false;
    }
    return true;  // their handlers decide about the ballot: a question alone must not depose a leader that lives
  }
  if (std::holds_alternative<Accept>(message) || std::holds_alternative<Decide>(message) ||
      std::holds_alternative<Heartbeat>(message) || std::holds_alternative<CampaignNow>(message)) {
    return admit_leaders_word(from, message);
  }
  if (ballot > state_.promised) {
    adopt_ballot(ballot, NodeId(), RoleCause::higher_message);
    return true;
  }
  const bool is_of_this_ballot_only =
      std::holds_alternative<Promise>(message) || std::holds_alternative<PromisedRun>(message) ||
      std::holds_alternative<HeartbeatAnswer>(message) || std::holds_alternative<Noted>(message) ||
      (std::holds_alternative<Accepted>(message) && !QUORATE_PLANT(ack_of_older_ballot_counted));
  if (is_of_this_ballot_only && ballot != state_.promised) {
    trace(Branch::stale_message_ignored, from.value(), Ballot::of(ballot).round);
    return false;
  }
  return true;
}

/// A leader of an old ballot must learn that it is one, even if nobody else proposes: else a node that has once
/// promised more could never be led again.
bool MultiPaxosCore::admit_leaders_word(NodeId from, const Message& message) {
  const Tag ballot = std::visit([](const auto& one) { return one.ballot; }, message);
  if (Ballot::of(ballot).member != number_of(from)) {
    trace(Branch::unexpected_proposer, from.value(), Ballot::of(ballot).round);
    return false;
  }
  if (ballot > state_.promised) {
    adopt_ballot(ballot, from, RoleCause::higher_message);
    return true;
  }
  if (ballot == state_.promised || (std::holds_alternative<Accept>(message) && QUORATE_PLANT(accept_below_promise))) {
    return true;
  }
  if (std::holds_alternative<Accept>(message) || std::holds_alternative<Heartbeat>(message)) {
    trace(Branch::accept_refused, from.value(), Ballot::of(ballot).round);
    send(from, Refused{.ballot = state_.promised, .asked = ballot});
  } else {
    trace(Branch::stale_message_ignored, from.value(), Ballot::of(ballot).round);
  }
  return false;
}

// ---- effects --------------------------------------------------------------------------------------------

void MultiPaxosCore::trace(Branch branch, std::uint64_t a, std::uint64_t b) {
  emit(Trace{{.name = name_of(branch), .a = a, .b = b}});
}

void MultiPaxosCore::write_state() {
  log_.forget_votes(noted_);
  state_.votes = log_.votes().runs();
  output_.write_state(encode(state_));
  state_.votes.clear();
}

/// A leader that gives up its vote notes that last: until the others have noted it, it must not forget that it decides.
void MultiPaxosCore::write_note() {
  const Position decided = lead_ && lead_->change && !coming_membership().is_voter(config_.self) ? commit_ : chosen_;
  if (noted_written_ >= decided) {
    return;
  }
  trace(Branch::decided_noted, decided.value());
  noted_written_ = decided;
  output_.write().emplace_back(SetCell{Buffer::copy_of(kDecidedCell), encode_decided(decided)});
  notes_.push_back({output_.issued(), decided});
}

void MultiPaxosCore::send(NodeId to, const Message& message, Io after) {
  output_.send(to, encode(message), std::nullopt, after);
}

// ---- small questions ------------------------------------------------------------------------------------

std::size_t MultiPaxosCore::needed(Phase phase, std::size_t voters) const {
  if (phase == Phase::one && QUORATE_PLANT(quorums_do_not_intersect)) {
    return 1;
  }
  return phase == Phase::one ? config_.quorum_sizes.phase_1_of(voters) : config_.quorum_sizes.phase_2_of(voters);
}

}  // namespace quorate::multipaxos
