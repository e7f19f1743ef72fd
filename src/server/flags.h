#pragma once
// From command line, ETCD_* variables and YAML file to ServeOptions, with etcd's rules: the command line wins over the
// environment; with --config-file (or ETCD_CONFIG_FILE) every other flag and variable is ignored.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/options.h"

namespace quorate::server {

/// One flag of `quorate serve`.
struct FlagSpec {
  std::string_view name;
  std::string_view default_text;
  std::string_view meaning;
  std::function<Status(ServeOptions&, std::string_view value)> set;
};

/// All flags that have an effect, in the order of the documentation.
[[nodiscard]] std::span<const FlagSpec> serve_flags();

struct ParsedFlags {
  ServeOptions options;
  bool help = false;
  bool help_all = false;
  std::string config_file;
};

/// Reads `arguments` (without program name and sub-command). `environment` answers a variable's value or null.
[[nodiscard]] Result<ParsedFlags> parse_serve_flags(std::span<const std::string> arguments,
                                                    const std::function<const char*(const char*)>& environment);

/// At most 24 lines.
[[nodiscard]] std::string serve_help();
/// Every flag with its default and meaning.
[[nodiscard]] std::string serve_help_all();

}  // namespace quorate::server
