#pragma once
// One replica of one group of cells: acceptor, learner, and a proposer for whoever asks it.
//
// Invariants: 1. a promise or an acceptance is durable before a message reveals it (P-01, I-42).
//             2. nothing is accepted below the promised ballot (P-05); a decided cell never changes.
//             3. a proposer proposes what phase 1 found accepted in the highest ballot, and a value of its own only
//                where nothing was found (P-03). One value per cell and ballot.
//             4. an acceptor that lost its memory votes for nothing until it has made up for that (P-06).
//             5. at most one Persist per step, for all cells that the step touched.
//             6. at most kMaxOpenCells attempts, each with one value.
// Lamport, "Paxos Made Simple", section 2. Lives on its group's loop. Files: core.cc (door), proposer.cc, acceptor.cc,
// learner.cc, survey.cc.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/fifo.h"
#include "consensus/contract/core.h"
#include "consensus/contract/step_output.h"
#include "consensus/paxos/branches.h"
#include "consensus/paxos/state.h"
#include "consensus/paxos/wire.h"

namespace quorate::paxos {

inline constexpr std::size_t kMaxOpenCells = 16384;
/// Of one cell.
inline constexpr std::size_t kMaxWaitingReads = 4096;

class PaxosCore final : public consensus::Core {
 public:
  PaxosCore(const consensus::CoreConfig& config, consensus::PersistedState&& state);

  void step(Instant now, const consensus::Input& input) override;
  void take_effects(std::vector<consensus::Effect>& out) override;
  [[nodiscard]] consensus::CoreStatus status() const override;
  [[nodiscard]] std::unique_ptr<consensus::Core> clone() const override;
  void hash_into(Hasher& hasher) const override;

 private:
  using Phase = Attempt::Phase;

  // ---- core.cc: inputs
  void handle(const consensus::TimerFired& input);
  void handle(const consensus::Receive& input);
  void handle(const consensus::Propose& input);
  void handle(const consensus::Reconfigure& input);
  void handle(const consensus::Read& input);
  void handle(const consensus::Persisted& input);
  void handle(const consensus::PeerUp& input);
  /// Whatever else there is concerns logs, snapshots and leaders.
  template <class Other>
  void handle(const Other& /*input*/) {}

  // ---- core.cc: effects
  void emit(consensus::Effect effect) { output_.emit(std::move(effect)); }
  void trace(Branch branch, std::uint64_t a = 0, std::uint64_t b = 0);
  void send(NodeId to, const Message& message, Io after = {}) {
    output_.send(to, encode(message), std::nullopt, after);
  }
  void send_to_voters(const Message& message);
  void write(const Buffer& name, Cell& cell);
  [[nodiscard]] Cell& cell_of(ByteView name);

  // ---- proposer.cc
  void propose(const consensus::Proposal& proposal);
  void begin_round(const Buffer& name, Attempt& attempt);
  void repeat_round(const Buffer& name, const Attempt& attempt);
  void check_phase_1(const Buffer& name, Attempt& attempt);
  void begin_phase_2(const Buffer& name, Attempt& attempt);
  void check_phase_2(const Buffer& name, Attempt& attempt);
  void count(NodeId from, Buffer name, Attempt& attempt, bool granted);
  void count_own_votes();
  void on_patience_timer();
  void on_back_off_timer();
  void keep_timers();
  void back_off();
  void ask_again(NodeId voter, const Buffer& name, const Attempt& attempt);
  [[nodiscard]] quorum::Outcome outcome_of(const Attempt& attempt) const;
  void on(NodeId from, const Promise& message);
  void on(NodeId from, const Accepted& message);
  void on(NodeId from, const Refused& message);

  // ---- acceptor.cc
  [[nodiscard]] Ballot promised(const Cell& cell) const { return std::max(cell.promised, floor_); }
  /// False: the vote is not this replica's to give, or the answer is known already.
  [[nodiscard]] bool may_vote(NodeId from, ByteView name, const Ballot& ballot);
  void refuse(NodeId to, ByteView name, const Ballot& ballot, const Cell& cell);
  void promise_own(const Buffer& name, Attempt& attempt);
  void accept_own(const Buffer& name, Attempt& attempt);
  void on(NodeId from, const Prepare& message);
  void on(NodeId from, const Accept& message);

  // ---- learner.cc
  void read(const consensus::Read& read);
  void decide(const Buffer& name, const Buffer& value);
  void finish(const Buffer& name);
  void serve(std::vector<Context>& reads);
  void on(NodeId from, const Decided& message);

  // ---- survey.cc
  void begin_survey(std::uint64_t round);
  void ask_survey(NodeId node, const SurveyUnderWay::Told& told);
  void repeat_survey();
  void check_survey();
  void regain_memory();
  void trust_memory();
  void on(NodeId from, const Survey& message);
  void on(NodeId from, const SurveyAnswer& message);
  void on_survey_refused(NodeId from, const Refused& message);

  // ---- small questions
  [[nodiscard]] bool is_voter(NodeId node) const { return membership_.is_voter(node); }
  [[nodiscard]] std::span<const NodeId> voters() const { return membership_.voters; }
  [[nodiscard]] bool is_damaged() const { return loss_.kind != consensus::Loss::Kind::none; }
  [[nodiscard]] bool is_uncertain() const { return uncertain_tail_ || is_damaged(); }
  /// Gives its own votes.
  [[nodiscard]] bool votes() const;
  /// How many voters must answer in the phase.
  [[nodiscard]] std::size_t needed(Phase phase) const;

  // ---- configuration
  consensus::CoreConfig config_;
  consensus::Membership membership_;  ///< fixed

  // ---- durable, as far as written
  Ballot floor_;  ///< promised for every cell
  ByCell<Cell> cells_;

  // ---- volatile
  std::uint64_t highest_round_ = 0;  ///< of all that was promised here
  ByCell<Attempt> attempts_;
  Fifo<OwnVote> own_votes_;
  bool is_patient_ = false;      ///< the timer for answers that do not come is armed
  bool is_backing_off_ = false;  ///< the timer for the next round of who lost a duel is
  unsigned duels_lost_ = 0;      ///< rounds given up since one was won
  bool uncertain_tail_ = false;
  consensus::Loss loss_;
  std::optional<SurveyUnderWay> survey_;
  Io regained_;  ///< the write of what the survey found, until it is durable

  // ---- this step's effects
  consensus::StepOutput output_;
};

}  // namespace quorate::paxos
