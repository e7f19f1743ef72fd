#include "explore/world.h"

#include <algorithm>

#include "base/assert.h"
#include "explore/checks.h"

namespace quorate::explore {

using consensus::Role;
using consensus::TimerKind;

namespace {

class Lister {
 public:
  Lister(const Model& model, const World& world, std::uint8_t node, const Replica& replica, std::vector<Action>& out)
      : model_(model), world_(world), node_(node), replica_(replica), out_(out) {}

  /// `hanging`: how many disks hang. None that is not going to crash needs to.
  void list(std::size_t hanging) const {
    const Budget& left = world_.budget;
    const Budget& all = model_.bounds.budget;
    const bool leads = replica_.role == Role::leader;
    add_if(!model_.bounds.reduced && !replica_.unconfirmed.empty(), InputKind::confirm);
    add_if(model_.bounds.reduced && hanging < left.crashes && !replica_.disk_hangs, InputKind::hang);
    add_if(left.elections > 0 && node_ < model_.bounds.campaigners && replica_.is_armed(TimerKind::election),
           InputKind::election);
    add_if(left.heartbeats > 0 && replica_.is_armed(TimerKind::heartbeat), InputKind::heartbeat);
    add_if(left.heartbeats > 0 && replica_.is_armed(TimerKind::notice), InputKind::notice);
    add_if(left.proposals > 0 && leads, InputKind::propose, all.proposals - left.proposals + 1U);
    add_if(left.reads > 0 && leads, InputKind::read, all.reads - left.reads + 1U);
    for (std::uint32_t i = 0; i < model_.bounds.targets.size(); ++i) {
      add_if(left.reconfigurations > 0 && leads, InputKind::reconfigure, i);
    }
    for (std::uint32_t kept = 0; kept <= replica_.unconfirmed.size(); ++kept) {
      add_if(left.crashes > 0 && (hanging < left.crashes || replica_.disk_hangs), InputKind::crash, kept);
    }
  }

  void add_if(bool may, InputKind kind, std::uint32_t argument = 0) const {
    if (may) {
      out_.push_back({node_, {.kind = kind, .argument = argument}});
    }
  }

 private:
  const Model& model_;
  const World& world_;
  std::uint8_t node_;
  const Replica& replica_;
  std::vector<Action>& out_;
};

void spend(Budget& left, InputKind kind) {
  switch (kind) {
    case InputKind::election: --left.elections; break;
    case InputKind::heartbeat:
    case InputKind::notice: --left.heartbeats; break;
    case InputKind::crash: --left.crashes; break;
    case InputKind::propose: --left.proposals; break;
    case InputKind::read: --left.reads; break;
    case InputKind::reconfigure: --left.reconfigurations; break;
    case InputKind::deliver:
    case InputKind::confirm:
    case InputKind::hang: break;
  }
}

/// Judges a step that was just entered into `world`, and enters into the history what it means for it.
std::string judge(Tables& tables, const StepTable::Row& row, const Action& action, World& world) {
  const bool starts_or_ends_read = action.input.kind == InputKind::read || action.input.kind == InputKind::crash;
  if (!row.wrote && row.notes == 0 && !starts_or_ends_read) {
    return "";
  }
  const NodeId node(action.node + 1U);
  const std::size_t nodes = tables.steps.model().bounds.nodes;
  std::array<const Replica*, kMaxNodes> all{};
  for (std::size_t n = 0; n < nodes; ++n) {
    all[n] = &tables.steps.replica(world.replicas[n]);
  }
  const Replicas replicas = std::span(all).first(nodes);
  std::string broken = row.wrote ? check_log_matching(node, replicas) : "";
  if (row.notes == 0 && !starts_or_ends_read) {
    return broken;
  }
  History history = tables.histories.at(world.history);
  if (action.input.kind == InputKind::crash) {
    std::erase_if(history.reads, [node](const History::OpenRead& read) { return read.node == node; });
  } else if (action.input.kind == InputKind::read) {
    history.reads.push_back({node, Context(action.input.argument), Position(history.decided.size())});
  }
  for (const Note& note : tables.steps.notes(row)) {
    if (broken.empty()) {
      broken = check_note(note, node, replicas, tables.steps.model().factory.ids_identify_prefix, history);
    }
  }
  world.history = tables.histories.keep(std::move(history));
  return broken;
}

}  // namespace

std::uint64_t World::hash_but_said(std::size_t nodes) const {
  Hasher hasher;
  for (std::size_t n = 0; n < nodes; ++n) {
    hasher.add(std::uint64_t{replicas[n]});
  }
  hasher.add(std::uint64_t{budget.packed()} << 32 | history);
  return hasher.value();
}

void World::pack_into(std::size_t nodes, std::vector<std::uint32_t>& out) const {
  const auto count = static_cast<std::ptrdiff_t>(nodes);
  out.insert(out.end(), replicas.begin(), replicas.begin() + count);
  out.insert(out.end(), said.begin(), said.begin() + count);
  out.push_back(budget.packed());
  out.push_back(history);
}

void World::unpack(std::size_t nodes, std::span<const std::uint32_t> words) {
  std::ranges::copy(words.first(nodes), replicas.begin());
  std::ranges::copy(words.subspan(nodes, nodes), said.begin());
  budget = Budget::unpacked(words[2 * nodes]);
  history = words[2 * nodes + 1];
}

World beginning(const Model& model) {
  World world;
  for (std::uint32_t n = 0; n < model.bounds.nodes; ++n) {
    world.replicas[n] = n;
  }
  world.budget = model.bounds.budget;
  return world;
}

void list_actions(Tables& tables, const World& world, std::vector<Action>& out) {
  const Model& model = tables.steps.model();
  out.clear();
  std::size_t hanging = 0;
  for (std::size_t node = 0; node < model.bounds.nodes; ++node) {
    hanging += tables.steps.replica(world.replicas[node]).disk_hangs ? 1 : 0;
  }
  for (std::uint8_t node = 0; node < model.bounds.nodes; ++node) {
    const Lister lister(model, world, node, tables.steps.replica(world.replicas[node]), out);
    lister.list(hanging);
    for (std::size_t from = 0; from < model.bounds.nodes; ++from) {
      for (const auto& [packet, row] : tables.arrivals.of(world.replicas[node], node, world.said[from])) {
        out.push_back({node, {.kind = InputKind::deliver, .argument = packet}, row});
      }
    }
  }
}

std::string carry_out(Tables& tables, const Action& action, World& world, bool& changed) {
  const std::uint32_t before = world.replicas[action.node];
  const std::uint32_t said_before = world.said[action.node];
  const std::uint32_t history_before = world.history;
  const std::uint32_t number = action.row != NumberMap::kNone ? action.row : tables.steps.step(before, action.input);
  const StepTable::Row& row = tables.steps.row(number);
  world.replicas[action.node] = row.next;
  world.said[action.node] = tables.said.with(said_before, number);
  spend(world.budget, action.input.kind);
  std::string broken = judge(tables, row, action, world);
  changed = row.next != before || world.said[action.node] != said_before || world.history != history_before;
  return broken;
}

}  // namespace quorate::explore
