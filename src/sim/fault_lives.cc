// Faults of lives: crashes, one after the other too, directories that are lost, and old copies in their place.

#include <algorithm>
#include <utility>

#include "sim/faults.h"

namespace quorate::sim {
namespace {

constexpr Duration kRestartDelay = std::chrono::milliseconds(50);  ///< of a node that stopped itself

}  // namespace

void Faults::take_down(std::uint32_t index, bool power) {
  Node& node = cluster_.node(index);
  if (!node.is_alive()) {
    return;
  }
  power ? node.lose_power() : node.crash();
  listener_.on_life_ended(index);
  cluster_.queue().schedule(cluster_.now() + milliseconds(detail(5, 300)), Owner{},
                            Callback<>::to<&Faults::bring_up>(this, index));
}

void Faults::bring_up(std::uint64_t index) {
  const auto number = static_cast<std::uint32_t>(index);
  Node& node = cluster_.node(number);
  if (node.is_alive()) {
    return;
  }
  node.end_impostor();
  disks_.cure(number);
  Status started = node.start();
  if (!started && started.error().code == ErrorCode::corrupt && disks_.restore_log(number)) {
    started = node.start();
  }
  if (!started) {
    listener_.on_start_failed(number, started.error());
  } else if (disks_.lost_without_fault(number)) {
    listener_.on_start_failed(number,
                              Error{ErrorCode::corrupt, "what it had made durable is lost, and no fault took it"});
  }
  disks_.on_started(number);
}

void Faults::take_down_stopped(std::uint64_t node) {
  const auto index = static_cast<std::uint32_t>(node);
  if (cluster_.node(index).is_alive()) {
    cluster_.node(index).crash();
    listener_.on_life_ended(index);
    cluster_.queue().schedule(cluster_.now() + kRestartDelay, Owner{}, Callback<>::to<&Faults::bring_up>(this, node));
  }
}

void Faults::lose_directory(std::uint32_t node) {
  count(node);
  NodeDirectory empty = cluster_.node(node).new_directory();
  empty.incarnation = Incarnation(detail(0, 100));  // somebody has tried it again and again
  begin_impostor(node, std::move(empty), milliseconds(detail(20, 500)));
}

/// While the node is down, which is for a moment.
void Faults::copy_directory(std::uint32_t node) {
  count(node);
  take_down(node, false);
  const Duration age = milliseconds(detail(300, 1200));
  copies_.insert_or_assign(node, Copy{cluster_.node(node).copy_directory(), milliseconds(detail(20, 500))});
  cluster_.queue().schedule(cluster_.now() + age, Owner{}, Callback<>::to<&Faults::put_back_copy>(this, node));
}

/// Unless the others could not know, or could not do without the node.
void Faults::put_back_copy(std::uint64_t number) {
  const auto node = static_cast<std::uint32_t>(number);
  auto copy = copies_.extract(node);
  disks_.look();
  const bool can_lose_one = disks_.well_count() > cluster_.node_count() / 2 + 1;
  if (!healed_ && !copy.empty() && can_lose_one && is_known_to_all(node)) {
    begin_impostor(node, std::move(copy.mapped().directory), copy.mapped().until_noticed);
  }
}

bool Faults::is_known_to_all(std::uint32_t node) {
  for (std::uint32_t other = 1; other <= cluster_.node_count(); ++other) {
    if (!cluster_.node(other).is_alive()) {
      return false;
    }
    const std::vector<peer::LinkStatus> links = cluster_.node(other).host().links();
    const peer::Life& life = cluster_.node(node).last_life();
    const bool has_met = other == node || std::ranges::any_of(links, [&life](const peer::LinkStatus& link) {
                           return link.up && link.life == life;
                         });
    if (!has_met) {
      return false;
    }
  }
  return true;
}

void Faults::begin_impostor(std::uint32_t node, NodeDirectory directory, Duration until_noticed) {
  cluster_.node(node).crash();
  listener_.on_life_ended(node);
  cluster_.node(node).begin_impostor(std::move(directory));
  cluster_.queue().schedule(cluster_.now() + until_noticed, Owner{}, Callback<>::to<&Faults::bring_up>(this, node));
}

/// Down and up again, with lives of a few milliseconds: recovery works on what recovery left, too.
void Faults::loop_crashes(std::uint32_t node) {
  count(node);
  Duration at{};
  for (std::uint64_t left = detail(2, 6); left > 0; --left) {
    cluster_.queue().schedule(cluster_.now() + at, Owner{}, Callback<>::to<&Faults::crash_again>(this, node));
    at += std::chrono::microseconds(static_cast<std::int64_t>(detail(100, 20'000)));
  }
  cluster_.queue().schedule(cluster_.now() + at, Owner{}, Callback<>::to<&Faults::bring_up>(this, node));
}

void Faults::crash_again(std::uint64_t node) {
  const auto index = static_cast<std::uint32_t>(node);
  if (healed_) {
    return;
  }
  if (cluster_.node(index).is_alive()) {
    cluster_.node(index).crash();
    listener_.on_life_ended(index);
  }
  bring_up(node);
}

}  // namespace quorate::sim
