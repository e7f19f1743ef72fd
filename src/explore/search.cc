#include "explore/search.h"

#include <algorithm>
#include <utility>

#include "explore/seen.h"
#include "explore/story.h"
#include "explore/symmetry.h"
#include "explore/waiting.h"
#include "explore/world.h"

namespace quorate::explore {

namespace {

enum class Order : std::uint8_t {
  by_rank,    ///< quick
  by_events,  ///< the first violation has a shortest history
};

/// How a world was reached first.
struct Origin {
  std::uint32_t parent = 0;
  std::uint16_t chosen = 0;  ///< which of the actions in the parent
  std::uint16_t depth = 0;
};

class Search {
 public:
  Search(const Model& model, const OnProgress& progress, Order order, std::uint64_t max_states)
      : model_(model),
        progress_(progress),
        order_(order),
        max_states_(max_states),
        tables_(model),
        symmetry_(tables_),
        seen_(tables_.said, model.bounds.nodes, !model.bounds.reduced),
        waiting_(model.bounds.nodes) {}

  Result run() {
    World world = beginning(model_);
    symmetry_.normalise(world);
    seen_.insert(world, 0);
    origins_.push_back({});
    waiting_.push(world, 0, 0);
    bool goes_on = true;
    std::uint32_t number = 0;
    while (goes_on && waiting_.pop(world, number)) {
      goes_on = needs_no_expansion(number) || (expand(world, number) && report());
    }
    result_.exhausted = goes_on;
    result_.reached.states = seen_.size();
    result_.reached.frontier = waiting_.size();
    result_.steps_run = tables_.steps.steps();
    result_.replicas = tables_.steps.replicas();
    return std::move(result_);
  }

 private:
  /// Another world stands for it; where a shortest history is wanted, only one that is not later.
  [[nodiscard]] bool needs_no_expansion(std::uint32_t number) const {
    const std::uint32_t by = seen_.covered_by(number);
    return by != NumberMap::kNone && (order_ == Order::by_rank || origins_[by].depth <= origins_[number].depth);
  }

  /// False: the search ends here.
  bool report() {
    constexpr std::uint64_t kEvery = 8192;
    result_.reached.states = seen_.size();
    result_.reached.frontier = waiting_.size();
    return ++expanded_ % kEvery != 0 || progress_(result_.reached);
  }

  /// False: the search ends here.
  bool expand(const World& world, std::uint32_t number) {
    list_actions(tables_, world, actions_);
    for (std::size_t chosen = 0; chosen < actions_.size(); ++chosen) {
      bool changed = false;
      World next = world;
      result_.violation = carry_out(tables_, actions_[chosen], next, changed);
      if (!result_.violation.empty()) {
        result_.events = origins_[number].depth + 1U;
        Story story = tell_story(tables_, symmetry_, path_to(number, static_cast<std::uint16_t>(chosen)));
        result_.story = std::move(story.lines);
        result_.violation = std::move(story.violation);
        return false;
      }
      if (changed) {
        ++result_.transitions;
        symmetry_.normalise(next);
        if (!enter(next, {number, static_cast<std::uint16_t>(chosen),
                          static_cast<std::uint16_t>(origins_[number].depth + 1)})) {
          return false;
        }
      }
    }
    return true;
  }

  /// False: there is no room for one more.
  bool enter(const World& world, const Origin& origin) {
    const auto number = static_cast<std::uint32_t>(origins_.size());
    if (!seen_.insert(world, number)) {
      return true;
    }
    origins_.push_back(origin);
    result_.reached.depth = std::max<std::uint64_t>(result_.reached.depth, origin.depth);
    waiting_.push(world, number, rank_of(world, origin));
    return seen_.size() < max_states_;
  }

  [[nodiscard]] std::size_t rank_of(const World& world, const Origin& origin) const {
    if (order_ == Order::by_events) {
      return origin.depth;
    }
    std::size_t rank = 0;
    for (std::size_t n = 0; n < model_.bounds.nodes; ++n) {
      rank += tables_.steps.replica(world.replicas[n]).rank;
    }
    return rank;
  }

  [[nodiscard]] std::vector<std::uint16_t> path_to(std::uint32_t number, std::uint16_t last) const {
    std::vector<std::uint16_t> path{last};
    for (std::uint32_t at = number; at != 0; at = origins_[at].parent) {
      path.push_back(origins_[at].chosen);
    }
    std::ranges::reverse(path);
    return path;
  }

  const Model& model_;
  const OnProgress& progress_;
  Order order_;
  std::uint64_t max_states_;
  Tables tables_;
  Symmetry symmetry_;
  Seen seen_;
  std::vector<Origin> origins_;  ///< by the world's number
  Waiting waiting_;
  std::vector<Action> actions_;
  std::uint64_t expanded_ = 0;
  Result result_;
};

}  // namespace

Result search(const Model& model, const OnProgress& progress) {
  const std::uint64_t limit = model.bounds.max_states;
  Result first = Search(model, progress, Order::by_events, std::min(model.bounds.first_look, limit)).run();
  if (!first.violation.empty() || first.exhausted || limit <= model.bounds.first_look) {
    first.is_shortest = true;
    return first;
  }
  Result found = Search(model, progress, Order::by_rank, limit).run();
  if (found.violation.empty()) {
    return found;
  }
  const OnProgress shortens = [&progress](const Progress& now) {
    Progress told = now;
    told.shortens = true;
    return progress(told);
  };
  Result shortest = Search(model, shortens, Order::by_events, limit).run();
  if (shortest.violation.empty()) {
    return found;
  }
  shortest.is_shortest = true;
  return shortest;
}

}  // namespace quorate::explore
