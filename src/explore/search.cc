#include "explore/search.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "explore/seen.h"
#include "explore/story.h"
#include "explore/symmetry.h"
#include "explore/turns.h"
#include "explore/waiting.h"
#include "explore/world.h"

namespace quorate::explore {

namespace {

enum class Order : std::uint8_t {
  by_rank,    ///< quick
  by_events,  ///< the first violation has a shortest history
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
        turns_(tables_),
        seen_(tables_.mail,
              {.nodes = model.bounds.nodes, .keeps_all = !model.bounds.reduced, .shortest = order == Order::by_events}),
        waiting_(model.bounds.nodes) {}

  Result run() {
    std::vector<Action> how;
    World world = beginning(tables_, how);
    symmetry_.normalise(world);
    bool goes_on = enter(world, {.events = static_cast<std::uint16_t>(how.size())});
    std::uint32_t number = 0;
    while (goes_on && !is_found(waiting_.lowest_rank()) && waiting_.pop(world, number)) {
      goes_on = !seen_.is_kept(number) || (expand(world, number) && report());
    }
    result_.exhausted = goes_on && !found_;
    if (found_) {
      tell();
    }
    result_.reached.states = seen_.size();
    result_.reached.frontier = waiting_.size();
    result_.steps_run = tables_.steps.steps();
    result_.replicas = tables_.steps.replicas();
    return std::move(result_);
  }

 private:
  /// A turn that breaks a rule.
  struct Found {
    std::uint32_t parent = 0;
    std::uint16_t turn = 0;
    std::size_t events = 0;
  };

  /// What waits cannot break a rule after fewer events. By rank the first that is found is good enough.
  [[nodiscard]] bool is_found(std::size_t lowest_rank) const {
    return found_ && (order_ == Order::by_rank || found_->events <= lowest_rank + 1);
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
    const std::size_t events = seen_.origin(number).events;
    turns_.start(world);
    for (std::uint16_t turn = 0; turns_.next(); ++turn) {
      const std::size_t events_after = events + turns_.length();
      if (!turns_.violation().empty()) {
        if (!found_ || found_->events > events_after) {
          found_ = {number, turn, events_after};
        }
        continue;
      }
      World next = turns_.end();
      symmetry_.normalise(next);
      if (!enter(next, {number, turn, static_cast<std::uint16_t>(events_after)})) {
        return false;
      }
    }
    result_.transitions += turns_.transitions();
    return true;
  }

  /// False: there is no room for one more.
  bool enter(const World& world, const Seen::Origin& origin) {
    const std::uint32_t number = seen_.insert(world, origin);
    if (number == NumberMap::kNone) {
      return true;
    }
    result_.reached.depth = std::max<std::uint64_t>(result_.reached.depth, origin.events);
    waiting_.push(world, number, rank_of(world, origin));
    return seen_.size() < max_states_;
  }

  [[nodiscard]] std::size_t rank_of(const World& world, const Seen::Origin& origin) const {
    if (order_ == Order::by_events) {
      return origin.events;
    }
    std::size_t rank = 0;
    for (std::size_t n = 0; n < model_.bounds.nodes; ++n) {
      rank += tables_.steps.replica(world.replicas[n]).rank;
    }
    return rank;
  }

  void tell() {
    std::vector<std::uint16_t> path{found_->turn};
    for (std::uint32_t at = found_->parent; at != 0; at = seen_.origin(at).parent) {
      path.push_back(seen_.origin(at).turn);
    }
    std::ranges::reverse(path);
    Story story = tell_story(tables_, symmetry_, path);
    result_.story = std::move(story.lines);
    result_.violation = std::move(story.violation);
    result_.events = found_->events;
  }

  const Model& model_;
  const OnProgress& progress_;
  Order order_;
  std::uint64_t max_states_;
  Tables tables_;
  Symmetry symmetry_;
  Turns turns_;
  Seen seen_;
  Waiting waiting_;
  std::optional<Found> found_;
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
