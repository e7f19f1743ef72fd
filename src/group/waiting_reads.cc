#include "group/waiting_reads.h"

#include <algorithm>
#include <utility>

namespace quorate::group {

std::optional<Context> WaitingReads::begin_round() {
  if (next_.empty()) {
    return std::nullopt;
  }
  const Context context = next_.front();
  rounds_.push_back({context, std::nullopt, std::move(next_)});
  next_ = std::exchange(spare_, {});
  next_.clear();
  return context;
}

std::deque<WaitingReads::Round>::iterator WaitingReads::find_unanswered(Context round) {
  return std::find_if(rounds_.begin(), rounds_.end(), [round](const Round& candidate) {
    return candidate.context == round && !candidate.position.has_value();
  });
}

bool WaitingReads::on_serve(Context round, Position position) {
  const auto found = find_unanswered(round);
  if (found == rounds_.end()) {
    return false;
  }
  found->position = position;
  return true;
}

bool WaitingReads::on_dropped(Context round, std::vector<Context>& out) {
  const auto found = find_unanswered(round);
  if (found == rounds_.end()) {
    return false;
  }
  out.insert(out.end(), found->reads.begin(), found->reads.end());
  erase(found);
  return true;
}

void WaitingReads::take_served(Position executed, std::vector<Context>& out) {
  for (auto round = rounds_.begin(); round != rounds_.end();) {
    if (!round->position.has_value() || *round->position > executed) {
      ++round;
      continue;
    }
    out.insert(out.end(), round->reads.begin(), round->reads.end());
    const auto index = round - rounds_.begin();
    erase(round);
    round = rounds_.begin() + index;
  }
}

void WaitingReads::erase(std::deque<Round>::iterator round) {
  if (spare_.capacity() < round->reads.capacity()) {
    spare_ = std::move(round->reads);
  }
  rounds_.erase(round);
}

std::size_t WaitingReads::size() const {
  std::size_t total = next_.size();
  for (const Round& round : rounds_) {
    total += round.reads.size();
  }
  return total;
}

}  // namespace quorate::group
