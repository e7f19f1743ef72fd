#include "group/proposals.h"

#include <algorithm>
#include <utility>

namespace quorate::group {

void Proposals::add(Context context, Buffer command, NodeId origin) {
  list_.push_back({context, command.size(), {}});
  bytes_ += command.size();
  batch_bytes_ += command.size();
  ++live_;
  batch_.batch.push_back({.context = context, .payload = std::move(command), .cell = {}, .origin = origin});
}

void Proposals::expect(Context context) {
  list_.push_back({context, 0, {}});
  ++live_;
}

void Proposals::take_batch(std::size_t max_bytes, consensus::Input& input) {
  if (batch_bytes_ <= max_bytes) {
    batch_bytes_ = 0;
    input = std::exchange(batch_, {});
    return;
  }
  consensus::Propose part;
  std::size_t taken = 0;
  std::size_t bytes = 0;
  while (taken < batch_.batch.size() && (taken == 0 || bytes + batch_.batch[taken].payload.size() <= max_bytes)) {
    bytes += batch_.batch[taken].payload.size();
    part.batch.push_back(std::move(batch_.batch[taken]));
    ++taken;
  }
  batch_.batch.erase(batch_.batch.begin(), batch_.batch.begin() + static_cast<std::ptrdiff_t>(taken));
  batch_bytes_ -= bytes;
  input = std::move(part);
}

void Proposals::reuse(consensus::Input& input) {
  std::vector<consensus::Proposal>& used = std::get<consensus::Propose>(input).batch;
  used.clear();
  if (batch_.batch.empty()) {
    batch_.batch = std::move(used);
  }
}

void Proposals::on_placed(Context context, EntryId id) {
  // Cores place in the order of proposing, so the first look nearly always hits.
  const auto from = list_.begin() + static_cast<std::ptrdiff_t>(unplaced_);
  const auto found =
      std::find_if(from, list_.end(), [context](const Outstanding& proposal) { return proposal.context == context; });
  if (found == list_.end()) {
    return;
  }
  found->id = id;
  while (unplaced_ < list_.size() && (list_[unplaced_].context.is_none() || !list_[unplaced_].id.position.is_none())) {
    ++unplaced_;
  }
}

bool Proposals::on_dropped(Context context) {
  const auto from = list_.begin() + static_cast<std::ptrdiff_t>(head_);
  const auto found =
      std::find_if(from, list_.end(), [context](const Outstanding& proposal) { return proposal.context == context; });
  if (context.is_none() || found == list_.end()) {
    return false;
  }
  settle(*found);
  trim();
  return true;
}

std::optional<Context> Proposals::on_executed(EntryId id) {
  std::optional<Context> replaced;
  while (head_ < list_.size()) {
    Outstanding& front = list_[head_];
    if (!front.context.is_none()) {
      if (front.id.position.is_none() || front.id.position > id.position) {
        break;
      }
      if (front.id.position == id.position && front.id.tag != id.tag) {
        replaced = front.context;
      }
      settle(front);
    }
    ++head_;
  }
  trim();
  return replaced;
}

void Proposals::forgive_bytes() {
  for (std::size_t i = head_; i < list_.size(); ++i) {
    if (!list_[i].id.position.is_none()) {
      bytes_ -= list_[i].size;
      list_[i].size = 0;
    }
  }
}

void Proposals::settle(Outstanding& proposal) {
  bytes_ -= proposal.size;
  --live_;
  proposal = {};
}

void Proposals::trim() {
  while (head_ < list_.size() && list_[head_].context.is_none()) {
    ++head_;
  }
  unplaced_ = std::max(unplaced_, head_);
  constexpr std::size_t kWorthMoving = 256;
  if (head_ == list_.size() || (head_ >= kWorthMoving && head_ >= list_.size() / 2)) {
    list_.erase(list_.begin(), list_.begin() + static_cast<std::ptrdiff_t>(head_));
    unplaced_ -= head_;
    head_ = 0;
  }
}

}  // namespace quorate::group
