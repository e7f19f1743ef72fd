#pragma once
// One replica of one Multi-Paxos group: acceptor, learner, and at times the distinguished proposer.
//
// Invariants: 1. a promise is durable before a message reveals it: every Send waits for it (StepOutput) (P-01).
//             2. nothing is accepted below the promised ballot; an acceptance is told only when it is durable.
//             3. a proposer proposes at a slot what phase 1 found accepted in the highest ballot, and something of its
//             own
//                only where nothing was found (P-03). One value per slot and ballot.
//             4. slots are chosen in any order; `chosen_` is the prefix that is known to be, and `commit_` follows it,
//                held back only by a change of the membership until that is noted. Neither falls.
//             5. behind a change of the membership nothing is proposed before it is committed (P-07).
//             6. at most one Persist per step.
// Lamport, "Paxos Made Simple"; Chandra and others, "Paxos Made Live". Lives on its group's loop. Files: core.cc
// (door), election.cc, proposer.cc (phase 1), acceptor.cc, leader.cc (phase 2), learner.cc, reads.cc, membership.cc,
// snapshot.cc, transfer.cc.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/fifo.h"
#include "consensus/contract/core.h"
#include "consensus/contract/links.h"
#include "consensus/contract/membership_history.h"
#include "consensus/contract/reads.h"
#include "consensus/contract/step_output.h"
#include "consensus/multipaxos/acceptor_state.h"
#include "consensus/multipaxos/ballot.h"
#include "consensus/multipaxos/branches.h"
#include "consensus/multipaxos/roles.h"
#include "consensus/multipaxos/slot_log.h"
#include "consensus/multipaxos/state.h"
#include "consensus/multipaxos/wire.h"
#include "quorum/quorum.h"

namespace quorate::multipaxos {

class MultiPaxosCore final : public consensus::Core {
 public:
  MultiPaxosCore(const consensus::CoreConfig& config, consensus::PersistedState&& state);

  void step(Instant now, const consensus::Input& input) override;
  void take_effects(std::vector<consensus::Effect>& out) override;
  [[nodiscard]] consensus::CoreStatus status() const override;
  [[nodiscard]] std::vector<consensus::MemberProgress> progress() const override;
  [[nodiscard]] std::unique_ptr<consensus::Core> clone() const override;
  void hash_into(Hasher& hasher) const override;

 private:
  using Entries = std::span<const consensus::Entry>;

  /// How sure a follower is that its leader lives. While `fresh` it promises nobody else anything.
  enum class LeaderSign : std::uint8_t { none, fresh, silent };
  enum class Phase : std::uint8_t { one, two };

  // ---- core.cc: inputs
  void handle(const consensus::TimerFired& input);
  void handle(const consensus::Receive& input);
  void handle(const consensus::Propose& input);
  void handle(const consensus::Reconfigure& input);
  void handle(const consensus::TransferLeadership& input);
  void handle(const consensus::Read& input);
  void handle(const consensus::Persisted& input);
  void handle(const consensus::Applied& input);
  void handle(const consensus::SnapshotTaken& input);
  void handle(const consensus::SnapshotOffered& input);
  void handle(const consensus::SnapshotReceived& input);
  void handle(const consensus::SnapshotSent& input);
  void handle(const consensus::SendDropped& input);
  void handle(const consensus::PeerUp& input);
  void handle(const consensus::PeerDown& input);

  // ---- core.cc: messages. False from admit: the message is stale, or not its sender's to send.
  [[nodiscard]] bool admit(NodeId from, const Message& message);
  [[nodiscard]] bool admit_leaders_word(NodeId from, const Message& message);

  // ---- core.cc: effects
  void emit(consensus::Effect effect) { output_.emit(std::move(effect)); }
  void trace(Branch branch, std::uint64_t a = 0, std::uint64_t b = 0);
  void write_state();
  /// Writes how far the slots are decided.
  void write_note();
  /// Sends once `after` and the promise are durable.
  void send(NodeId to, const Message& message, Io after = {});

  // ---- election.cc
  void on_election_timer();
  void hear_leader();
  void expect_leader(LeaderSign sign);
  void inquire();
  void become_follower(NodeId leader, RoleCause cause);
  void adopt_ballot(Tag ballot, NodeId leader, RoleCause cause);
  void change_role(consensus::Role role, NodeId leader, RoleCause cause);
  void check_inquiry();
  void hasten_after_peer_down(NodeId node);
  void hasten_when_connected();
  [[nodiscard]] bool trusts_leader() const;
  void on(NodeId from, const Inquiry& message);
  void on(NodeId from, const InquiryAnswer& message);

  // ---- proposer.cc
  void prepare(bool by_transfer);
  void begin_phase_1();
  void ask_promises(bool again);
  [[nodiscard]] Promiser& promiser_of(NodeId node);
  [[nodiscard]] bool is_complete(const Promiser& promiser) const;
  [[nodiscard]] bool has_promised(NodeId node, bool firmly) const;
  void check_phase_1();
  [[nodiscard]] bool learn_what_promisers_know();
  void lead();
  void propose_found();
  void on_retry_timer();
  [[nodiscard]] bool is_preparing() const { return campaign_ && role_ == consensus::Role::candidate; }
  void on(NodeId from, const Promise& message);
  void on(NodeId from, const PromisedRun& message, Entries entries);
  void on(NodeId from, const Refused& message);

  // ---- acceptor.cc
  /// Takes `from` for the leader of the promised ballot. False: it cannot be.
  [[nodiscard]] bool follow(NodeId from);
  void on(NodeId from, const Prepare& message);
  void promise(NodeId to, Position first);
  void on(NodeId from, const Accept& message, Entries entries);
  [[nodiscard]] bool are_plausible(Position first, Entries entries, Tag highest) const;
  /// Writes what of `entries` is not accepted yet. False: another value was accepted in the same ballot.
  [[nodiscard]] bool accept(Entries entries, Tag tag);
  void put(const consensus::Entry& entry);
  void take_change(const consensus::Entry& entry);
  void settle_tail(Position own_from);

  // ---- leader.cc
  void place(std::span<const consensus::Proposal> batch);
  void place_waiting();
  [[nodiscard]] std::size_t room_ahead() const;
  void finish_own_write(Position first, Position last);
  void replicate_to(Follower& follower);
  [[nodiscard]] const Buffer& encoded_accept(Tag tag, Position decided);
  void advance_chosen();
  [[nodiscard]] Position chosen_until(Position slot, std::span<const NodeId> voters) const;
  void trace_out_of_order(Position first);
  [[nodiscard]] Position decided_for(const Follower& follower) const;
  void send_decided(Position due);
  void arm_notice();
  void on_notice_timer();
  void start_heartbeats();
  void on_heartbeat_timer();
  void send_heartbeats(bool regular);
  [[nodiscard]] bool check_quorum();
  [[nodiscard]] Position lowest_noted() const;
  [[nodiscard]] Follower* find_follower(NodeId node);
  [[nodiscard]] const Follower* find_follower(NodeId node) const;
  void on(NodeId from, const Accepted& message);
  void on(NodeId from, const HeartbeatAnswer& message);
  void on(NodeId from, const Noted& message);

  // ---- learner.cc
  void on(NodeId from, const Decide& message);
  void on(NodeId from, const Heartbeat& message);
  void learn_watermark(Position decided);
  void advance_commit();
  void set_commit(Position position);
  void ask_decided(NodeId node, Position target);
  void go_on_learning();
  /// At regular intervals: asks for what is decided and not here; again if no answer came.
  void keep_learning();
  void note_when_idle();
  [[nodiscard]] Position decided_told_to(NodeId node) const;
  void on(NodeId from, const LearnRequest& message);
  void on(NodeId from, const Learned& message, Entries entries);
  void on(NodeId from, const Confirmed& message);

  // ---- reads.cc
  void read_at_leader(consensus::ReadQueue::Read read);
  void begin_read_round();
  void confirm_round();
  void serve_confirmed_reads();
  void serve(const consensus::ReadQueue::Read& read);
  void drop_reads();
  void resend_reads();
  void on(NodeId from, const ReadRequest& message);
  void on(NodeId from, const ReadAnswer& message);
  [[nodiscard]] bool has_committed_own() const;

  // ---- membership.cc
  [[nodiscard]] consensus::ReconfigureRefusal why_not_reconfigure(const consensus::Membership& target) const;
  [[nodiscard]] bool quorums_fit(const consensus::Membership& membership) const;
  [[nodiscard]] bool are_numbers_distinct(const consensus::Membership& target) const;
  [[nodiscard]] bool is_ready_to_vote(NodeId node) const;
  [[nodiscard]] bool may_commit_change(Position slot) const;
  void adopt_changes(Position before);
  void use_membership();
  void follow_members();
  void part_with_removed_members();
  /// What this leader changes the group to; else what is in force.
  [[nodiscard]] const consensus::Membership& coming_membership() const;

  // ---- snapshot.cc
  void send_snapshot(NodeId to, Position asked);

  // ---- transfer.cc
  void begin_transfer(NodeId to);
  /// So many voters' links are not known to be down that one of them can pass phase 1.
  [[nodiscard]] bool can_be_succeeded() const;
  /// Of the other voters whose link is not known to be down, the one that has most; else any; none if alone.
  [[nodiscard]] NodeId furthest_voter() const;
  void try_transfer();
  void on_transfer_tick();
  void watch_own_disk();
  void on(NodeId from, const CampaignNow& message);

  // ---- small questions
  [[nodiscard]] bool is_leader() const { return role_ == consensus::Role::leader; }
  [[nodiscard]] const consensus::Membership& membership() const { return memberships_.current(); }
  [[nodiscard]] std::span<const NodeId> voters() const { return membership().voters; }
  [[nodiscard]] bool is_voter() const { return membership().is_voter(config_.self); }
  [[nodiscard]] bool is_sole_voter() const { return is_voter() && voters().size() == 1; }
  /// The log was damaged: promises and acceptances may be lost (P-06).
  [[nodiscard]] bool is_damaged() const { return loss_.kind != consensus::Loss::Kind::none; }
  [[nodiscard]] bool is_uncertain() const { return uncertain_tail_ || is_damaged(); }
  void trust_own_log() {
    uncertain_tail_ = false;
    loss_ = {};
  }
  /// How many of `voters` make a quorum of the phase.
  [[nodiscard]] std::size_t needed(Phase phase, std::size_t voters) const;
  [[nodiscard]] std::uint64_t round() const { return Ballot::of(state_.promised).round; }

  // ---- configuration
  consensus::CoreConfig config_;

  // ---- durable, as far as written (see output_ and log_io_)
  AcceptorState state_;  ///< its votes stand in log_
  SlotLog log_;
  consensus::MembershipHistory memberships_;   ///< committed ones
  std::map<Position, PendingChange> changes_;  ///< accepted, behind commit_
  Position noted_;                             ///< durably noted to be decided up to here
  Position noted_written_;
  Fifo<OwnNote> notes_;

  // ---- writes
  Io log_io_;  ///< the last write of slots: an acceptance waits for it

  // ---- volatile, in every role
  consensus::Role role_ = consensus::Role::follower;
  NodeId leader_;
  LeaderSign leader_sign_ = LeaderSign::none;
  bool heard_any_leader_ = false;  ///< in this life
  Position chosen_;
  Position commit_;
  Position watermark_;  ///< so far the promised ballot's leader knows the slots to be decided
  Position everywhere_;
  Position idle_at_;             ///< chosen_ at the last regular heartbeat
  bool uncertain_tail_ = false;  ///< PersistedState::uncertain_tail
  consensus::Loss loss_;         ///< PersistedState::loss
  std::optional<Learning> learning_;
  std::vector<NodeId> snapshots_to_;  ///< under way
  consensus::Links links_;

  // ---- volatile, in one role
  std::optional<Campaign> campaign_;
  std::optional<Leadership> lead_;
  consensus::ForwardedReads forwarded_;

  // ---- this step's effects
  consensus::StepOutput output_;
};

}  // namespace quorate::multipaxos
