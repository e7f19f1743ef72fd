// The core's door: building it from what was persisted, inputs in, effects out.

#include "consensus/paxos/core.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"

namespace quorate::paxos {

using namespace consensus;  // NOLINT(google-build-using-namespace): these files speak the contract's words throughout

PaxosCore::PaxosCore(const CoreConfig& config, PersistedState&& state)
    : config_(config),
      membership_(state.membership.voters.empty() ? config.initial_membership : std::move(state.membership)),
      uncertain_tail_(state.uncertain_tail),
      loss_(state.loss) {
  QUORATE_ASSERT(config_.quorum_sizes.fit(voters().size()), "the quorums of the two phases share a voter (P-12)",
                 config_.quorum_sizes.phase_1, config_.quorum_sizes.phase_2, voters().size());
  const std::optional<Ballot> floor = decode_floor(state.state.view());
  QUORATE_ASSERT(floor.has_value(), "the persisted promise can be read", state.state.size());
  floor_ = *floor;
  highest_round_ = floor_.round;
  for (const auto& [name, blob] : state.cells) {
    const std::optional<AcceptorCell> read = decode_cell(blob);
    QUORATE_ASSERT(read.has_value() && !name.empty(), "a persisted cell can be read", name.size(), blob.size());
    highest_round_ = std::max({highest_round_, read->promised.round, read->accepted.round});
    cells_.try_emplace(name, Cell{*read, Io()});
    if (read->decided) {
      emit(Chosen{name, read->value});
    }
  }
  if (is_uncertain() && is_voter(config_.self)) {
    begin_survey(highest_round_);
  }
}

void PaxosCore::step(Instant /*now*/, const Input& input) {
  output_.begin_step();
  std::visit([this](const auto& one) { handle(one); }, input);
  keep_timers();
  QUORATE_ASSERT(attempts_.size() <= kMaxOpenCells, "open cells are bounded", attempts_.size());
}

void PaxosCore::take_effects(std::vector<Effect>& out) { output_.take(out); }

CoreStatus PaxosCore::status() const {
  return {.role = is_voter(config_.self) ? Role::follower : Role::learner,
          .tag = Ballot{.round = highest_round_, .proposer = {}, .life = {}}.tag(),
          .leader = {},
          .last = {},
          .commit = {},
          .membership = membership_,
          .everywhere = {},
          .uncertain_tail = uncertain_tail_,
          .loss = loss_};
}

std::unique_ptr<Core> PaxosCore::clone() const { return std::make_unique<PaxosCore>(*this); }

// ---- inputs ---------------------------------------------------------------------------------------------

void PaxosCore::handle(const TimerFired& input) {
  switch (input.kind) {
    case TimerKind::election: on_patience_timer(); break;
    case TimerKind::retry: on_back_off_timer(); break;
    case TimerKind::heartbeat: repeat_survey(); break;
    case TimerKind::notice: break;
  }
}

void PaxosCore::handle(const Receive& input) {
  const std::optional<Message> message = decode(input.message);
  if (!message || input.from == config_.self) {
    trace(Branch::malformed_message, input.from.value(), input.message.size());
    return;
  }
  std::visit([&](const auto& one) { on(input.from, one); }, *message);
}

void PaxosCore::handle(const Propose& input) {
  for (const Proposal& proposal : input.batch) {
    propose(proposal);
  }
}

void PaxosCore::handle(const Reconfigure& input) {
  trace(Branch::membership_is_fixed);
  emit(Dropped{input.context, Dropped::Outcome::never, ReconfigureRefusal::fixed});
}

void PaxosCore::handle(const Read& input) { read(input); }

void PaxosCore::handle(const Persisted& input) {
  output_.confirm(input.io);
  trust_memory();
  count_own_votes();
}

void PaxosCore::handle(const PeerUp& input) {
  if (!is_voter(input.node)) {
    return;
  }
  if (survey_) {
    ask_survey(input.node, survey_->told[input.node]);
  }
  for (const auto& [name, attempt] : attempts_) {
    ask_again(input.node, name, attempt);  // what was sent before there was a link is lost
  }
}

// ---- effects --------------------------------------------------------------------------------------------

void PaxosCore::trace(Branch branch, std::uint64_t a, std::uint64_t b) {
  emit(Trace{{.name = name_of(branch), .a = a, .b = b}});
}

void PaxosCore::send_to_voters(const Message& message) {
  const Buffer bytes = encode(message);
  for (const NodeId voter : voters()) {
    if (voter != config_.self) {
      output_.send(voter, bytes);
    }
  }
}

/// Several writes of one cell in a step are one operation, the last.
void PaxosCore::write(const Buffer& name, Cell& cell) {
  Buffer blob = encode(cell);
  if (!cell.value.empty()) {
    cell.value = blob.slice(blob.size() - cell.value.size(), cell.value.size());
  }
  std::vector<PersistOp>& ops = output_.write();
  if (cell.written == output_.issued()) {
    std::erase_if(ops, [&](const PersistOp& op) {
      const auto* earlier = std::get_if<SetCell>(&op);
      return earlier != nullptr && earlier->key == name;
    });
  }
  ops.emplace_back(SetCell{name, std::move(blob)});
  cell.written = output_.issued();
  highest_round_ = std::max(highest_round_, cell.promised.round);
}

Cell& PaxosCore::cell_of(ByteView name) {
  const auto known = cells_.find(name);
  return known != cells_.end() ? known->second : cells_.try_emplace(Buffer::copy_of(name)).first->second;
}

// ---- small questions ------------------------------------------------------------------------------------

bool PaxosCore::votes() const {
  return is_voter(config_.self) && (!is_uncertain() || QUORATE_PLANT(wiped_acceptor_votes));
}

std::size_t PaxosCore::needed(Phase phase) const {
  const std::size_t count = voters().size();
  return phase == Phase::preparing ? config_.quorum_sizes.phase_1_of(count) : config_.quorum_sizes.phase_2_of(count);
}

}  // namespace quorate::paxos
