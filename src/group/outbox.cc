#include "group/outbox.h"

#include <algorithm>
#include <utility>

#include "group/message.h"

namespace quorate::group {

using consensus::Attach;
using consensus::Send;

void Outbox::send(Send message) {
  if (stopped_) {
    return;
  }
  Lane& lane = lane_of(message.to);
  if (lane.fetching) {
    park(lane, std::move(message));
    return;
  }
  Position missing;
  if (attempt(message, missing) == Attempt::needs_disk) {
    node_.traces.trace({"group.send_fetches", group_.value(), missing.value()});
    park(lane, std::move(message));
    fetch(lane, missing);
  }
}

Outbox::Lane& Outbox::lane_of(NodeId node) {
  for (Lane& lane : lanes_) {
    if (lane.to == node) {
      return lane;
    }
  }
  return lanes_.emplace_back(Lane{.to = node});
}

Outbox::Attempt Outbox::attempt(const Send& message, Position& missing) {
  entries_.clear();
  if (message.attach.has_value()) {
    const Attach& attach = *message.attach;
    // While a message waits for the disk, the log may be cut at its end or discarded past its beginning: no fetch
    // would ever bring that back.
    if (node_.log.tag_of(group_, attach.last) != attach.last_tag ||
        !node_.log.tag_of(group_, attach.first).has_value() || node_.mesh == nullptr ||
        !node_.mesh->is_up(message.to)) {
      drop(message.to, attach.first, attach.last);
      return Attempt::finished;
    }
    if (collect(attach, missing) == Attempt::needs_disk) {
      return Attempt::needs_disk;
    }
  }
  hand_over(message);
  entries_.clear();
  return Attempt::finished;
}

Outbox::Attempt Outbox::collect(const Attach& attach, Position& missing) {
  std::size_t bytes = 0;
  for (Position next = attach.first; next <= attach.last;) {
    const std::size_t before = entries_.size();
    if (!node_.log.cached(group_, next, attach.last, limits_.max_attached_bytes - bytes, entries_)) {
      missing = next;
      // What is at hand leaves first: fetching the rest could push it out of the cache, and so on for ever.
      return entries_.empty() ? Attempt::needs_disk : Attempt::finished;
    }
    for (std::size_t i = before; i < entries_.size(); ++i) {
      bytes += entries_[i].payload.size();
      if (bytes > limits_.max_attached_bytes && i > 0) {
        entries_.resize(i);
        return Attempt::finished;
      }
    }
    if (entries_.size() == before || bytes >= limits_.max_attached_bytes) {
      return Attempt::finished;
    }
    next = entries_.back().id.position.next();
  }
  return Attempt::finished;
}

void Outbox::hand_over(const Send& message) {
  parts_.clear();
  encode_message(message.message.view(), entries_, scratch_, parts_);
  const bool sent = node_.mesh != nullptr && node_.mesh->send(message.to, peer::Channel::consensus, group_, parts_);
  parts_.clear();
  if (!message.attach.has_value()) {
    return;
  }
  const Attach& attach = *message.attach;
  if (!sent || entries_.empty()) {
    drop(message.to, attach.first, attach.last);
  } else if (entries_.back().id.position < attach.last) {
    node_.traces.trace({"group.send_shortened", group_.value(), entries_.size()});
    drop(message.to, entries_.back().id.position.next(), attach.last);
  }
}

void Outbox::park(Lane& lane, Send message) {
  if (lane.parked.size() < limits_.max_parked_sends) {
    lane.parked.push_back(std::move(message));
  } else if (message.attach.has_value()) {
    drop(message.to, message.attach->first, message.attach->last);
  }
}

void Outbox::fetch(Lane& lane, Position missing) {
  lane.fetching = true;
  const auto index = static_cast<std::uint64_t>(
      std::find_if(lanes_.begin(), lanes_.end(), [&lane](const Lane& other) { return &other == &lane; }) -
      lanes_.begin());
  const Attach& attach = *lane.parked.front().attach;
  node_.log.fetch(group_, missing, attach.last, limits_.max_attached_bytes,
                  Callback<Status>::to<&Outbox::on_fetched>(this, index));
}

void Outbox::on_fetched(std::uint64_t index, Status fetched) {
  if (stopped_) {
    return;
  }
  if (!fetched) {
    node_.owner.on_fatal(fetched.error());
    return;
  }
  Lane& lane = lanes_[static_cast<std::size_t>(index)];
  lane.fetching = false;
  while (!lane.parked.empty()) {
    Position missing;
    if (attempt(lane.parked.front(), missing) == Attempt::needs_disk) {
      fetch(lane, missing);
      return;
    }
    lane.parked.pop_front();
  }
}

void Outbox::drop(NodeId to, Position first, Position last) {
  node_.traces.trace({"group.send_dropped", group_.value(), to.value()});
  dropped_.push_back({to, first, last});
  if (next_turn_ == 0) {
    next_turn_ = node_.loop.arm(node_.clock.now(), Callback<>::to<&Outbox::on_next_turn>(this));
  }
}

void Outbox::on_next_turn(std::uint64_t) {
  next_turn_ = 0;
  wake_();
}

void Outbox::take_dropped(std::vector<consensus::SendDropped>& out) {
  out.insert(out.end(), dropped_.begin(), dropped_.end());
  dropped_.clear();
}

void Outbox::stop() {
  stopped_ = true;
  for (Lane& lane : lanes_) {
    lane.parked.clear();
  }
  if (next_turn_ != 0) {
    node_.loop.cancel(next_turn_);
    next_turn_ = 0;
  }
}

}  // namespace quorate::group
