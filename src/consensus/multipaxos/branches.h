#pragma once
// The interesting branches of the protocol: each has a name, emitted as a Trace effect, and counted by the simulator.
//
// Invariant: kBranchNames has one name per Branch, in the same order.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quorate::multipaxos {

/// In comments: the numbers of the event, a and b, where it has any. "Round" is that of the ballot.
enum class Branch : std::uint8_t {
  // who proposes
  inquiry_started,               ///< a: round asked for
  inquiry_granted,               ///< to a; b: round
  inquiry_refused_leader_alive,  ///< to a
  inquiry_refused_old_ballot,    ///< to a; b: round
  inquiry_lost,                  ///< a: round
  prepare_started,               ///< a: round, b: first slot
  promise_given,                 ///< to a; b: round
  promise_repeated,              ///< to a; b: round
  prepare_refused,               ///< to a; b: round
  prepare_ignored_leader_alive,  ///< of a; b: round
  promise_late,                  ///< from a; b: round
  promise_asked_again,           ///< a: of whom, b: from which slot on
  promise_lacks_decided,         ///< a: of whom it learns, b: up to which slot
  refusal_heard,                 ///< from a; b: round of the refused ballot
  duel_lost,                     ///< during phase 1 a higher ballot was met; a: own round, b: the other (P-04)
  proposer_elected,              ///< a: round, b: first slot
  value_adopted,                 ///< at slot a; b: round in which it was accepted (P-03)
  gap_filled,                    ///< at slot a, by a no-op
  ballot_adopted,                ///< a: old round, b: new one
  pre_empted,                    ///< the leader has met a higher ballot; a: own round, b: the other
  leader_silent,                 ///< a: the leader
  peer_down_hastens_election,    ///< a: the leader
  connected_hastens_election,    ///< a: round
  quorum_lost,                   ///< the leader steps down; a: round
  // values
  slots_already_accepted,   ///< acceptor: from slot a on (P-05)
  accepted_behind_hole,     ///< acceptor: slot a; b: last one without a hole before
  accept_refused,           ///< acceptor: of a; b: round (P-05)
  accepted_value_replaced,  ///< acceptor: at slot a
  chosen_out_of_order,      ///< leader: slot a, while b is open
  chosen_before_own_write,  ///< leader: up to slot a
  late_acceptance_ignored,  ///< leader: of a, from slot b on
  window_full,              ///< leader: follower a, next slot b
  stalled_follower_resent,  ///< leader: follower a, from slot b on
  send_dropped,             ///< leader: follower a, from slot b on
  follower_restarted,       ///< leader: follower a
  decide_sent,              ///< leader: up to slot a
  decide_delayed,           ///< leader: up to slot a; it waits for a message to ride on
  stale_message_ignored,    ///< from a; b: round
  proposals_refused,        ///< a: how many
  // catching up
  learn_requested,      ///< of a, from slot b on
  learn_repeated,       ///< of a, from slot b on
  learned,              ///< up to slot a
  learnt_by_tag,        ///< up to slot a: what was accepted is what was decided
  learn_not_continued,  ///< from a: begins with slot b, which is not the next
  decided_noted,        ///< a: up to slot
  // snapshots
  log_discarded,            ///< up to slot a
  member_needs_snapshot,    ///< a, which asked from slot b on
  snapshot_delivered,       ///< to a, up to slot b
  snapshot_not_delivered,   ///< to a
  snapshot_offer_declined,  ///< of slot a; own b
  snapshot_asked_for,       ///< of a, up to slot b
  snapshot_adopted,         ///< up to slot a; own last one before b
  // reads
  read_round_started,    ///< a: round, b: position
  read_waits_for_own,    ///< a: round of the ballot (L-02)
  read_waits_for_round,  ///< a: the round that is under way
  read_forwarded,        ///< to leader a, number b
  read_resent,           ///< to leader a, number b
  reads_dropped,         ///< a: how many
  // handing over
  transfer_started,      ///< to a
  transfer_waits,        ///< for a, which has all up to b
  transfer_given_up,     ///< to a
  campaign_by_transfer,  ///< a: round

  // What follows needs a malformed message, a damaged disk, a membership that changes, a runtime that asks to discard
  // what is not committed, or a rare race.
  ahead_limit_reached,            ///< leader: last slot a; b: decided (P-07)
  slots_kept_behind_snapshot,     ///< a: snapshot's slot, b: last one (P-10)
  late_snapshot_outcome_ignored,  ///< of a
  snapshot_outrun_by_log,         ///< of slot a; own b
  malformed_message,              ///< from a, of b bytes
  unexpected_proposer,            ///< a; b: round, which is another's
  uncertain_tail_settled,         ///< a: slot
  promise_given_conditionally,    ///< to a; b: round (P-06)
  damaged_promises_nothing,       ///< to a; b: round
  damaged_waits_for_leader,       ///< a: round; it does not ask for promises
  elected_unanimously,            ///< a: round
  too_many_reads,                 ///< a: how many wait
  stale_read_answer,              ///< from a, number b
  membership_from_snapshot,       ///< a: slot
  reconfiguration_refused,        ///< a: ReconfigureRefusal
  change_accepted,                ///< a: slot
  change_replaced,                ///< a: slot
  change_waits_for_notes,         ///< leader: slot a
  change_found,                   ///< new leader: slot a; it prepares again behind it
  proposals_wait_for_change,      ///< leader: a: how many, b: slot of the change
  prepared_again,                 ///< a: round; the membership changed during phase 1
  member_left,                    ///< leader: a
  removed_leader_retires,         ///< a: round
  own_disk_hangs,                 ///< leader: write a (R-29)
  discard_refused,                ///< up to slot a
  transfer_refused,               ///< to a: too few are linked to elect anybody
  count_of_branches,
};

inline constexpr Branch kFirstRareBranch = Branch::ahead_limit_reached;
inline constexpr std::size_t kBranchCount = static_cast<std::size_t>(Branch::count_of_branches);

inline constexpr std::array<std::string_view, kBranchCount> kBranchNames = {
    "multipaxos.inquiry_started",
    "multipaxos.inquiry_granted",
    "multipaxos.inquiry_refused_leader_alive",
    "multipaxos.inquiry_refused_old_ballot",
    "multipaxos.inquiry_lost",
    "multipaxos.prepare_started",
    "multipaxos.promise_given",
    "multipaxos.promise_repeated",
    "multipaxos.prepare_refused",
    "multipaxos.prepare_ignored_leader_alive",
    "multipaxos.promise_late",
    "multipaxos.promise_asked_again",
    "multipaxos.promise_lacks_decided",
    "multipaxos.refusal_heard",
    "multipaxos.duel_lost",
    "multipaxos.proposer_elected",
    "multipaxos.value_adopted",
    "multipaxos.gap_filled",
    "multipaxos.ballot_adopted",
    "multipaxos.pre_empted",
    "multipaxos.leader_silent",
    "multipaxos.peer_down_hastens_election",
    "multipaxos.connected_hastens_election",
    "multipaxos.quorum_lost",
    "multipaxos.slots_already_accepted",
    "multipaxos.accepted_behind_hole",
    "multipaxos.accept_refused",
    "multipaxos.accepted_value_replaced",
    "multipaxos.chosen_out_of_order",
    "multipaxos.chosen_before_own_write",
    "multipaxos.late_acceptance_ignored",
    "multipaxos.window_full",
    "multipaxos.stalled_follower_resent",
    "multipaxos.send_dropped",
    "multipaxos.follower_restarted",
    "multipaxos.decide_sent",
    "multipaxos.decide_delayed",
    "multipaxos.stale_message_ignored",
    "multipaxos.proposals_refused",
    "multipaxos.learn_requested",
    "multipaxos.learn_repeated",
    "multipaxos.learned",
    "multipaxos.learnt_by_tag",
    "multipaxos.learn_not_continued",
    "multipaxos.decided_noted",
    "multipaxos.log_discarded",
    "multipaxos.member_needs_snapshot",
    "multipaxos.snapshot_delivered",
    "multipaxos.snapshot_not_delivered",
    "multipaxos.snapshot_offer_declined",
    "multipaxos.snapshot_asked_for",
    "multipaxos.snapshot_adopted",
    "multipaxos.read_round_started",
    "multipaxos.read_waits_for_own",
    "multipaxos.read_waits_for_round",
    "multipaxos.read_forwarded",
    "multipaxos.read_resent",
    "multipaxos.reads_dropped",
    "multipaxos.transfer_started",
    "multipaxos.transfer_waits",
    "multipaxos.transfer_given_up",
    "multipaxos.campaign_by_transfer",
    "multipaxos.ahead_limit_reached",
    "multipaxos.slots_kept_behind_snapshot",
    "multipaxos.late_snapshot_outcome_ignored",
    "multipaxos.snapshot_outrun_by_log",
    "multipaxos.malformed_message",
    "multipaxos.unexpected_proposer",
    "multipaxos.uncertain_tail_settled",
    "multipaxos.promise_given_conditionally",
    "multipaxos.damaged_promises_nothing",
    "multipaxos.damaged_waits_for_leader",
    "multipaxos.elected_unanimously",
    "multipaxos.too_many_reads",
    "multipaxos.stale_read_answer",
    "multipaxos.membership_from_snapshot",
    "multipaxos.reconfiguration_refused",
    "multipaxos.change_accepted",
    "multipaxos.change_replaced",
    "multipaxos.change_waits_for_notes",
    "multipaxos.change_found",
    "multipaxos.proposals_wait_for_change",
    "multipaxos.prepared_again",
    "multipaxos.member_left",
    "multipaxos.removed_leader_retires",
    "multipaxos.own_disk_hangs",
    "multipaxos.discard_refused",
    "multipaxos.transfer_refused",
};
static_assert(!kBranchNames.back().empty(), "one name per branch");

[[nodiscard]] constexpr std::string_view name_of(Branch branch) {
  return kBranchNames[static_cast<std::size_t>(branch)];
}

}  // namespace quorate::multipaxos
