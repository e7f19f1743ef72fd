#pragma once
// The interesting branches of the protocol: each has a name, emitted as a Trace effect, and counted by the simulator.
//
// Invariant: kBranchNames has one name per Branch, in the same order.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quorate::raft {

/// In comments: the numbers of the event, a and b, where it has any. "Term" is the node's own unless said otherwise.
enum class Branch : std::uint8_t {
  // elections
  pre_vote_started,               ///< a: term
  pre_vote_granted,               ///< to a; b: the term asked for
  pre_vote_refused_leader_alive,  ///< to a
  pre_vote_refused_log_behind,    ///< to a
  pre_vote_refused_old_term,      ///< to a, asking for term b
  pre_vote_lost,                  ///< a: term
  campaign_started,               ///< a: new term
  vote_granted,                   ///< to a, in term b
  vote_repeated,                  ///< to a again, in term b (R-20)
  vote_refused_already_voted,     ///< to a, in term b
  vote_refused_log_behind,        ///< to a, in term b
  vote_ignored_leader_alive,      ///< of a, in its term b
  stale_vote_ignored,             ///< from a, of its term b
  split_vote_retried,             ///< a: term
  leader_elected,                 ///< a: term
  higher_term_adopted,            ///< a: the old term, b: the new one
  leader_silent,                  ///< a: the leader
  peer_down_hastens_election,     ///< a: the leader
  connected_hastens_election,     ///< a: term
  quorum_lost,                    ///< the leader steps down; a: term
  deposed_leader_told,            ///< a: the sender of an old term, b: its term
  // replication
  append_rejected_missing,   ///< follower: a: the leader's previous position, b: own last one
  append_rejected_conflict,  ///< follower: a: the leader's previous position, b: own tag there
  entries_already_there,     ///< follower: a: how many entries were not written again (R-10)
  conflict_truncated,        ///< follower: from position a; b: the own last one
  reject_repairs,            ///< leader: of follower a, next is now b
  late_reject_ignored,       ///< leader: of follower a, of position b (R-19)
  late_ack_ignored,          ///< leader: of follower a, of position b (R-07)
  probe_to_replicate,        ///< leader: follower a, match b
  window_full,               ///< leader: follower a, next b
  stalled_follower_probed,   ///< leader: follower a, next b
  send_dropped,              ///< leader: follower a, from position b on
  follower_restarted,        ///< leader: follower a, match before b
  commit_notice_sent,        ///< leader: position a
  commit_notice_delayed,     ///< leader: position a; it waits for a message to ride on
  commit_before_own_write,   ///< leader: position a, own durable position b
  older_term_not_committed,  ///< leader: position a of term b has a majority and waits (figure 8)
  stale_message_ignored,     ///< from a, of its term b
  proposals_refused,         ///< a: how many; not leader, or transferring
  // snapshots
  log_discarded,            ///< up to position a
  follower_needs_snapshot,  ///< leader: follower a, whose log ends before own log's begin b
  snapshot_delivered,       ///< leader: to a, up to position b
  snapshot_not_delivered,   ///< leader: to a
  snapshot_offer_declined,  ///< of position a; own commit b
  snapshot_asked_for,       ///< from a, up to position b
  snapshot_adopted,         ///< up to position a; own last one before b
  // reads
  read_round_started,       ///< a: round, b: position
  read_waits_for_own_term,  ///< a: term (L-02)
  read_waits_for_round,     ///< a: the round that is under way
  read_forwarded,           ///< to leader a, number b
  read_resent,              ///< to leader a, number b
  reads_dropped,            ///< a: how many; the leader or the role changed
  // transfer of leadership
  transfer_started,    ///< to a
  transfer_waits,      ///< for a to catch up from match b
  transfer_given_up,   ///< to a
  timeout_now_obeyed,  ///< a: term
  // membership
  reconfiguration_refused,  ///< a: ReconfigureRefusal
  joint_state_entered,      ///< leader: at position a
  joint_state_left,         ///< leader: at position a
  member_left,              ///< leader: a, with match b; it gets nothing more
  removed_leader_retires,   ///< a: term
  membership_adopted,       ///< a: position
  membership_rolled_back,   ///< a: position of the one that is gone
  // a damaged disk
  damaged_waits_for_leader,  ///< in term a: it does not campaign
  vote_refused_damaged,      ///< to a, in term b: it does not know what it has promised
  terms_asked,               ///< of a voters
  term_told,                 ///< by a: b
  damage_repaired,           ///< up to position a
  follower_uncounted,        ///< leader: a has lost what it promised
  follower_counts_again,     ///< leader: a, with match b

  // What follows needs a malformed message, a log whose end is in doubt, a runtime that asks to discard what is not
  // committed, or a log and a snapshot that reach a follower in the same moment.
  late_snapshot_outcome_ignored,  ///< leader: of a
  snapshot_outrun_by_log,         ///< of position a; own commit b
  malformed_message,              ///< from a, of b bytes
  unexpected_leader,              ///< a claims to lead term b, which has another leader
  append_conflicts_with_commit,   ///< position a
  uncertain_tail_settled,         ///< a: last position
  vote_granted_conditionally,     ///< to a, in term b: own log's end is uncertain
  elected_unanimously,            ///< a: term; some voters' log ends are uncertain
  too_many_reads,                 ///< a: how many wait
  stale_read_answer,              ///< from a, number b
  membership_from_snapshot,       ///< a: position
  own_disk_hangs,                 ///< leader: write a is not durable; it hands over (R-29)
  discard_refused,                ///< up to position a: not committed, or not in the log
  count_of_branches,
};

inline constexpr Branch kFirstRareBranch = Branch::late_snapshot_outcome_ignored;
inline constexpr std::size_t kBranchCount = static_cast<std::size_t>(Branch::count_of_branches);

inline constexpr std::array<std::string_view, kBranchCount> kBranchNames = {
    "raft.pre_vote_started",
    "raft.pre_vote_granted",
    "raft.pre_vote_refused_leader_alive",
    "raft.pre_vote_refused_log_behind",
    "raft.pre_vote_refused_old_term",
    "raft.pre_vote_lost",
    "raft.campaign_started",
    "raft.vote_granted",
    "raft.vote_repeated",
    "raft.vote_refused_already_voted",
    "raft.vote_refused_log_behind",
    "raft.vote_ignored_leader_alive",
    "raft.stale_vote_ignored",
    "raft.split_vote_retried",
    "raft.leader_elected",
    "raft.higher_term_adopted",
    "raft.leader_silent",
    "raft.peer_down_hastens_election",
    "raft.connected_hastens_election",
    "raft.quorum_lost",
    "raft.deposed_leader_told",
    "raft.append_rejected_missing",
    "raft.append_rejected_conflict",
    "raft.entries_already_there",
    "raft.conflict_truncated",
    "raft.reject_repairs",
    "raft.late_reject_ignored",
    "raft.late_ack_ignored",
    "raft.probe_to_replicate",
    "raft.window_full",
    "raft.stalled_follower_probed",
    "raft.send_dropped",
    "raft.follower_restarted",
    "raft.commit_notice_sent",
    "raft.commit_notice_delayed",
    "raft.commit_before_own_write",
    "raft.older_term_not_committed",
    "raft.stale_message_ignored",
    "raft.proposals_refused",
    "raft.log_discarded",
    "raft.follower_needs_snapshot",
    "raft.snapshot_delivered",
    "raft.snapshot_not_delivered",
    "raft.snapshot_offer_declined",
    "raft.snapshot_asked_for",
    "raft.snapshot_adopted",
    "raft.read_round_started",
    "raft.read_waits_for_own_term",
    "raft.read_waits_for_round",
    "raft.read_forwarded",
    "raft.read_resent",
    "raft.reads_dropped",
    "raft.transfer_started",
    "raft.transfer_waits",
    "raft.transfer_given_up",
    "raft.timeout_now_obeyed",
    "raft.reconfiguration_refused",
    "raft.joint_state_entered",
    "raft.joint_state_left",
    "raft.member_left",
    "raft.removed_leader_retires",
    "raft.membership_adopted",
    "raft.membership_rolled_back",
    "raft.damaged_waits_for_leader",
    "raft.vote_refused_damaged",
    "raft.terms_asked",
    "raft.term_told",
    "raft.damage_repaired",
    "raft.follower_uncounted",
    "raft.follower_counts_again",
    "raft.late_snapshot_outcome_ignored",
    "raft.snapshot_outrun_by_log",
    "raft.malformed_message",
    "raft.unexpected_leader",
    "raft.append_conflicts_with_commit",
    "raft.uncertain_tail_settled",
    "raft.vote_granted_conditionally",
    "raft.elected_unanimously",
    "raft.too_many_reads",
    "raft.stale_read_answer",
    "raft.membership_from_snapshot",
    "raft.own_disk_hangs",
    "raft.discard_refused",
};
static_assert(!kBranchNames.back().empty(), "one name per branch");

[[nodiscard]] constexpr std::string_view name_of(Branch branch) {
  return kBranchNames[static_cast<std::size_t>(branch)];
}

}  // namespace quorate::raft
