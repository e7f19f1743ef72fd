#include "paxos_command.h"

#include <cstdio>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "codec/proto_fields.h"
#include "codec/writer.h"
#include "rpc_client.h"

namespace quorate {
namespace {

constexpr int kTimeoutMs = 10'000;
constexpr const char* kPropose = "/quorate.v1.Register/Propose";
constexpr const char* kLearn = "/quorate.v1.Register/Learn";

struct Options {
  std::string endpoints = "127.0.0.1:2379";
  std::string key;
  std::string value;
};

int complain(const std::string& text) {
  std::fprintf(stderr, "quorate paxos: %s\n", text.c_str());
  return 1;
}

std::string encode(std::string_view key, std::string_view value) {
  codec::Writer writer;
  for (const auto& [number, bytes] : {std::pair(1U, key), std::pair(2U, value)}) {
    if (!bytes.empty()) {
      writer.varint(number << 3 | 2U);
      writer.sized_bytes(bytes);
    }
  }
  return writer.take();
}

/// Asks one node after the other until one answers: asking again is harmless, because a key is decided once.
Result<std::string> ask(std::string_view endpoints, const char* path, const std::string& message) {
  Result<std::string> answer = fail(ErrorCode::io, "no endpoint given");
  while (!endpoints.empty()) {
    const std::size_t comma = endpoints.find(',');
    answer = call_node(std::string(endpoints.substr(0, comma)), path, message, kTimeoutMs);
    if (answer) {
      return answer;
    }
    endpoints = comma == std::string_view::npos ? std::string_view() : endpoints.substr(comma + 1);
  }
  return answer;
}

void print_line(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

int propose(const Options& options) {
  const Result<std::string> answer = ask(options.endpoints, kPropose, encode(options.key, options.value));
  if (!answer) {
    return complain(answer.error().text);
  }
  std::string_view value;
  bool is_yours = false;
  codec::FieldReader reader(*answer);
  while (reader.next()) {
    value = reader.is_bytes(1) ? reader.bytes() : value;
    is_yours = reader.is_varint(2) ? reader.boolean() : is_yours;
  }
  print_line(value);
  if (!is_yours) {
    std::fprintf(stderr, "quorate paxos: `%s` was decided before, as what stands above; it never changes\n",
                 options.key.c_str());
  }
  return is_yours ? 0 : 3;
}

int learn(const Options& options) {
  const Result<std::string> answer = ask(options.endpoints, kLearn, encode(options.key, {}));
  if (!answer) {
    return complain(answer.error().text);
  }
  std::string_view value;
  bool is_decided = false;
  codec::FieldReader reader(*answer);
  while (reader.next()) {
    is_decided = reader.is_varint(1) ? reader.boolean() : is_decided;
    value = reader.is_bytes(2) ? reader.bytes() : value;
  }
  if (!is_decided) {
    return complain("`" + options.key + "` is not decided");
  }
  print_line(value);
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
