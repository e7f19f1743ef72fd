#include "sim/shrink.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace quorate::sim {
namespace {

using std::chrono::milliseconds;

/// Other courses of a run that are tried before it counts as one that does not fail.
constexpr std::uint64_t kVariants = 6;
/// Below this a shorter run tells a reader nothing more.
constexpr std::int64_t kStepMilliseconds = 5;

class Shrinker {
 public:
  Shrinker(const RunSettings& failing, const Fails& fails) : best_(failing), fails_(fails) {}

  RunSettings shrink() {
    reduce();
    variants_ = kVariants;
    reduce();
    variants_ = 0;
    round_times();
    return std::move(best_);
  }

 private:
  void reduce() {
    for (bool changed = true; changed;) {
      changed = shorten();
      changed = drop_faults() || changed;
      changed = lower_counts() || changed;
    }
  }

  bool take_if_failing(RunSettings candidate) {
    const std::uint64_t present = candidate.variant;
    for (std::uint64_t i = 0; i <= variants_; ++i) {
      candidate.variant = present + i;
      if (fails_(candidate)) {
        best_ = std::move(candidate);
        return true;
      }
    }
    return false;
  }

  /// Towards `low` as far as it goes: at once, else by half of the way, by a quarter, ... by `step`.
  template <class Number, class Make>
  bool lower(Number present, Number low, Number step, Make make) {
    bool changed = false;
    for (Number way = present > low ? present - low : Number(); way >= step;) {
      if (take_if_failing(make(present - way))) {
        changed = true;
        present = present - way;
        way = std::min<Number>(way, present - low);
      } else {
        way = way / 2;
      }
    }
    return changed;
  }

  bool shorten() {
    return lower<std::int64_t>(best_.safety_phase / milliseconds(1), 0, kStepMilliseconds, [this](std::int64_t length) {
      RunSettings candidate = best_;
      candidate.safety_phase = milliseconds(length);
      std::erase_if(*candidate.faults, [&](const FaultEvent& event) { return event.at >= candidate.safety_phase; });
      return candidate;
    });
  }

  bool lower_counts() {
    const auto groups = lower<std::uint32_t>(best_.nodes.group_count, 1, 1, [this](std::uint32_t count) {
      RunSettings candidate = best_;
      candidate.nodes.group_count = count;
      return candidate;
    });
    const auto watchers = lower<std::uint32_t>(best_.watchers, 0, 1, [this](std::uint32_t count) {
      RunSettings candidate = best_;
      candidate.watchers = count;
      return candidate;
    });
    // One client at least: it has the last writes to do.
    const auto clients = lower<std::uint32_t>(best_.workload.clients, 1, 1, [this](std::uint32_t count) {
      RunSettings candidate = best_;
      candidate.workload.clients = count;
      return candidate;
    });
    return groups || watchers || clients;
  }

  /// All of them, then halves, quarters, ... single ones, until no single one can go.
  bool drop_faults() {
    bool changed = false;
    for (std::size_t size = best_.faults->size(); size > 0;) {
      bool dropped = false;
      for (std::size_t first = 0; first < best_.faults->size();) {
        RunSettings candidate = best_;
        const auto begin = candidate.faults->begin() + static_cast<std::ptrdiff_t>(first);
        const std::size_t count = std::min(size, candidate.faults->size() - first);
        candidate.faults->erase(begin, begin + static_cast<std::ptrdiff_t>(count));
        if (take_if_failing(std::move(candidate))) {
          dropped = true;
        } else {
          first += size;
        }
      }
      changed = changed || dropped;
      if (!dropped || size > 1) {
        size = size == 1 ? 0 : (size + 1) / 2;
      }
    }
    return changed;
  }

  /// Whole milliseconds read better.
  void round_times() {
    for (std::size_t i = 0; i < best_.faults->size(); ++i) {
      RunSettings candidate = best_;
      Duration& at = (*candidate.faults)[i].at;
      at = std::chrono::duration_cast<milliseconds>(at);
      if (at != (*best_.faults)[i].at) {
        (void)take_if_failing(std::move(candidate));
      }
    }
  }

  RunSettings best_;
  const Fails& fails_;
  std::uint64_t variants_ = 0;
};

}  // namespace

RunSettings shrink(const RunSettings& failing, const Fails& fails) {
  QUORATE_ASSERT(failing.faults.has_value(), "only a run whose faults are a list can be made smaller", failing.seed);
  return Shrinker(failing, fails).shrink();
}

}  // namespace quorate::sim
