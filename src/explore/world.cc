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
    const bool keeps_log = model_.protocol.cores.keeps_log;
    const bool takes_requests = replica_.role == Role::leader || !keeps_log;
    const bool leads = replica_.role == Role::leader;
    add_if(!model_.bounds.reduced && !replica_.unconfirmed.empty(), InputKind::confirm);
    const bool may_crash = left.crashes > 0 && (model_.bounds.crashing == 0 || model_.bounds.crashing == node_ + 1U);
    add_if(model_.bounds.reduced && may_crash && hanging < left.crashes && !replica_.disk_hangs, InputKind::hang);
    add_if(left.elections > 0 && node_ < model_.campaigners() && replica_.is_armed(TimerKind::election),
           InputKind::election);
    add_if(!keeps_log && left.elections > 0 && replica_.is_armed(TimerKind::retry), InputKind::retry);
    add_if(left.heartbeats > 0 && replica_.is_armed(TimerKind::heartbeat), InputKind::heartbeat);
    add_if(left.heartbeats > 0 && replica_.is_armed(TimerKind::notice), InputKind::notice);
    add_if(left.proposals > 0 && takes_requests, InputKind::propose, all.proposals - left.proposals + 1U);
    add_if(left.reads > 0 && takes_requests, InputKind::read, all.reads - left.reads + 1U);
    for (std::uint32_t i = 0; i < model_.bounds.targets.size(); ++i) {
      add_if(left.reconfigurations > 0 && leads, InputKind::reconfigure, i);
    }
    const std::size_t most_kept = model_.bounds.reduced ? 0 : replica_.unconfirmed.size();
    for (std::uint32_t kept = 0; kept <= most_kept; ++kept) {
      add_if(may_crash && (hanging < left.crashes || replica_.disk_hangs), InputKind::crash, kept);
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
    case InputKind::election:
    case InputKind::retry: --left.elections; break;
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

/// Enters into the history what the step of `row` means for it. Gives the violation in words, or nothing.
std::string enter_into_history(Tables& tables, const StepTable::Row& row, const Action& action, Replicas replicas,
                               World& world) {
  const NodeId node(action.node + 1U);
  History history = tables.histories.at(world.history);
  if (action.input.kind == InputKind::crash) {
    std::erase_if(history.reads, [node](const History::OpenRead& read) { return read.node == node; });
  } else if (action.input.kind == InputKind::read) {
    history.reads.push_back(
        {node, Context(action.input.argument), Position(history.decided.size() + history.cells.size())});
  }
  std::string broken;
  for (const Note& note : tables.steps.notes(row)) {
    if (broken.empty()) {
      broken = check_note(note, node, replicas, tables.steps.model().protocol.cores.ids_identify_prefix, history);
    }
  }
  world.history = tables.histories.keep(std::move(history));
  return broken;
}

/// Judges a step that was just entered into `world`, and enters into the history what it means for it.
std::string judge(Tables& tables, std::uint32_t number, const Action& action, World& world) {
  const StepTable::Row& row = tables.steps.row(number);
  const bool starts_or_ends_read = action.input.kind == InputKind::read || action.input.kind == InputKind::crash;
  const bool makes_history = row.notes != 0 || starts_or_ends_read;
  if (!row.log_changed && !makes_history) {
    return "";
  }
  const std::size_t nodes = tables.steps.model().bounds.nodes;
  std::array<const Replica*, kMaxNodes> all{};
  for (std::size_t n = 0; n < nodes; ++n) {
    all[n] = &tables.steps.replica(world.replicas[n]);
  }
  const Replicas replicas = std::span(all).first(nodes);
  const bool may_break_matching = row.log_changed && tables.steps.model().protocol.cores.ids_identify_prefix;
  std::string broken = may_break_matching ? check_log_matching(NodeId(action.node + 1U), replicas) : "";
  if (!makes_history || !broken.empty()) {
    return broken;
  }
  Hasher hasher;
  hasher.add(std::uint64_t{world.history} << 32 | number);
  if (const std::uint32_t known = tables.history_after.at(hasher.value()); known != NumberMap::kNone) {
    world.history = known;
    return "";
  }
  const std::size_t decided_before = tables.histories.at(world.history).decided.size();
  broken = enter_into_history(tables, row, action, replicas, world);
  // A first decision is judged by what the others have on their disks, all else by the step alone.
  if (broken.empty() && tables.histories.at(world.history).decided.size() == decided_before) {
    tables.history_after.at(hasher.value()) = world.history;
  }
  return broken;
}

/// Puts what the step of `row` sends into the mail. True: somebody may hear something new.
bool send(Tables& tables, std::uint32_t row, World& world) {
  const unsigned receivers = tables.steps.row(row).receivers;
  bool is_new = false;
  for (std::size_t n = 0; receivers >> n != 0; ++n) {
    if ((receivers >> n & 1U) != 0) {
      const std::uint32_t before = world.mail[n];
      world.mail[n] = tables.mail.with(before, tables.mail.sent(row, n), world.replicas[n]);
      is_new |= world.mail[n] != before;
    }
  }
  return is_new;
}

/// One message or one confirmation of a disk that makes a difference; false: there is none.
bool let_messages_arrive(Tables& tables, World& world, std::vector<Action>& how) {
  std::vector<Action> actions;
  for (std::uint8_t node = 0; node < tables.steps.model().bounds.nodes; ++node) {
    list_actions(tables, world, node, actions);
    for (const Action& action : actions) {
      World next = world;
      const bool is_asked_for = action.input.kind == InputKind::deliver || action.input.kind == InputKind::confirm;
      if (is_asked_for && carry_out(tables, action, next).change != Outcome::Change::none) {
        world = next;
        how.push_back({.node = node, .input = action.input});
        return true;
      }
    }
  }
  return false;
}

}  // namespace

std::uint64_t World::hash_but_mail(std::size_t nodes) const {
  Hasher hasher;
  for (std::size_t n = 0; n < nodes; ++n) {
    hasher.add(std::uint64_t{replicas[n]});
  }
  hasher.add(std::uint64_t{budget.packed()} << 32 | history);
  return hasher.value();
}

void World::pack(std::size_t nodes, std::span<std::uint32_t> words) const {
  std::copy_n(replicas.begin(), nodes, words.begin());
  std::copy_n(mail.begin(), nodes, words.begin() + static_cast<std::ptrdiff_t>(nodes));
  words[2 * nodes] = budget.packed();
  words[2 * nodes + 1] = history;
}

void World::unpack(std::size_t nodes, std::span<const std::uint32_t> words) {
  std::ranges::copy(words.first(nodes), replicas.begin());
  std::ranges::copy(words.subspan(nodes, nodes), mail.begin());
  budget = Budget::unpacked(words[2 * nodes]);
  history = words[2 * nodes + 1];
}

void list_actions(Tables& tables, const World& world, std::uint8_t node, std::vector<Action>& out) {
  const Model& model = tables.steps.model();
  out.clear();
  std::size_t hanging = 0;
  for (std::size_t n = 0; n < model.bounds.nodes; ++n) {
    hanging += tables.steps.replica(world.replicas[n]).disk_hangs ? 1 : 0;
  }
  Lister(model, world, node, tables.steps.replica(world.replicas[node]), out).list(hanging);
  for (const auto& [packet, row] : tables.arrivals.of(world.replicas[node], world.mail[node])) {
    out.push_back({node, {.kind = InputKind::deliver, .argument = packet}, row});
  }
}

Outcome carry_out(Tables& tables, const Action& action, World& world) {
  const std::uint32_t before = world.replicas[action.node];
  const std::uint32_t history_before = world.history;
  const std::uint32_t number = action.row != NumberMap::kNone ? action.row : tables.steps.step(before, action.input);
  world.replicas[action.node] = tables.steps.row(number).next;
  spend(world.budget, action.input.kind);
  Outcome outcome{.violation = judge(tables, number, action, world)};
  const bool is_noticed =
      send(tables, number, world) || world.history != history_before || tables.steps.row(number).log_changed;
  const bool is_changed = is_noticed || world.replicas[action.node] != before;
  if (is_noticed || (is_changed && !tables.steps.model().bounds.reduced)) {
    outcome.change = Outcome::Change::noticed;
    world.mail[action.node] = tables.mail.heard_by(world.replicas[action.node], world.mail[action.node]);
  } else if (is_changed) {
    outcome.change = Outcome::Change::quiet;
  }
  return outcome;
}

World first_lives(const Model& model) {
  World world;
  for (std::uint32_t n = 0; n < model.bounds.nodes; ++n) {
    world.replicas[n] = n;
  }
  world.budget = model.bounds.budget;
  return world;
}

World beginning(Tables& tables, std::vector<Action>& how) {
  const Model& model = tables.steps.model();
  World world = first_lives(model);
  if (!model.bounds.begins_with_change) {
    return world;
  }
  const auto ask_first = [&](InputKind kind) {
    how.push_back({.node = 0, .input = {.kind = kind}});
    const Outcome outcome = carry_out(tables, how.back(), world);
    QUORATE_ASSERT(outcome.violation.empty(), "nothing is wrong before the search begins");
  };
  ask_first(InputKind::election);
  while (let_messages_arrive(tables, world, how)) {
  }
  world.mail = {};  // nothing of that comes again
  ask_first(InputKind::reconfigure);
  world.budget = model.bounds.budget;
  return world;
}

}  // namespace quorate::explore
