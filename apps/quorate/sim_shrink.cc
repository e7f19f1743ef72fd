#include "sim_shrink.h"

#include <cstdio>
#include <deque>
#include <string_view>

#include "isolated_run.h"
#include "sim/shrink.h"
#include "sim_options.h"
#include "simulated_protocols.h"

namespace quorate {
namespace {

constexpr double kRunCpuSeconds = 10;  // of one run; a usual one takes a few hundredths
constexpr std::size_t kStoryLines = 120;

void print(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

unsigned long long count(std::size_t value) { return value; }

/// The last lines of the story: the violation stands at its end.
void tell_end(const sim::RunSettings& settings, const std::string& command) {
  std::deque<std::string> lines;
  std::size_t total = 0;
  sim::Story story = story_of(*find_simulated(settings.nodes.factory.protocol));
  story.print = [&](std::string_view line) {
    ++total;
    lines.emplace_back(line);
    if (lines.size() > kStoryLines) {
      lines.pop_front();
    }
  };
  const IsolatedResult result = run_isolated(settings, kRunCpuSeconds, &story);
  if (total > lines.size()) {
    std::printf("... %llu lines before these: %s --story\n", count(total - lines.size()), command.c_str());
  }
  for (const std::string& line : lines) {
    print(line);
  }
  std::printf("VIOLATION %s\n", result.violation.c_str());
}

}  // namespace

sim::Story story_of(const consensus::Protocol& protocol) {
  return {.message_words =
              [words = protocol.message_words](ByteView message) {
                std::string text = words(message);
                return text.starts_with("heartbeat") ? std::string() : text;
              },
          .state_words = protocol.state_words,
          .cell_words = protocol.cell_words,
          .print = &print};
}

bool shrink_and_tell(sim::RunSettings failing, double cpu_seconds, const std::string& plant) {
  const IsolatedResult whole = run_isolated(failing, kRunCpuSeconds);
  if (whole.violation.empty()) {
    std::puts("clean: there is nothing to make smaller");
    return false;
  }
  double spent = whole.cpu_seconds;
  std::size_t runs = 0;
  const sim::Fails fails = [&](const sim::RunSettings& candidate) {
    if (spent > cpu_seconds) {
      return false;
    }
    const IsolatedResult result = run_isolated(candidate, kRunCpuSeconds);
    spent += result.cpu_seconds;
    ++runs;
    return result.checker == whole.checker;
  };
  failing.faults = whole.faults;
  if (!fails(failing)) {
    std::puts("not made smaller: the same faults, given as a list, do not end in the same violation");
    return true;
  }
  const sim::RunSettings least = sim::shrink(failing, fails);
  const std::string command = repeat_command(least, plant);
  std::printf(
      "%s with %llu runs and %.1f s of CPU: %llu of %llu faults, %u of %u groups, %u of %u clients, "
      "%u of %u watchers, %lld of %lld ms\nrepeat with: %s\n",
      spent > cpu_seconds ? "made smaller until time was up," : "made as small as it gets,", count(runs), spent,
      count(least.faults->size()), count(failing.faults->size()), least.nodes.group_count, failing.nodes.group_count,
      least.workload.clients, failing.workload.clients, least.watchers, failing.watchers,
      static_cast<long long>(least.safety_phase / std::chrono::milliseconds(1)),
      static_cast<long long>(failing.safety_phase / std::chrono::milliseconds(1)), command.c_str());
  tell_end(least, command);
  return true;
}

}  // namespace quorate
