#include "paxos_command.h"

#include <cstdio>
#include <optional>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "client/register_client.h"

namespace quorate {
namespace {

struct Options {
  std::string endpoints = "127.0.0.1:2379";
  std::string key;
  std::string value;
};

int complain(const std::string& text) {
  std::fprintf(stderr, "quorate paxos: %s\n", text.c_str());
  return 1;
}

std::vector<std::string> split(std::string_view endpoints) {
  std::vector<std::string> all;
  while (!endpoints.empty()) {
    const std::size_t comma = endpoints.find(',');
    all.emplace_back(endpoints.substr(0, comma));
    endpoints = comma == std::string_view::npos ? std::string_view() : endpoints.substr(comma + 1);
  }
  return all;
}

void print_line(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

int propose(const Options& options) {
  const Result<client::Decision> decision =
      client::RegisterClient(split(options.endpoints)).propose(options.key, options.value);
  if (!decision) {
    return complain(decision.error().text);
  }
  print_line(decision->value);
  if (!decision->is_yours) {
    std::fprintf(stderr, "quorate paxos: `%s` was decided before, as what stands above; it never changes\n",
                 options.key.c_str());
  }
  return decision->is_yours ? 0 : 3;
}

int learn(const Options& options) {
  const Result<std::optional<std::string>> value = client::RegisterClient(split(options.endpoints)).learn(options.key);
  if (!value) {
    return complain(value.error().text);
  }
  if (!value->has_value()) {
    return complain("`" + options.key + "` is not decided");
  }
  print_line(**value);
  return 0;
}

}  // namespace

int paxos_command(std::span<const std::string> arguments) {
  Options options;
  CLI::App app("quorate paxos: a register of keys that are written once, on a cluster of `--consensus paxos`.");
  app.require_subcommand(1);
  CLI::App* const proposing =
      app.add_subcommand("propose",
                         "has VALUE chosen for KEY unless another is, and prints what KEY is; exit code 3: "
                         "another was decided");
  CLI::App* const learning = app.add_subcommand("learn", "prints what KEY is; exit code 1: nothing is decided");
  for (CLI::App* const verb : {proposing, learning}) {
    verb->add_option("KEY", options.key, "1 to 4,096 bytes")->required();
    verb->add_option("--endpoints", options.endpoints, "client addresses, separated by commas; the first that answers")
        ->capture_default_str();
  }
  proposing->add_option("VALUE", options.value, "at most 1.5 MiB")->required();
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return proposing->parsed() ? propose(options) : learn(options);
}

}  // namespace quorate
