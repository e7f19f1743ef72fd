#include "explore/turns.h"

#include <algorithm>
#include <utility>

namespace quorate::explore {

void Turns::start(const World& world) {
  world_ = world;
  node_ = 0;
  quiet_.assign(1, {.replica = world.replicas[0], .budget = world.budget, .last = {}});
  at_ = 0;
  transitions_ = 0;
  list();
}

bool Turns::next() {
  while (action_ < actions_.size() || go_to_next_list()) {
    if (action_ == actions_.size()) {
      continue;
    }
    const Action& action = actions_[action_++];
    end_ = world_;
    end_.replicas[node_] = quiet_[at_].replica;
    end_.budget = quiet_[at_].budget;
    Outcome outcome = carry_out(tables_, action, end_);
    transitions_ += outcome.change != Outcome::Change::none ? 1 : 0;
    if (!outcome.violation.empty() || outcome.change == Outcome::Change::noticed) {
      violation_ = std::move(outcome.violation);
      return true;
    }
    if (outcome.change == Outcome::Change::quiet) {
      add(action);
    }
  }
  return false;
}

std::vector<Action> Turns::steps() const {
  std::vector<Action> steps{actions_[action_ - 1]};
  for (std::size_t at = at_; at != 0; at = quiet_[at].before) {
    steps.push_back(quiet_[at].last);
  }
  std::ranges::reverse(steps);
  return steps;
}

bool Turns::go_to_next_list() {
  if (++at_ == quiet_.size()) {
    if (++node_ == tables_.steps.model().bounds.nodes) {
      return false;
    }
    quiet_.assign(1, {.replica = world_.replicas[node_], .budget = world_.budget, .last = {}});
    at_ = 0;
  }
  list();
  return true;
}

void Turns::list() {
  World world = world_;
  world.replicas[node_] = quiet_[at_].replica;
  world.budget = quiet_[at_].budget;
  list_actions(tables_, world, node_, actions_);
  action_ = 0;
}

void Turns::add(const Action& last) {
  const std::uint32_t replica = end_.replicas[node_];
  const std::uint32_t budget = end_.budget.packed();
  const bool is_known = std::ranges::any_of(
      quiet_, [&](const Quiet& one) { return one.replica == replica && one.budget.packed() == budget; });
  if (!is_known) {
    quiet_.push_back(
        {.replica = replica, .budget = end_.budget, .steps = quiet_[at_].steps + 1, .before = at_, .last = last});
  }
}

}  // namespace quorate::explore
