#include "server/flags.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <numeric>
#include <optional>

#include <yaml-cpp/yaml.h>

#include "protocols/protocols.h"

namespace quorate::server {
namespace {

std::unexpected<Error> bad_value(std::string_view flag, std::string_view value, std::string_view expected) {
  return fail(ErrorCode::invalid, "--" + std::string(flag) + "=" + std::string(value) + ": " + std::string(expected));
}

template <class Number>
auto number(std::string_view flag, Number ServeOptions::* field) {
  return [flag, field](ServeOptions& options, std::string_view value) -> Status {
    Number parsed{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (error != std::errc() || end != value.data() + value.size()) {
      return bad_value(flag, value, "must be a whole number");
    }
    options.*field = parsed;
    return {};
  };
}

auto quorum_size(std::string_view flag, std::optional<std::uint32_t> ServeOptions::* field) {
  return [flag, field](ServeOptions& options, std::string_view value) -> Status {
    std::uint32_t parsed = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (error != std::errc() || end != value.data() + value.size()) {
      return bad_value(flag, value, "must be how many members, or 0 for a majority");
    }
    options.*field = parsed;
    return {};
  };
}

auto text(std::string ServeOptions::* field) {
  return [field](ServeOptions& options, std::string_view value) -> Status {
    options.*field = std::string(value);
    return {};
  };
}

auto urls(std::string_view flag, std::vector<Url> ServeOptions::* field) {
  return [flag, field](ServeOptions& options, std::string_view value) -> Status {
    Result<std::vector<Url>> parsed = parse_urls(flag, value);
    if (!parsed) {
      return std::unexpected(parsed.error());
    }
    options.*field = std::move(*parsed);
    return {};
  };
}

Status set_bool(std::string_view flag, bool& field, std::string_view value) {
  if (value == "true" || value == "1" || value.empty()) {
    field = true;
  } else if (value == "false" || value == "0") {
    field = false;
  } else {
    return bad_value(flag, value, "must be true or false");
  }
  return {};
}

/// Durations as Go writes them: "10m", "1.5s", "100ms"; in YAML a bare integer is nanoseconds.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view value) {
  static constexpr std::array<std::pair<std::string_view, double>, 6> kUnits{
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
  double total = 0;
  if (value.empty()) {
    return std::nullopt;
  }
  while (!value.empty()) {
    double amount = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), amount);
    if (error != std::errc() || amount < 0) {
      return std::nullopt;
    }
    value.remove_prefix(static_cast<std::size_t>(end - value.data()));
    const std::string_view unit = value.substr(0, value.find_first_of("0123456789."));
    const auto* known = std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& u) { return u.first == unit; });
    if (known == kUnits.end()) {
      if (!unit.empty()) {
        return std::nullopt;
      }
      total += amount;  // nanoseconds
    } else {
      total += amount * known->second;
    }
    value.remove_prefix(unit.size());
  }
  return total > 9e18 ? std::nullopt : std::optional(std::chrono::nanoseconds(static_cast<std::int64_t>(total)));
}

auto duration(std::string_view flag, std::chrono::nanoseconds ServeOptions::* field) {
  return [flag, field](ServeOptions& options, std::string_view value) -> Status {
    const auto parsed = parse_duration(value);
    if (!parsed) {
      return bad_value(flag, value, "must be a duration such as 10m, 5s or 100ms");
    }
    options.*field = *parsed;
    return {};
  };
}

Status set_log_segment_bytes(ServeOptions& options, std::string_view value) {
  QUORATE_TRY(number("log-segment-bytes", &ServeOptions::log_segment_bytes)(options, value));
  if (options.log_segment_bytes < (8U << 20) || options.log_segment_bytes > (1U << 30)) {
    return bad_value("log-segment-bytes", value, "must be 8388608 (8 MiB) to 1073741824 (1 GiB)");
  }
  return {};
}

Status set_initial_cluster(ServeOptions& options, std::string_view value) {
  options.initial_cluster.clear();
  std::string_view rest = value;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest = item.size() == rest.size() ? "" : rest.substr(item.size() + 1);
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return bad_value("initial-cluster", value,
                       "needs name=url,name=url, as in n1=http://127.0.0.1:2380,n2=http://127.0.0.1:2381");
    }
    Result<Url> url = parse_url("initial-cluster", item.substr(equals + 1));
    if (!url) {
      return std::unexpected(url.error());
    }
    const std::string name(item.substr(0, equals));
    const auto member = std::find_if(options.initial_cluster.begin(), options.initial_cluster.end(),
                                     [&](const InitialMember& known) { return known.name == name; });
    if (member != options.initial_cluster.end()) {
      member->peer_urls.push_back(std::move(*url));
    } else {
      options.initial_cluster.push_back({name, {std::move(*url)}});
    }
  }
  return {};
}

Status set_log_level(ServeOptions& options, std::string_view value) {
  static constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warn", "error"};
  if (std::find(kLevels.begin(), kLevels.end(), value) == kLevels.end()) {
    return bad_value("log-level", value, "must be debug, info, warn or error");
  }
  options.log_level = value;
  return {};
}

Status set_log_format(ServeOptions& options, std::string_view value) {
  if (value == "json") {
    options.log_format = LogFormat::json;
  } else if (value == "console") {
    options.log_format = LogFormat::console;
  } else {
    return bad_value("log-format", value, "must be json or console");
  }
  return {};
}

const std::vector<FlagSpec>& specs() {
  static const std::string kConsensus =
      "the protocol of a new cluster, which keeps it: " + protocols::names() + "; quorate's own flag";
  static const std::vector<FlagSpec> kSpecs = {
      {"name", "default", "this member's name, as in --initial-cluster", text(&ServeOptions::name)},
      {"data-dir", "<name>.quorate", "where this member's data lives", text(&ServeOptions::data_dir)},
      {"listen-client-urls", "http://localhost:2379", "where clients connect",
       urls("listen-client-urls", &ServeOptions::listen_client_urls)},
      {"advertise-client-urls", "http://localhost:2379", "the client URLs that members and clients are told",
       urls("advertise-client-urls", &ServeOptions::advertise_client_urls)},
      {"listen-peer-urls", "http://localhost:2380", "where other members connect",
       urls("listen-peer-urls", &ServeOptions::listen_peer_urls)},
      {"initial-advertise-peer-urls", "http://localhost:2380", "the peer URLs that other members are told",
       urls("initial-advertise-peer-urls", &ServeOptions::advertise_peer_urls)},
      {"initial-cluster", "<name>=<peer url>", "all members: name=url,name=url", set_initial_cluster},
      {"initial-cluster-token", "etcd-cluster", "tells clusters apart; part of every id",
       text(&ServeOptions::initial_cluster_token)},
      {"initial-cluster-state", "new", "`existing`: this node was added to a cluster that runs",
       text(&ServeOptions::initial_cluster_state)},
      {"max-learners", "1", "learners that etcd's MemberAdd takes; 0: no limit",
       number("max-learners", &ServeOptions::max_learners)},
      {"heartbeat-interval", "100", "milliseconds between a leader's heartbeats",
       number("heartbeat-interval", &ServeOptions::heartbeat_ms)},
      {"election-timeout", "1000", "milliseconds of silence before an election; at least 5 heartbeats",
       number("election-timeout", &ServeOptions::election_ms)},
      {"pre-vote", "true", "ask before raising the term",
       [](ServeOptions& options, std::string_view value) { return set_bool("pre-vote", options.pre_vote, value); }},
      {"quota-backend-bytes", "0", "size that raises the NOSPACE alarm; 0: 2 GiB, negative: none",
       number("quota-backend-bytes", &ServeOptions::quota_backend_bytes)},
      {"snapshot-catchup-entries", "50000", "entries kept in the log for members that are behind",
       number("snapshot-catchup-entries", &ServeOptions::snapshot_catchup_entries)},
      {"max-txn-ops", "128", "operations in a transaction", number("max-txn-ops", &ServeOptions::max_txn_ops)},
      {"max-request-bytes", "1572864", "size of a write request",
       number("max-request-bytes", &ServeOptions::max_request_bytes)},
      {"max-concurrent-streams", "256", "HTTP/2 streams of a connection",
       number("max-concurrent-streams", &ServeOptions::max_concurrent_streams)},
      {"grpc-keepalive-min-time", "5s", "shortest interval between a client's pings",
       duration("grpc-keepalive-min-time", &ServeOptions::keepalive_min_time)},
      {"watch-progress-notify-interval", "10m", "between progress notifications of a quiet watch",
       duration("watch-progress-notify-interval", &ServeOptions::progress_interval)},
      {"listen-metrics-urls", "", "more listeners for /metrics, /health, /livez, /readyz",
       urls("listen-metrics-urls", &ServeOptions::listen_metrics_urls)},
      {"log-level", "info", "debug, info, warn or error", set_log_level},
      {"log-format", "console on a terminal, else json", "json or console", set_log_format},
      {"max-inflight-appends", "64", "appends on their way to a follower; 1: no pipelining; quorate's own flag",
       number("max-inflight-appends", &ServeOptions::max_inflight_appends)},
      {"max-entries-per-append", "1024", "entries in one append; 1: no batching to followers; quorate's own flag",
       number("max-entries-per-append", &ServeOptions::max_entries_per_append)},
      {"consensus", protocols::default_protocol().name(), kConsensus, text(&ServeOptions::consensus)},
      {"phase-1-quorum", "a majority",
       "how many members must promise before one leads, or proposes; a new cluster keeps it; with --phase-2-quorum it "
       "is more than there are voters; of protocols with two phases; quorate's own flag",
       quorum_size("phase-1-quorum", &ServeOptions::phase_1_quorum)},
      {"phase-2-quorum", "a majority",
       "how many members must have what is decided; see --phase-1-quorum; quorate's own flag",
       quorum_size("phase-2-quorum", &ServeOptions::phase_2_quorum)},
      {"engine", "rocksdb", "rocksdb, or memory for tests; quorate's own flag", text(&ServeOptions::engine)},
      {"scrub-interval", "24h", "between readings of log and records that look for damage; 0: none; quorate's own flag",
       duration("scrub-interval", &ServeOptions::scrub_interval)},
      {"snapshot-bytes-per-second", "0", "most that snapshots to members take; 0: no limit; quorate's own flag",
       number("snapshot-bytes-per-second", &ServeOptions::snapshot_bytes_per_second)},
      {"log-segment-bytes", "67108864", "size of a file of the log, 8 MiB to 1 GiB; quorate's own flag",
       set_log_segment_bytes},
      {"groups", "1", "independent stores, chosen by gRPC metadata quorate-group; quorate's own flag",
       number("groups", &ServeOptions::groups)},
  };
  return kSpecs;
}

const FlagSpec* find_flag(std::string_view name) {
  const auto it = std::find_if(specs().begin(), specs().end(), [&](const FlagSpec& f) { return f.name == name; });
  return it == specs().end() ? nullptr : &*it;
}

/// Flags of etcd that this version does not have: each is refused, since a flag without effect would mislead.
bool is_known_etcd_flag(std::string_view name) {
  static constexpr std::array kNames = {"wal-dir",
                                        "snapshot-count",
                                        "initial-election-tick-advance",
                                        "listen-client-http-urls",
                                        "max-wals",
                                        "max-snapshots",
                                        "backend-bbolt-freelist-type",
                                        "backend-batch-interval",
                                        "backend-batch-limit",
                                        "grpc-keepalive-interval",
                                        "grpc-keepalive-timeout",
                                        "socket-reuse-port",
                                        "socket-reuse-address",
                                        "enable-grpc-gateway",
                                        "raft-read-timeout",
                                        "raft-write-timeout",
                                        "memory-mlock",
                                        "feature-gates",
                                        "strict-reconfig-check",
                                        "auto-compaction-mode",
                                        "auto-compaction-retention",
                                        "cors",
                                        "host-whitelist",
                                        "bcrypt-cost",
                                        "enable-pprof",
                                        "metrics",
                                        "logger",
                                        "log-outputs",
                                        "enable-log-rotation",
                                        "log-rotation-config-json",
                                        "warning-apply-duration",
                                        "warning-unary-request-duration",
                                        "corrupt-check-time",
                                        "compact-hash-check-time",
                                        "compaction-batch-limit",
                                        "compaction-sleep-interval",
                                        "bootstrap-defrag-threshold-megabytes",
                                        "downgrade-check-time",
                                        "force-new-cluster",
                                        "unsafe-no-fsync",
                                        "initial-corrupt-check",
                                        "enable-v2",
                                        "proxy"};
  static constexpr std::array kPrefixes = {"discovery", "experimental-", "distributed-tracing", "enable-distributed"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](const char* p) { return name.starts_with(p); });
}

bool is_security_flag(std::string_view name) {
  static constexpr std::array kParts = {"cert",       "-tls", "tls-",   "-key-file",  "key-file",
                                        "trusted-ca", "crl",  "cipher", "auth-token", "transport-security"};
  return std::any_of(kParts.begin(), kParts.end(),
                     [&](const char* part) { return name.find(part) != std::string_view::npos; });
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::unexpected<Error> unknown_flag(std::string_view name) {
  const std::string shown = "--" + std::string(name);
  if (is_security_flag(name)) {
    return fail(ErrorCode::invalid, shown +
                                        ": TLS and authentication are not supported yet, and are never replaced by "
                                        "plaintext; remove the flag only on a trusted network");
  }
  if (is_known_etcd_flag(name)) {
    return fail(ErrorCode::invalid, shown + ": this etcd flag is not supported yet; remove it");
  }
  const auto nearest = std::min_element(specs().begin(), specs().end(), [&](const FlagSpec& a, const FlagSpec& b) {
    return edit_distance(name, a.name) < edit_distance(name, b.name);
  });
  return fail(ErrorCode::invalid, "unknown flag " + shown + "; did you mean --" + std::string(nearest->name) +
                                      "? (`quorate serve --help-all` lists every flag)");
}

Status apply(ServeOptions& options, std::string_view name, std::string_view value) {
  const FlagSpec* flag = find_flag(name);
  if (flag == nullptr) {
    return unknown_flag(name);
  }
  QUORATE_TRY(flag->set(options, value));
  options.given.emplace_back(name, value);
  return {};
}

std::string variable_of(std::string_view flag) {
  std::string name = "ETCD_";
  for (const char c : flag) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

Status apply_environment(ServeOptions& options, const std::function<const char*(const char*)>& environment) {
  for (const FlagSpec& flag : specs()) {
    const char* value = environment(variable_of(flag.name).c_str());
    if (value != nullptr && *value != '\0') {
      if (Status status = apply(options, flag.name, value); !status) {
        return fail(status.error().code, variable_of(flag.name) + ": " + status.error().text);
      }
    }
  }
  return {};
}

Status apply_file(ServeOptions& options, const std::string& path) {
  YAML::Node file;
  try {
    file = YAML::LoadFile(path);
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::invalid, "--config-file=" + path + ": " + error.what());
  }
  if (!file.IsMap()) {
    return fail(ErrorCode::invalid, "--config-file=" + path + ": must be a map of flag names to values");
  }
  for (const auto& item : file) {
    const auto key = item.first.as<std::string>();
    if (!item.second.IsScalar()) {
      return is_security_flag(key)
                 ? Status(unknown_flag(key))
                 : fail(ErrorCode::invalid, "--config-file=" + path + ": " + key + " must be one value");
    }
    if (Status status = apply(options, key, item.second.as<std::string>()); !status) {
      return fail(status.error().code, "--config-file=" + path + ": " + status.error().text);
    }
  }
  return {};
}

struct Argument {
  std::string name;
  std::string value;
};

/// Takes "--name=value", "--name value", "-name value" and bare booleans apart.
Result<std::vector<Argument>> split_arguments(std::span<const std::string> arguments) {
  std::vector<Argument> split;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (!word.starts_with('-') || word == "-" || word == "--") {
      return fail(ErrorCode::invalid, "unexpected argument `" + arguments[i] + "`; flags look like --name=value");
    }
    word.remove_prefix(word.starts_with("--") ? 2 : 1);
    const std::size_t equals = word.find('=');
    if (equals != std::string_view::npos) {
      split.push_back({std::string(word.substr(0, equals)), std::string(word.substr(equals + 1))});
      continue;
    }
    Argument argument{std::string(word), ""};
    const bool is_switch = word == "help" || word == "h" || word == "help-all" || word == "pre-vote";
    if (!is_switch) {
      if (find_flag(word) == nullptr && word != "config-file") {
        return unknown_flag(word);
      }
      if (i + 1 == arguments.size()) {
        return fail(ErrorCode::invalid, "--" + argument.name + " needs a value");
      }
      argument.value = arguments[++i];
    }
    split.push_back(std::move(argument));
  }
  return split;
}

}  // namespace

std::span<const FlagSpec> serve_flags() { return specs(); }

Result<ParsedFlags> parse_serve_flags(std::span<const std::string> arguments,
                                      const std::function<const char*(const char*)>& environment) {
  ParsedFlags parsed;
  Result<std::vector<Argument>> split = split_arguments(arguments);
  if (!split) {
    return std::unexpected(split.error());
  }
  if (const char* file = environment("ETCD_CONFIG_FILE"); file != nullptr) {
    parsed.config_file = file;
  }
  for (const Argument& argument : *split) {
    parsed.help = parsed.help || argument.name == "help" || argument.name == "h";
    parsed.help_all = parsed.help_all || argument.name == "help-all";
    if (argument.name == "config-file") {
      parsed.config_file = argument.value;
    }
  }
  if (parsed.help || parsed.help_all) {
    return parsed;
  }
  if (!parsed.config_file.empty()) {
    QUORATE_TRY(apply_file(parsed.options, parsed.config_file));
    return parsed;
  }
  QUORATE_TRY(apply_environment(parsed.options, environment));
  for (const Argument& argument : *split) {
    if (Status status = apply(parsed.options, argument.name, argument.value); !status) {
      return std::unexpected(status.error());
    }
  }
  return parsed;
}

std::string serve_help() {
  static constexpr std::array kShown = {"name",
                                        "data-dir",
                                        "listen-client-urls",
                                        "advertise-client-urls",
                                        "listen-peer-urls",
                                        "initial-advertise-peer-urls",
                                        "initial-cluster",
                                        "initial-cluster-token",
                                        "heartbeat-interval",
                                        "election-timeout",
                                        "quota-backend-bytes",
                                        "log-level"};
  std::string help =
      "quorate serve: one member of a cluster that speaks etcd's v3 API\n"
      "\n"
      "Without flags: a cluster of one on localhost:2379, data in default.quorate/.\n"
      "Flags, ETCD_* variables and the YAML file (--config-file) are etcd's.\n"
      "\n";
  for (const char* name : kShown) {
    const FlagSpec* flag = find_flag(name);
    std::string line = "  --" + std::string(flag->name);
    line.resize(std::max<std::size_t>(line.size() + 1, 33), ' ');
    help += line + std::string(flag->meaning) + "\n";
  }
  help +=
      "\n"
      "  --help-all                     every flag with its default\n"
      "\n"
      "Three nodes on this machine, ready to try: quorate dev\n";
  return help;
}

std::string serve_help_all() {
  std::string help;
  for (const FlagSpec& flag : specs()) {
    help += "--" + std::string(flag.name) + " (" + std::string(flag.default_text) + ")\n    " +
            std::string(flag.meaning) + "\n";
  }
  return help + "--config-file\n    YAML file with flags as keys; all other flags and variables are then ignored\n";
}

}  // namespace quorate::server
