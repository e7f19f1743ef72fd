// The learner: what is chosen, and reading it through a quorum ("Paxos Made Simple", section 2.3).

#include <utility>

#include "base/assert.h"
#include "consensus/paxos/core.h"

namespace quorate::paxos {

using namespace consensus;  // NOLINT(google-build-using-namespace)

/// A cell that is decided here is read here: it never changes. Any other is asked of a quorum, in a ballot begun after
/// the read came; a proposal that this finds half done is finished before it is shown (section 2.3: "have a proposer
/// issue a proposal").
void PaxosCore::read(const Read& read) {
  const ByteView name = read.cell.view();
  if (const auto cell = cells_.find(name); cell != cells_.end() && cell->second.decided) {
    trace(Branch::read_of_decided);
    emit(ServeRead{read.context, Position()});
    return;
  }
  const auto known = attempts_.find(name);
  const bool is_full = known == attempts_.end()
                           ? attempts_.size() >= kMaxOpenCells
                           : known->second.reads.size() + known->second.late_reads.size() >= kMaxWaitingReads;
  if (is_full || name.empty() || name.size() > kMaxCellBytes) {
    trace(Branch::read_refused);
    emit(Dropped{read.context, Dropped::Outcome::never});
    return;
  }
  if (known != attempts_.end()) {
    trace(Branch::read_waits_for_round, known->second.ballot.round);
    known->second.late_reads.push_back(read.context);
    return;
  }
  const auto attempt = attempts_.try_emplace(read.cell).first;
  attempt->second.reads.push_back(read.context);
  begin_round(attempt->first, attempt->second);
}

void PaxosCore::on(NodeId from, const Decided& message) {
  const auto cell = cells_.find(message.cell);
  if (cell == cells_.end() || !cell->second.decided) {
    trace(Branch::learnt, from.value());
    decide(Buffer::copy_of(message.cell), Buffer::copy_of(message.value));
  } else if (cell->second.value.view() == message.value) {
    trace(Branch::decision_known, from.value());
  } else {
    // Some acceptor has broken its promise. The first value stays here; whoever looks from outside sees both.
    trace(Branch::disputed_decision, from.value());
    emit(Chosen{cell->first, Buffer::copy_of(message.value)});
  }
}

/// Nobody waits for the write: what is chosen can be learnt again.
void PaxosCore::decide(const Buffer& name, const Buffer& value) {
  Cell& cell = cell_of(name.view());
  QUORATE_ASSERT(!cell.decided, "a cell is decided once", name.size());
  cell.decided = true;
  cell.value = value;
  write(name, cell);
  duels_lost_ = 0;
  emit(Chosen{name, cell.value});
  finish(name);
}

void PaxosCore::finish(const Buffer& name) {
  const auto attempt = attempts_.find(name.view());
  if (attempt == attempts_.end()) {
    return;
  }
  serve(attempt->second.reads);
  serve(attempt->second.late_reads);
  attempts_.erase(attempt);
}

void PaxosCore::serve(std::vector<Context>& reads) {
  for (const Context context : std::exchange(reads, {})) {
    emit(ServeRead{context, Position()});
  }
}

}  // namespace quorate::paxos
