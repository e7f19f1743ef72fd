#include "sim_command.h"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/assert.h"
#include "base/plant.h"
#include "consensus/raft/raft.h"
#include "sim/search.h"
#include "story_list.h"

namespace quorate {
namespace {

constexpr auto kProgressInterval = std::chrono::seconds(2);

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string repeat_command(std::uint64_t seed, const std::string& plant) {
  return "quorate sim --seed " + std::to_string(seed) + (plant.empty() ? "" : " --plant " + plant);
}

std::string g_repeat;  // the run under way, for the hook

/// A failed assertion ends the process: says first how to see it again.
void on_assert_failed(std::string_view /*report*/) {
  std::printf("VIOLATION assertion failed; repeat with: %s\n", g_repeat.c_str());
  std::fflush(stdout);
}

sim::RunResult carry_out(const sim::RunSettings& settings, const std::string& plant) {
  g_repeat = repeat_command(settings.seed, plant);
  return sim::run(settings);
}

/// One run, told as a story; the same seed prints the same bytes.
int repeat_one(std::uint64_t seed, bool story, const std::string& plant) {
  sim::RunSettings settings = sim::default_settings(seed, raft::raft_factory());
  settings.story = story;
  const sim::RunResult result = carry_out(settings, plant);
  for (const std::string& line : result.story) {
    std::puts(line.c_str());
  }
  std::printf(
      "seed %llu: %llu events, %llu acknowledged, %llu unknown, %llu leader changes, %llu crashes, "
      "%llu power losses, trace %016llx\n",
      static_cast<unsigned long long>(seed), static_cast<unsigned long long>(result.events),
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

int search(std::uint64_t first_seed, std::uint64_t runs, double cpu_limit, const std::string& plant) {
  sim::Search search;
  const double cpu_began = cpu_seconds();
  auto progress_due = std::chrono::steady_clock::now() + kProgressInterval;
  for (std::uint64_t i = 0; i < runs; ++i) {
    const std::uint64_t seed = first_seed + i;
    const sim::RunResult result = carry_out(sim::default_settings(seed, raft::raft_factory()), plant);
    search.add(result);
    if (!result.violation.empty()) {
      std::printf("VIOLATION %s\nafter %llu runs and %.1f s of CPU; repeat with: %s --story\n",
                  result.violation.c_str(), static_cast<unsigned long long>(i + 1), cpu_seconds() - cpu_began,
                  repeat_command(seed, plant).c_str());
      return 1;
    }
    if (cpu_limit > 0 && cpu_seconds() - cpu_began > cpu_limit) {
      std::printf("nothing found in %.1f s of CPU, %llu runs\n", cpu_seconds() - cpu_began,
                  static_cast<unsigned long long>(i + 1));
      return 3;
    }
    if (std::chrono::steady_clock::now() > progress_due) {
      progress_due += kProgressInterval;
      std::fprintf(stderr, "%llu of %llu runs, %.1f ms of CPU a run\n", static_cast<unsigned long long>(i + 1),
                   static_cast<unsigned long long>(runs),
                   1000 * (cpu_seconds() - cpu_began) / static_cast<double>(i + 1));
    }
  }
  std::fputs(search.report().c_str(), stdout);
  const double per_run_ms = 1000 * (cpu_seconds() - cpu_began) / static_cast<double>(runs);
  const std::vector<std::string> missing = search.not_clean(raft::raft_trace_names());
  for (const std::string& what : missing) {
    std::printf("NOT CLEAN: %s\n", what.c_str());
  }
  std::printf("%s: %llu runs from seed %llu, %.1f ms of CPU a run, %s\n", missing.empty() ? "clean" : "NOT CLEAN",
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(first_seed), per_run_ms,
              search.summary().c_str());
  return missing.empty() ? 0 : 1;
}

bool choose_plant(const std::string& plant) {
#ifdef QUORATE_PLANTS
  activate_plant(plant);
  return true;
#else
  return plant.empty();
#endif
}

}  // namespace

int sim_command(std::span<const std::string> arguments) {
  std::uint64_t seed = 1;
  std::uint64_t runs = 0;
  double cpu_limit = 0;
  bool list = false;
  std::string story;
  std::string plant;
  CLI::App app("quorate sim: the deterministic simulator. One seed decides everything of a run.");
  app.add_option("--seed", seed, "the run to repeat, or the first of a search")->capture_default_str();
  app.add_option("--runs", runs, "search this many seeds; ends with one summary line");
  app.add_option("--cpu-seconds", cpu_limit, "stop the search after so much CPU (exit code 3)");
  app.add_option("--plant", plant, "activate a planted bug (plants build only)");
  app.add_flag("--list", list, "the named scenarios, one a line");
  CLI::Option* tells = app.add_option("--story", story,
                                      "with a name or ID of --list: play that scenario in lanes; alone: tell what "
                                      "happens in the run, event by event")
                           ->expected(0, 1)
                           ->type_name("[NAME]");
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!choose_plant(plant)) {
    std::fprintf(stderr, "quorate sim: --plant=%s: this binary has no planted bugs; build the preset `plants`\n",
                 plant.c_str());
    return 2;
  }
  if (list) {
    return list_stories();
  }
  if (!story.empty()) {
    return play_stories(story);
  }
  set_assert_hook(&on_assert_failed);
  return runs == 0 ? repeat_one(seed, tells->count() > 0, plant) : search(seed, runs, cpu_limit, plant);
}

}  // namespace quorate
