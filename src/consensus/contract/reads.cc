#include "consensus/contract/reads.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace quorate::consensus {

void ReadQueue::begin(std::uint64_t round, Position position) {
  for (auto read = reads_.rbegin(); read != reads_.rend() && read->round == 0; ++read) {
    read->round = round;
    read->position = position;
  }
}

std::optional<ReadQueue::Read> ReadQueue::take_confirmed(std::uint64_t confirmed) {
  if (round() == 0 || round() > confirmed) {
    return std::nullopt;
  }
  const Read read = reads_.front();
  reads_.pop_front();
  return read;
}

std::vector<ReadQueue::Read> ReadQueue::take_all() {
  std::vector<Read> all(reads_.begin(), reads_.end());
  reads_.clear();
  return all;
}

void ReadQueue::hash_into(Hasher& hasher) const {
  std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
  for (const Read& read : reads_) {
    oldest = read.context.is_none() ? oldest : std::min(oldest, read.context.value());
  }
  for (const Read& read : reads_) {
    hasher.add(read.from);
    hasher.add(read.context.is_none() ? 0 : read.context.value() - oldest + 1);
    hasher.add(read.life);
    hasher.add(read.number);
    hasher.add(read.round);
    hasher.add(read.position);
  }
}

std::uint64_t ForwardedReads::add(Context context) {
  reads_.push_back({context, ++last_number_});
  return last_number_;
}

std::vector<Context> ForwardedReads::take_up_to(std::uint64_t number) {
  std::vector<Context> taken;
  while (!reads_.empty() && reads_.front().number <= number) {
    taken.push_back(reads_.front().context);
    reads_.pop_front();
  }
  return taken;
}

bool ForwardedReads::must_ask_again() {
  const bool is_old = !reads_.empty() && reads_.front().number <= old_up_to_;
  old_up_to_ = last_number_;
  return is_old;
}

void ForwardedReads::hash_into(Hasher& hasher) const {
  for (const Read& read : reads_) {
    hasher.add(read.context.value() - reads_.front().context.value());
    hasher.add(last_number_ - read.number);
  }
  hasher.add(last_number_ - old_up_to_);
}

}  // namespace quorate::consensus
