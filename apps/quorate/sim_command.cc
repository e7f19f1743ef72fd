#include "sim_command.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <optional>
#include <vector>

#include "base/assert.h"
#include "base/plant.h"
#include "sim/search.h"
#include "sim_options.h"
#include "sim_shrink.h"
#include "story_list.h"

namespace quorate {
namespace {

constexpr auto kProgressInterval = std::chrono::seconds(2);

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// The run under way, for the hook.
struct {
  sim::RunSettings settings;
  std::string plant;
  double shrink_cpu_seconds = 0;
} g_under_way;

/// A failed assertion ends the process: says first how to see it again, and how small it can be.
void on_assert_failed(std::string_view /*report*/) {
  std::printf("VIOLATION assertion failed; repeat with: %s\n",
              repeat_command(g_under_way.settings, g_under_way.plant).c_str());
  if (g_under_way.shrink_cpu_seconds > 0) {
    shrink_and_tell(g_under_way.settings, g_under_way.shrink_cpu_seconds, g_under_way.plant);
  }
  std::fflush(stdout);
}

sim::RunResult carry_out(const sim::RunSettings& settings) {
  g_under_way.settings = settings;
  return sim::run(settings);
}

/// One run; the same seed and flags print the same bytes.
int repeat_one(const SimOptions& options) {
  sim::RunSettings settings = settings_of(options.seed, options.overrides);
  const sim::Story story = story_of(*options.overrides.protocol);
  settings.story = options.tells ? &story : nullptr;
  const sim::RunResult result = carry_out(settings);
  const std::string protocol(settings.nodes.factory.protocol);
  std::printf(
      "seed %llu, %s: %llu events, %llu acknowledged, %llu unknown, %llu leader changes, %llu crashes, "
      "%llu power losses, trace %016llx\n",
      static_cast<unsigned long long>(options.seed), protocol.c_str(), static_cast<unsigned long long>(result.events),
      static_cast<unsigned long long>(result.acknowledged), static_cast<unsigned long long>(result.unknown),
      static_cast<unsigned long long>(result.leader_changes), static_cast<unsigned long long>(result.crashes),
      static_cast<unsigned long long>(result.power_losses), static_cast<unsigned long long>(result.trace_hash));
  if (!result.violation.empty()) {
    std::printf("VIOLATION %s\n", result.violation.c_str());
    return 1;
  }
  std::puts("clean");
  return 0;
}

int search(const SimOptions& options) {
  sim::Search search;
  const double cpu_began = cpu_seconds();
  auto progress_due = std::chrono::steady_clock::now() + kProgressInterval;
  for (std::uint64_t i = 0; i < options.runs; ++i) {
    const sim::RunSettings settings = settings_of(options.seed + i, options.overrides);
    const sim::RunResult result = carry_out(settings);
    search.add(result);
    if (!result.violation.empty()) {
      std::printf("VIOLATION %s\nafter %llu runs and %.1f s of CPU; repeat with: %s --story\n",
                  result.violation.c_str(), static_cast<unsigned long long>(i + 1), cpu_seconds() - cpu_began,
                  repeat_command(settings, options.plant).c_str());
      if (options.shrink_cpu_seconds > 0) {
        shrink_and_tell(settings, options.shrink_cpu_seconds, options.plant);
      }
      return 1;
    }
    if (options.cpu_seconds > 0 && cpu_seconds() - cpu_began > options.cpu_seconds) {
      std::printf("nothing found in %.1f s of CPU, %llu runs\n", cpu_seconds() - cpu_began,
                  static_cast<unsigned long long>(i + 1));
      return 3;
    }
    if (std::chrono::steady_clock::now() > progress_due) {
      progress_due += kProgressInterval;
      std::fprintf(stderr, "%llu of %llu runs, %.1f ms of CPU a run\n", static_cast<unsigned long long>(i + 1),
                   static_cast<unsigned long long>(options.runs),
                   1000 * (cpu_seconds() - cpu_began) / static_cast<double>(i + 1));
    }
  }
  std::fputs(search.report().c_str(), stdout);
  const double per_run_ms = 1000 * (cpu_seconds() - cpu_began) / static_cast<double>(options.runs);
  const std::vector<std::string> missing =
      search.not_clean(options.overrides.protocol->branches, options.overrides.protocol->keeps_log());
  for (const std::string& what : missing) {
    std::printf("NOT CLEAN: %s\n", what.c_str());
  }
  std::printf("%s: %s, %llu runs from seed %llu, %.1f ms of CPU a run, %s\n", missing.empty() ? "clean" : "NOT CLEAN",
              std::string(options.overrides.protocol->name()).c_str(), static_cast<unsigned long long>(options.runs),
              static_cast<unsigned long long>(options.seed), per_run_ms, search.summary().c_str());
  return missing.empty() ? 0 : 1;
}

}  // namespace

int sim_command(std::span<const std::string> arguments) {
  int exit_code = 0;
  const std::optional<SimOptions> options = parse_sim_options(arguments, exit_code);
  if (!options) {
    return exit_code;
  }
  if (options->list) {
    return list_stories(options->protocol);
  }
#ifdef QUORATE_PLANTS
  activate_plant(options->plant);
#endif
  if (!options->story.empty()) {
    return play_stories(options->story, options->protocol);
  }
  g_under_way.plant = options->plant;
  if (options->shrinks) {
    return shrink_and_tell(settings_of(options->seed, options->overrides), options->shrink_cpu_seconds, options->plant)
               ? 1
               : 0;
  }
  g_under_way.shrink_cpu_seconds = options->runs > 0 ? options->shrink_cpu_seconds : 0;
  set_assert_hook(&on_assert_failed);
  return options->runs == 0 ? repeat_one(*options) : search(*options);
}

}  // namespace quorate
