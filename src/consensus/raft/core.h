#pragma once
// One replica of one Raft group.
//
// Invariants: 1. term and vote are durable before a message reveals them: every Send waits for it (StepOutput).
//             2. a follower acknowledges only what one append covered and what is durable.
//             3. entries that equal the leader's are never cut off; nothing at or below `verified_` is.
//             4. a leader counts itself only for what Persisted has confirmed, and commits only entries of its own term
//                by counting (paper 5.4.2). 5. `commit_` never falls. 6. at most one Persist per step.
// Paper: figure 2; thesis: 3.10 (transfer), 6.4 (reads), 9.6 (pre-vote), 10.2.1 (parallel writes).
// Thesis 4: membership. Lives on its group's loop. Files: core.cc (door), election.cc, follower.cc, replication.cc,
// reads.cc, membership.cc, snapshot.cc, transfer.cc, repair.cc.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "consensus/contract/core.h"
#include "consensus/contract/links.h"
#include "consensus/contract/membership_history.h"
#include "consensus/contract/reads.h"
#include "consensus/contract/step_output.h"
#include "consensus/raft/branches.h"
#include "consensus/raft/hard_state.h"
#include "consensus/raft/log_view.h"
#include "consensus/raft/roles.h"
#include "consensus/raft/state.h"
#include "consensus/raft/wire.h"
#include "quorum/quorum.h"

namespace quorate::raft {

class RaftCore final : public consensus::Core {
 public:
  RaftCore(const consensus::CoreConfig& config, consensus::PersistedState&& state);

  void step(Instant now, const consensus::Input& input) override;
  void take_effects(std::vector<consensus::Effect>& out) override;
  [[nodiscard]] consensus::CoreStatus status() const override;
  [[nodiscard]] std::vector<consensus::MemberProgress> progress() const override;
  [[nodiscard]] std::unique_ptr<consensus::Core> clone() const override;
  void hash_into(Hasher& hasher) const override;

 private:
  using Entries = std::span<const consensus::Entry>;

  /// How sure a follower is that its leader lives. While `fresh` it votes for nobody else (thesis 4.2.3).
  enum class LeaderSign : std::uint8_t { none, fresh, silent };

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

  // ---- core.cc: messages. False from admit: the message is stale or must not touch the term.
  [[nodiscard]] bool admit(NodeId from, const Message& message);
  void tell_deposed_leader(NodeId from, const Message& message);

  // ---- core.cc: effects
  void emit(consensus::Effect effect) { output_.emit(std::move(effect)); }
  void trace(Branch branch, std::uint64_t a = 0, std::uint64_t b = 0);
  void write_state();
  /// Sends once `after` and the hard state are durable.
  void send(NodeId to, const Message& message, Io after = {});

  // ---- election.cc
  void on_election_timer();
  void hear_leader();
  void expect_leader(LeaderSign sign);
  void campaign();
  void become_pre_candidate();
  void become_candidate(bool by_transfer);
  void become_follower(NodeId leader, RoleCause cause);
  void become_leader();
  void adopt_term(Tag term, NodeId leader, RoleCause cause);
  void change_role(consensus::Role role, NodeId leader, RoleCause cause);
  void ask_for_votes(const Message& question, Io after = {});
  void count_vote(NodeId from, bool granted, bool conditional);
  void check_campaign();
  void count_own_vote();
  void retry_split_vote();
  void hasten_after_peer_down(NodeId node);
  void hasten_when_connected();
  [[nodiscard]] bool trusts_leader() const;
  [[nodiscard]] bool is_up_to_date(const EntryId& last) const;
  void on(NodeId from, const PreVoteRequest& message);
  void on(NodeId from, const PreVoteResponse& message);
  void on(NodeId from, const VoteRequest& message);
  void on(NodeId from, const VoteResponse& message);

  // ---- follower.cc
  [[nodiscard]] bool follow(NodeId from);
  void on(NodeId from, const Append& message, Entries entries);
  void on(NodeId from, const Heartbeat& message);
  void on(NodeId from, const CommitNotice& message);
  void reject_append(NodeId from, EntryId previous);
  [[nodiscard]] bool are_plausible(const Append& message, Entries entries) const;
  /// Writes what of `entries` is not there yet. False: they contradict what is committed.
  [[nodiscard]] bool store(Entries entries);
  void settle_tail(Position leader_commit);
  void learn_commit(Position leader_commit);
  void truncate_from(Position position);
  void adopt_configuration(const consensus::Entry& entry);
  void set_commit(Position position);

  // ---- replication.cc
  void append_own(std::span<const consensus::Proposal> batch);
  void append_noop();
  void finish_own_append();
  /// Sends what the window allows. `even_empty`: at least one append, to learn where the follower is.
  void replicate_to(Progress& follower, bool even_empty = false);
  void send_append(Progress& follower);
  [[nodiscard]] const Buffer& encoded_append(EntryId previous);
  void advance_commit();
  /// `is_due`: what waited for a message to ride on has waited long enough.
  void send_commit_notices(Position due);
  void arm_notice();
  void on_notice_timer();
  void start_heartbeats();
  void on_heartbeat_timer();
  void send_heartbeats(bool regular);
  /// False: nobody answers, the leader has stepped down.
  [[nodiscard]] bool check_quorum();
  /// What every member has, as far as this leader knows.
  [[nodiscard]] Position lowest_match() const;
  [[nodiscard]] Progress* find_follower(NodeId node);
  [[nodiscard]] const Progress* find_follower(NodeId node) const;
  void on(NodeId from, const AppendAccepted& message);
  void on(NodeId from, const AppendRejected& message);
  void on(NodeId from, const HeartbeatResponse& message);

  // ---- reads.cc
  void read_at_leader(consensus::ReadQueue::Read read);
  void begin_read_round();
  void mark_reads_begun();
  void confirm_round();
  void serve_confirmed_reads();
  void serve(const consensus::ReadQueue::Read& read);
  void drop_reads();
  void resend_reads();
  void on(NodeId from, const ReadRequest& message);
  void on(NodeId from, const ReadResponse& message);
  [[nodiscard]] bool has_committed_in_own_term() const;

  // ---- membership.cc
  [[nodiscard]] consensus::ReconfigureRefusal why_not_reconfigure(const consensus::Membership& target) const;
  [[nodiscard]] bool is_ready_to_vote(NodeId node) const;
  [[nodiscard]] bool can_commit_among(const std::vector<NodeId>& voters) const;
  [[nodiscard]] bool may_campaign() const;
  void append_membership(consensus::Membership next, std::vector<consensus::Contact> contacts);
  void follow_new_members();
  void follow_up_on_membership();
  void part_with_removed_members();
  void use_membership(RoleCause cause);
  // ---- snapshot.cc
  void send_snapshot(Progress& follower);
  /// True if the log makes a snapshot of everything up to `id` needless: it is committed here, or can be at once.
  [[nodiscard]] bool has_all_of(const EntryId& id);

  // ---- transfer.cc
  void begin_transfer(NodeId to);
  /// Of the other voters whose link is not known to be down, the one that has most of the log; else any; none if alone.
  [[nodiscard]] NodeId furthest_voter() const;
  /// A leader that does not vote any more has handed over, or could not.
  void retire_if_removed();
  void try_transfer();
  void on_transfer_tick();
  void watch_own_disk();
  void on(NodeId from, const TimeoutNow& message);

  // ---- repair.cc
  [[nodiscard]] bool is_damaged() const { return loss_.kind != consensus::Loss::Kind::none; }
  /// False: what it has promised is lost, so it promises nothing and counts for nothing.
  [[nodiscard]] bool vouches() const;
  void take_loss(const consensus::Loss& loss);
  void ask_for_terms();
  void on_retry_timer();
  void note_term_told(NodeId from, const Message& message);
  [[nodiscard]] bool knows_all_terms() const;
  [[nodiscard]] std::vector<NodeId> possible_voters() const;
  void check_repaired();
  /// Leader: what a follower says of itself. True: it counts from now on.
  [[nodiscard]] bool note_whether_it_counts(Progress& follower, bool uncounted);

  // ---- small questions
  [[nodiscard]] bool is_leader() const { return role_ == consensus::Role::leader; }
  [[nodiscard]] const consensus::Membership& membership() const { return memberships_.current(); }
  [[nodiscard]] quorum::Voters voters() const { return {membership().voters, membership().outgoing_voters}; }
  [[nodiscard]] bool is_voter() const { return membership().is_voter(config_.self); }
  [[nodiscard]] bool is_sole_voter() const;
  [[nodiscard]] std::uint64_t ticks_per_election_timeout() const {
    return consensus::heartbeats_per_election_timeout(config_);
  }

  // ---- configuration
  consensus::CoreConfig config_;

  // ---- durable, as far as written (see output_ and log_io_)
  HardState hard_;
  LogView log_;
  consensus::MembershipHistory memberships_;

  // ---- writes
  Io log_io_;  ///< the last write of entries: an acknowledgement waits for it

  // ---- volatile, in every role
  consensus::Role role_ = consensus::Role::follower;
  NodeId leader_;
  LeaderSign leader_sign_ = LeaderSign::none;
  bool heard_any_leader_ = false;  ///< in this life
  Position commit_;
  /// Everything up to here equals the log of the current term's leader (at least commit_): what a follower may take a
  /// commit for, and must not cut off.
  Position verified_;
  Position everywhere_;
  /// The log's end was damaged: no firm vote until a leader has confirmed it. Cleared for good by the first.
  bool uncertain_tail_ = false;
  consensus::Links links_;

  // ---- while a damaged log is being made good (repair.cc)
  consensus::Loss loss_;
  Position leader_commit_;          ///< the highest that the leader of this term has told
  std::vector<NodeId> terms_told_;  ///< who has told its term in this life

  // ---- volatile, in one role
  std::optional<Campaign> campaign_;
  std::optional<Leadership> lead_;
  consensus::ForwardedReads forwarded_;

  // ---- this step's effects
  consensus::StepOutput output_;
};

}  // namespace quorate::raft
