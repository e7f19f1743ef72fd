#include "server/event_log.h"

#include <chrono>
#include <map>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace quorate::server {
namespace {

constexpr auto kRepeatInterval = std::chrono::minutes(1);
constexpr std::size_t kRememberedLines = 1024;

std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': quoted += "\\\""; break;
      case '\\': quoted += "\\\\"; break;
      case '\n': quoted += "\\n"; break;
      case '\t': quoted += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          quoted += fmt::format("\\u{:04x}", static_cast<int>(c));
        } else {
          quoted += c;
        }
    }
  }
  return quoted + "\"";
}

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \"=\n\t") != std::string_view::npos;
}

std::string_view level_name(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warn";
    case Level::error: return "error";
  }
  return "info";
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string caller_of(const std::source_location& where) {
  const std::string_view file = where.file_name();
  const std::size_t src = file.rfind("src/");
  return fmt::format("{}:{}", src == std::string_view::npos ? file : file.substr(src + 4), where.line());
}

}  // namespace

struct EventLog::Lines {
  std::unique_ptr<spdlog::logger> logger;
  bool json = false;
  struct Repeat {
    std::chrono::steady_clock::time_point written;
    std::uint64_t left_out = 0;
  };
  std::map<std::string, Repeat, std::less<>> repeats;

  /// True if the line is to be written now; `left_out` tells how many were not since the last.
  bool admit(const std::string& line, std::uint64_t& left_out) {
    const auto now = std::chrono::steady_clock::now();
    if (repeats.size() > kRememberedLines) {
      repeats.clear();
    }
    auto [it, is_new] = repeats.try_emplace(line, Repeat{now, 0});
    if (is_new) {
      return true;
    }
    if (now - it->second.written < kRepeatInterval) {
      ++it->second.left_out;
      return false;
    }
    left_out = it->second.left_out;
    it->second = Repeat{now, 0};
    return true;
  }
};

EventLog::EventLog(LogFormat format, std::string_view level) : lines_(std::make_unique<Lines>()) {
  lines_->logger = std::make_unique<spdlog::logger>("quorate", std::make_shared<spdlog::sinks::stderr_sink_st>());
  lines_->logger->set_pattern("%v");
  lines_->logger->set_level(spdlog::level::from_str(std::string(level)));
  lines_->logger->flush_on(spdlog::level::debug);
  lines_->json = format == LogFormat::json || (format == LogFormat::automatic && isatty(STDERR_FILENO) == 0);
}

EventLog::~EventLog() = default;

void EventLog::write(Level level, std::string_view message, std::initializer_list<Field> fields,
                     std::source_location where) {
  if (!lines_->logger->should_log(spdlog_level(level))) {
    return;
  }
  std::string text;
  for (const Field& field : fields) {
    if (lines_->json) {
      text += "," + json_string(field.first) + ":" + json_string(field.second);
    } else {
      text += fmt::format(" {}={}", field.first, needs_quotes(field.second) ? json_string(field.second) : field.second);
    }
  }
  std::uint64_t left_out = 0;
  if (!lines_->admit(std::string(message) + text, left_out)) {
    return;
  }
  if (left_out > 0) {
    text += lines_->json ? fmt::format(",\"repeated\":\"{}\"", left_out) : fmt::format(" repeated={}", left_out);
  }
  const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  const auto micros = now.time_since_epoch().count() % 1'000'000;
  if (lines_->json) {
    lines_->logger->log(spdlog_level(level),
                        R"({{"level":"{}","ts":"{:%Y-%m-%dT%H:%M:%S}.{:06}Z","caller":"{}","msg":{}{}}})",
                        level_name(level), fmt::gmtime(std::chrono::system_clock::to_time_t(now)), micros,
                        caller_of(where), json_string(message), text);
  } else {
    lines_->logger->log(spdlog_level(level), "{:%H:%M:%S}.{:03} {:5} {}{}",
                        fmt::localtime(std::chrono::system_clock::to_time_t(now)), micros / 1000, level_name(level),
                        message, text);
  }
}

}  // namespace quorate::server
