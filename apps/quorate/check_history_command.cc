#include "check_history_command.h"

#include <cstdio>
#include <fstream>
#include <sstream>
#include <vector>

#include <CLI/CLI.hpp>

#include "sim/check_history.h"
#include "sim/check_leases.h"
#include "sim/history_text.h"

namespace quorate {
namespace {

int judge(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    std::fprintf(stderr, "quorate check-history: cannot read %s\n", path.c_str());
    return 2;
  }
  const Result<sim::RecordedHistory> recorded = sim::parse_history(text.view());
  if (!recorded) {
    std::fprintf(stderr, "quorate check-history: %s: %s\n", path.c_str(), recorded.error().text.c_str());
    return 2;
  }
  const sim::History& history = recorded->history;
  std::string wrong = sim::check_history(history);
  wrong = wrong.empty() ? sim::check_leases(history, recorded->lease_ttl_seconds) : wrong;
  if (!wrong.empty()) {
    std::printf("VIOLATION %s\n", wrong.c_str());
    return 1;
  }
  std::printf("clean: %zu operations, %zu revisions, %zu watches\n", history.operations.size(), history.trail.size(),
              history.watches.size());
  return 0;
}

}  // namespace

int check_history_command(std::span<const std::string> words) {
  std::string path;
  CLI::App app("quorate check-history: is what clients saw legal? The format is docs/formats/history.md.");
  app.add_option("FILE", path, "the recorded history")->required();
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return judge(path);
}

}  // namespace quorate
