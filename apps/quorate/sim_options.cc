#include "sim_options.h"

#include <cstdio>
#include <cstdlib>

#include <CLI/CLI.hpp>

#include "simulated_protocols.h"

namespace quorate {
namespace {

using std::chrono::milliseconds;

void add_options(CLI::App& app, SimOptions& options) {
  app.add_option("--seed", options.seed, "the run to repeat, or the first of a search")->capture_default_str();
  app.add_option("--runs", options.runs, "search this many seeds; ends with one summary line");
  app.add_option("--cpu-seconds", options.cpu_seconds, "stop the search after so much CPU (exit code 3)");
  app.add_option("--protocol", options.protocol,
                 "the protocol whose cores run: " + protocols::names(simulated_protocols()))
      ->type_name("NAME");
  app.add_option("--plant", options.plant, "activate a planted bug (plants build only)")->envname("QUORATE_PLANT");
  app.add_flag("--list", options.list, "the named scenarios, one a line");
  app.add_option("--story", options.story,
                 "with a name or ID of --list: play that scenario in lanes; alone: tell what happens in the run")
      ->expected(0, 1)
      ->type_name("[NAME]");
  app.add_flag("--shrink", options.shrinks, "find the smallest run that fails as this seed's does, and tell it");
  app.add_option("--shrink-cpu-seconds", options.shrink_cpu_seconds,
                 "CPU for making a failing run smaller; 0: a search does not")
      ->capture_default_str();
  const auto reduced = [&](const char* name, auto& value, const char* what) {
    app.add_option(name, value, what)->group("A smaller run");
  };
  reduced("--variant", options.overrides.variant, "another course under the same settings and faults");
  reduced("--nodes", options.overrides.nodes, "nodes (default 3, in some runs 5)");
  reduced("--groups", options.overrides.groups, "consensus groups (default 3)");
  reduced("--clients", options.overrides.clients, "clients");
  reduced("--watchers", options.overrides.watchers, "watchers");
  reduced("--safety-ms", options.overrides.safety_ms, "length of the phase in which faults strike, in virtual time");
  reduced("--faults", options.overrides.faults,
          "what strikes, instead of what the seed draws: NAME@MS/NODE/DETAIL/..., separated by commas; or none");
}

/// What is wrong with the options' values, in words.
std::string objection_to(const SimOptions& options) {
  const RunOverrides& overrides = options.overrides;
  if (!options.protocol.empty() && find_simulated(options.protocol) == nullptr) {
    return "--protocol " + options.protocol + ": unknown; known are " + protocols::names(simulated_protocols());
  }
  if (overrides.nodes && (*overrides.nodes < 3 || *overrides.nodes > 9)) {
    return "--nodes " + std::to_string(*overrides.nodes) + ": 3 to 9";
  }
  if (overrides.groups == 0U || overrides.groups.value_or(1) > 64) {
    return "--groups " + std::to_string(*overrides.groups) + ": 1 to 64";
  }
  if (overrides.clients == 0U || overrides.clients.value_or(1) > 100) {
    return "--clients " + std::to_string(*overrides.clients) + ": 1 to 100";
  }
  if (overrides.watchers.value_or(0) > 100) {
    return "--watchers " + std::to_string(*overrides.watchers) + ": at most 100";
  }
  if (overrides.safety_ms.value_or(0) > 600'000) {
    return "--safety-ms " + std::to_string(*overrides.safety_ms) + ": at most 600000";
  }
  if (!overrides.faults.empty() && !sim::parse_faults(overrides.faults)) {
    return "--faults " + overrides.faults + ": not a list such as crash@412/2/87,partition@500/1/230, nor none";
  }
#ifndef QUORATE_PLANTS
  if (!options.plant.empty()) {
    return "--plant=" + options.plant + ": this binary has no planted bugs; build the preset `plants`";
  }
#endif
  return {};
}

}  // namespace

std::optional<SimOptions> parse_sim_options(std::span<const std::string> arguments, int& exit_code) {
  SimOptions options;
  CLI::App app("quorate sim: the deterministic simulator. One seed decides everything of a run.");
  add_options(app, options);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  options.tells = app.count("--story") > 0;
  if (const std::string objection = objection_to(options); !objection.empty()) {
    std::fprintf(stderr, "quorate sim: %s\n", objection.c_str());
    exit_code = 2;
    return std::nullopt;
  }
  if (!options.protocol.empty()) {
    options.overrides.protocol = find_simulated(options.protocol);
  }
  return options;
}

sim::RunSettings settings_of(std::uint64_t seed, const RunOverrides& overrides) {
  sim::RunSettings settings = sim::default_settings(seed, overrides.protocol->cores);
  settings.variant = overrides.variant;
  settings.nodes.node_count = overrides.nodes.value_or(settings.nodes.node_count);
  settings.nodes.group_count = overrides.groups.value_or(settings.nodes.group_count);
  settings.workload.clients = overrides.clients.value_or(settings.workload.clients);
  settings.watchers = overrides.watchers.value_or(settings.watchers);
  if (overrides.safety_ms) {
    settings.safety_phase = milliseconds(*overrides.safety_ms);
  }
  if (!overrides.faults.empty()) {
    settings.faults = sim::parse_faults(overrides.faults);
  }
  return settings;
}

std::string repeat_command(const sim::RunSettings& settings, const std::string& plant) {
  const sim::RunSettings whole = settings_of(settings.seed, {});
  std::string command = "quorate sim --seed " + std::to_string(settings.seed);
  if (const std::string_view name = settings.nodes.factory.protocol; name != whole.nodes.factory.protocol) {
    command += " --protocol " + std::string(name);
  }
  const auto add = [&](const char* flag, auto value, auto otherwise) {
    command += value == otherwise ? "" : std::string(" ") + flag + " " + std::to_string(value);
  };
  command += plant.empty() ? "" : " --plant " + plant;
  add("--variant", settings.variant, whole.variant);
  add("--nodes", settings.nodes.node_count, whole.nodes.node_count);
  add("--groups", settings.nodes.group_count, whole.nodes.group_count);
  add("--clients", settings.workload.clients, whole.workload.clients);
  add("--watchers", settings.watchers, whole.watchers);
  add("--safety-ms", settings.safety_phase / milliseconds(1), whole.safety_phase / milliseconds(1));
  command += settings.faults ? " --faults " + sim::to_text(*settings.faults) : "";
  return command;
}

}  // namespace quorate
