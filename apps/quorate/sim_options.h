#pragma once
// The flags of `quorate sim`, the run that they stand for, and the command that stands for a run.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocols/protocols.h"
#include "sim/run.h"

namespace quorate {

/// What a run is made of besides its seed; what is not given is as the seed has it.
struct RunOverrides {
  const consensus::Protocol* protocol = &protocols::default_protocol();
  std::uint64_t variant = 0;
  std::optional<std::uint32_t> nodes;
  std::optional<std::uint32_t> groups;
  std::optional<std::uint32_t> clients;
  std::optional<std::uint32_t> watchers;
  std::optional<std::uint64_t> safety_ms;
  std::string faults;
};

struct SimOptions {
  std::uint64_t seed = 1;
  std::uint64_t runs = 0;
  double cpu_seconds = 0;
  std::string plant;
  std::string protocol;  ///< empty: not chosen
  bool list = false;
  bool tells = false;
  std::string story;
  bool shrinks = false;
  double shrink_cpu_seconds = 20;
  RunOverrides overrides;
};

/// Nothing if the process shall end with `exit_code`; what is wrong was said.
[[nodiscard]] std::optional<SimOptions> parse_sim_options(std::span<const std::string> arguments, int& exit_code);

/// The run of `seed`. The overrides' faults were checked by parse_sim_options().
[[nodiscard]] sim::RunSettings settings_of(std::uint64_t seed, const RunOverrides& overrides);

/// What repeats the run to the byte.
[[nodiscard]] std::string repeat_command(const sim::RunSettings& settings, const std::string& plant);

}  // namespace quorate
