#include "server/serve.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "server/event_log.h"
#include "server/flags.h"
#include "server/running_node.h"

namespace quorate::server {
namespace {

std::atomic<RunningNode*> g_node{nullptr};  // the node that signals stop

void on_signal(int) {
  if (RunningNode* node = g_node.load(); node != nullptr) {
    node->stop();
  }
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "quorate: %s\n", error.text.c_str());
  return code;
}

/// Errors of files name them as they stand in the data directory: says which directory that is.
Error with_directory(Error error, const std::string& directory) {
  if (error.code != ErrorCode::busy && error.text.find(directory) == std::string::npos) {
    error.text += " Data directory: " + directory;
  }
  return error;
}

}  // namespace

std::string version_text() { return "quorate " QUORATE_VERSION; }

int serve_main(std::span<const std::string> arguments) {
  Result<ParsedFlags> parsed = parse_serve_flags(arguments, [](const char* name) { return std::getenv(name); });
  if (!parsed) {
    return complain(parsed.error(), 2);
  }
  if (parsed->help || parsed->help_all) {
    std::fputs(parsed->help_all ? serve_help_all().c_str() : serve_help().c_str(), stdout);
    return 0;
  }
  if (Status completed = complete_options(parsed->options); !completed) {
    return complain(completed.error(), 2);
  }
  EventLog log(parsed->options.log_format, parsed->options.log_level);
  const std::string directory = parsed->options.data_dir;
  Result<std::unique_ptr<RunningNode>> node = open_node(std::move(parsed->options), log);
  if (!node) {
    return complain(with_directory(node.error(), directory), 1);
  }
  g_node = node->get();
  std::signal(SIGTERM, on_signal);
  std::signal(SIGINT, on_signal);
  std::signal(SIGPIPE, SIG_IGN);
  const Status ended = (*node)->run();
  g_node = nullptr;
  return ended ? 0 : complain(with_directory(ended.error(), directory), 1);
}

}  // namespace quorate::server
