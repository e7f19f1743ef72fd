#pragma once
// The node's log for people and machines: one line an event. `key=value` on a terminal, JSON in etcd's shape otherwise
// (level, ts, caller, msg, then the fields). Goes to stderr.
//
// The same message with the same fields is written at most once a minute; the next line tells how often it was left
// out. Not thread-safe: the loop's.

#include <initializer_list>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include "server/options.h"

namespace quorate::server {

enum class Level : std::uint8_t { debug, info, warn, error };

using Field = std::pair<std::string_view, std::string>;

class EventLog {
 public:
  EventLog(LogFormat format, std::string_view level);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void write(Level level, std::string_view message, std::initializer_list<Field> fields = {},
             std::source_location where = std::source_location::current());

  void info(std::string_view message, std::initializer_list<Field> fields = {},
            std::source_location where = std::source_location::current()) {
    write(Level::info, message, fields, where);
  }
  void warn(std::string_view message, std::initializer_list<Field> fields = {},
            std::source_location where = std::source_location::current()) {
    write(Level::warn, message, fields, where);
  }
  void error(std::string_view message, std::initializer_list<Field> fields = {},
             std::source_location where = std::source_location::current()) {
    write(Level::error, message, fields, where);
  }

 private:
  struct Lines;
  std::unique_ptr<Lines> lines_;
};

}  // namespace quorate::server
