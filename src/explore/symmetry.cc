#include "explore/symmetry.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/assert.h"

namespace quorate::explore {

namespace {

constexpr std::uint32_t kNone = NumberMap::kNone;

std::uint32_t& slot(std::vector<std::uint32_t>& numbers, std::uint32_t at) {
  if (at >= numbers.size()) {
    numbers.resize(std::max<std::size_t>(at + 1U, numbers.size() * 2), kNone);
  }
  return numbers[at];
}

}  // namespace

Symmetry::Symmetry(Tables& tables) : tables_(tables) {
  const Bounds& bounds = tables.steps.model().bounds;
  const bool are_alike = bounds.reduced && bounds.targets.empty() && bounds.crashing == 0 &&
                         bounds.campaigners >= bounds.nodes && !tables.steps.model().protocol.cores.node_ids_decide;
  for (const Permutation& names : Permutation::all(are_alike ? bounds.nodes : 1)) {
    twins_.push_back({.names = names});
  }
}

const Permutation& Symmetry::normalise(World& world) {
  const Twins* used = &twins_.front();
  best_ = world;
  for (std::size_t i = 1; i < twins_.size(); ++i) {
    Twins& twins = twins_[i];
    rename_replicas(twins, world, other_);
    if (other_.replicas > best_.replicas) {
      continue;  // most are told apart by their replicas alone
    }
    rename_rest(twins, world, other_);
    if (std::tie(other_.replicas, other_.history, other_.mail) < std::tie(best_.replicas, best_.history, best_.mail)) {
      std::swap(other_, best_);
      used = &twins;
    }
  }
  std::swap(world, best_);
  return used->names;
}

void Symmetry::rename_replicas(Twins& twins, const World& world, World& out) {
  for (std::size_t n = 0; n < tables_.steps.model().bounds.nodes; ++n) {
    out.replicas[twins.names.of_index(n)] = replica(twins, world.replicas[n]);
  }
}

void Symmetry::rename_rest(Twins& twins, const World& world, World& out) {
  out.budget = world.budget;
  out.history = history(twins, world.history);
  for (std::size_t n = 0; n < tables_.steps.model().bounds.nodes; ++n) {
    out.mail[twins.names.of_index(n)] = mail(twins, world.mail[n]);
  }
}

Action Symmetry::renamed(const Action& action, const Permutation& names) {
  const auto twins = std::ranges::find(twins_, names, &Twins::names);
  QUORATE_ASSERT(twins != twins_.end(), "renamings of a search are closed under composition", twins_.size());
  return {.node = static_cast<std::uint8_t>(names.of_index(action.node)), .input = input(*twins, action.input)};
}

std::uint32_t Symmetry::replica(Twins& twins, std::uint32_t number) {
  if (const std::uint32_t known = slot(twins.replicas, number); known != kNone) {
    return known;
  }
  const StepTable::Origin origin = tables_.steps.origin_of_replica(number);
  std::uint32_t twin = 0;
  if (origin.replica == kNone) {
    twin = static_cast<std::uint32_t>(twins.names.of_index(number));  // first lives: node n at n - 1
  } else {
    const std::uint32_t before = replica(twins, origin.replica);
    twin = tables_.steps.row(tables_.steps.step(before, input(twins, origin.input))).next;
  }
  return slot(twins.replicas, number) = twin;
}

std::uint32_t Symmetry::packet(Twins& twins, std::uint32_t number) {
  if (const std::uint32_t known = slot(twins.packets, number); known != kNone) {
    return known;
  }
  const StepTable::Origin origin = tables_.steps.origin_of_packet(number);
  const std::uint32_t before = replica(twins, origin.replica);
  const std::uint32_t twin = tables_.steps.step(before, input(twins, origin.input));
  const std::uint32_t original = tables_.steps.step(origin.replica, origin.input);
  // Among those for one receiver the order is the same; a core goes through the receivers in the order of their names.
  const NodeId to = tables_.steps.packet(number).to;
  const auto sent = tables_.steps.sent(tables_.steps.row(original));
  std::size_t before_it = 0;
  for (std::uint32_t place = 0; place < origin.place; ++place) {
    before_it += tables_.steps.packet(sent[place]).to == to ? 1U : 0U;
  }
  for (const std::uint32_t candidate : tables_.steps.sent(tables_.steps.row(twin))) {
    if (tables_.steps.packet(candidate).to == twins.names.of(to) && before_it-- == 0) {
      return slot(twins.packets, number) = candidate;
    }
  }
  QUORATE_ASSERT(false, "a renamed step sends as much to the renamed receiver", number, to);
  return kNone;
}

std::uint32_t Symmetry::mail(Twins& twins, std::uint32_t number) {
  if (const std::uint32_t known = slot(twins.mail, number); known != kNone) {
    return known;
  }
  std::vector<std::uint32_t> packets;
  for (const std::uint32_t one : tables_.mail.all(number)) {
    packets.push_back(packet(twins, one));
  }
  std::ranges::sort(packets);
  return slot(twins.mail, number) = tables_.mail.keep(std::move(packets));
}

std::uint32_t Symmetry::history(Twins& twins, std::uint32_t number) {
  if (const std::uint32_t known = slot(twins.histories, number); known != kNone) {
    return known;
  }
  const std::uint32_t twin = tables_.histories.keep(tables_.histories.at(number).renamed(twins.names));
  return slot(twins.histories, number) = twin;
}

StepInput Symmetry::input(Twins& twins, const StepInput& input) {
  StepInput twin = input;
  if (input.kind == InputKind::deliver) {
    twin.argument = packet(twins, input.argument);
  }
  return twin;
}

}  // namespace quorate::explore
