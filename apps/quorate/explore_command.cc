#include "explore_command.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/plant.h"
#include "explore/search.h"
#include "protocols/protocols.h"

namespace quorate {
namespace {

constexpr auto kProgressInterval = std::chrono::seconds(2);

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

unsigned long long printable(std::uint64_t value) { return value; }

int report(const explore::Result& result, const std::string& bounds, double seconds) {
  for (const std::string& line : result.story) {
    std::puts(line.c_str());
  }
  if (!result.violation.empty()) {
    std::printf("VIOLATION %s\n", result.violation.c_str());
    std::printf("after %llu events%s\n", printable(result.events),
                result.is_shortest ? ", and no violation has fewer" : "; there may be a shorter way");
  }
  const char* verdict = !result.violation.empty() ? "VIOLATION" : result.exhausted ? "clean" : "NOT CLEAN";
  std::printf(
      "%s: bounds %s, %llu states, %llu transitions, depth %llu, %s, %llu states of one node, %llu steps on the core, "
      "%.1f s of CPU, %.0f states/s\n",
      verdict, bounds.c_str(), printable(result.reached.states), printable(result.transitions),
      printable(result.reached.depth), result.exhausted ? "exhausted" : "not exhausted", printable(result.replicas),
      printable(result.steps_run), seconds, static_cast<double>(result.reached.states) / std::max(seconds, 0.001));
  if (!result.violation.empty()) {
    return 1;
  }
  return result.exhausted ? 0 : 3;
}

int run(const consensus::Protocol& protocol, explore::Bounds bounds, const std::string& name, double cpu_limit) {
  const explore::Model model{.protocol = protocol, .bounds = std::move(bounds)};
  const double began = cpu_seconds();
  auto due = std::chrono::steady_clock::now() + kProgressInterval;
  const explore::Result result = explore::search(model, [&](const explore::Progress& now) {
    if (std::chrono::steady_clock::now() > due) {
      due += kProgressInterval;
      std::fprintf(stderr, "%s%llu states, %llu waiting, depth %llu, %.0f s of CPU\n",
                   now.shortens ? "found one, looking for the shortest: " : "", printable(now.states),
                   printable(now.frontier), printable(now.depth), cpu_seconds() - began);
    }
    return cpu_limit <= 0 || cpu_seconds() - began < cpu_limit;
  });
  return report(result, name, cpu_seconds() - began);
}

bool choose_plant(const std::string& plant) {
#ifdef QUORATE_PLANTS
  if (!plant.empty()) {
    activate_plant(plant);  // else QUORATE_PLANT of the environment holds
  }
  return true;
#else
  return plant.empty();
#endif
}

struct Choices {
  std::string protocol;
  std::string bounds = "small";
  std::string plant;
  double cpu_limit = 0;
  std::uint64_t max_states = 0;
  std::size_t crashing = 0;
  bool unreduced = false;
  std::array<std::optional<unsigned>, 6> budget{};  ///< as in budgets_of
};

/// What each of the budget's flags sets.
std::array<std::pair<const char*, std::uint8_t*>, 6> budgets_of(explore::Budget& budget) {
  return {{{"--elections", &budget.elections},
           {"--proposals", &budget.proposals},
           {"--crashes", &budget.crashes},
           {"--heartbeats", &budget.heartbeats},
           {"--reads", &budget.reads},
           {"--reconfigurations", &budget.reconfigurations}}};
}

void add_options(CLI::App& app, Choices& choices) {
  app.add_option("protocol", choices.protocol, protocols::names())->required();
  app.add_option("--bounds", choices.bounds,
                 explore::names_of_bounds(true) + "; without a log " + explore::names_of_bounds(false))
      ->capture_default_str();
  explore::Budget names;
  for (std::size_t i = 0; i < choices.budget.size(); ++i) {
    app.add_option(budgets_of(names)[i].first, choices.budget[i], "so many, whatever the bounds say")
        ->check(CLI::Range(0U, 15U));
  }
  app.add_option("--crashing", choices.crashing,
                 "only this node crashes, 1 the first: a search with one crash in as many parts as there are nodes");
  app.add_option("--max-states", choices.max_states, "stop unfinished at so many states (exit code 3)");
  app.add_option("--cpu-seconds", choices.cpu_limit, "stop unfinished after so much CPU (exit code 3)");
  app.add_flag("--unreduced", choices.unreduced, "leave out no schedule, to compare");
  app.add_option("--plant", choices.plant, "activate a planted bug (plants build only)");
}

/// The named bounds with what the flags change; `name` tells of the change.
std::optional<explore::Bounds> chosen_bounds(const Choices& choices, const consensus::Protocol& protocol,
                                             std::string& name) {
  std::optional<explore::Bounds> bounds = explore::bounds_named(choices.bounds, protocol.cores);
  if (!bounds) {
    return bounds;
  }
  name = choices.bounds;
  const auto budgets = budgets_of(bounds->budget);
  for (std::size_t i = 0; i < budgets.size(); ++i) {
    if (choices.budget[i]) {
      *budgets[i].second = static_cast<std::uint8_t>(*choices.budget[i]);
      name += std::string(" ") + budgets[i].first + " " + std::to_string(*choices.budget[i]);
    }
  }
  if (choices.crashing > 0) {
    name += " --crashing " + std::to_string(choices.crashing);
    bounds->crashing = choices.crashing;
  }
  name += choices.unreduced ? " --unreduced" : "";
  bounds->reduced = !choices.unreduced;
  bounds->max_states = choices.max_states > 0 ? choices.max_states : bounds->max_states;
  return bounds;
}

}  // namespace

int explore_command(std::span<const std::string> arguments) {
  Choices choices;
  CLI::App app("quorate explore: every schedule of a small cluster within bounds, on the real core.");
  add_options(app, choices);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const consensus::Protocol* protocol = protocols::find(choices.protocol);
  if (protocol == nullptr) {
    std::fprintf(stderr, "quorate explore: %s: unknown protocol; there is %s\n", choices.protocol.c_str(),
                 protocols::names().c_str());
    return 2;
  }
  std::string name;
  std::optional<explore::Bounds> bounds = chosen_bounds(choices, *protocol, name);
  if (!bounds) {
    std::fprintf(stderr, "quorate explore: --bounds=%s: unknown; choose %s\n", choices.bounds.c_str(),
                 explore::names_of_bounds(protocol->keeps_log()).c_str());
    return 2;
  }
  if (!choose_plant(choices.plant)) {
    std::fprintf(stderr, "quorate explore: --plant=%s: this binary has no planted bugs; build the preset `plants`\n",
                 choices.plant.c_str());
    return 2;
  }
  return run(*protocol, std::move(*bounds), name, choices.cpu_limit);
}

}  // namespace quorate
