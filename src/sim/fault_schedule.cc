#include "sim/fault_schedule.h"

#include <algorithm>
#include <charconv>

namespace quorate::sim {
namespace {

constexpr std::array<std::string_view, kFaultCount> kNames = {"crash",
                                                              "crash_all",
                                                              "pause",
                                                              "power_loss",
                                                              "power_loss_all",
                                                              "slow_disk",
                                                              "partition",
                                                              "isolate_leader",
                                                              "one_way_partition",
                                                              "partial_partition",
                                                              "reset_links",
                                                              "lossy_network",
                                                              "reordering_network",
                                                              "duplicating_network",
                                                              "replaying_network",
                                                              "corrupting_network",
                                                              "clock_jump",
                                                              "transfer_leadership",
                                                              "clock_drift",
                                                              "slow_engine",
                                                              "change_membership",
                                                              "failing_disk",
                                                              "full_disk",
                                                              "damaged_log",
                                                              "lost_write",
                                                              "misdirected_write",
                                                              "damaged_records",
                                                              "take_backup",
                                                              "lost_directory",
                                                              "old_copy",
                                                              "crash_loop",
                                                              "swizzle",
                                                              "scattered_damage",
                                                              "black_hole",
                                                              "hanging_disk"};
constexpr std::int64_t kNanosecondsPerMillisecond = 1'000'000;
constexpr std::size_t kDecimals = 6;

/// The text up to `separator`, which is taken off with it; all of it if there is none.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// Milliseconds with up to six decimals.
std::string milliseconds_text(Duration duration) {
  const std::int64_t nanoseconds = duration.count();
  std::string text = std::to_string(nanoseconds / kNanosecondsPerMillisecond);
  if (const std::int64_t rest = nanoseconds % kNanosecondsPerMillisecond; rest != 0) {
    const std::string digits = std::to_string(kNanosecondsPerMillisecond + rest).substr(1);
    text += "." + digits.substr(0, digits.find_last_not_of('0') + 1);
  }
  return text;
}

std::optional<Duration> parse_milliseconds(std::string_view text) {
  const std::optional<std::uint64_t> whole = parse_number(take_until(text, '.'));
  std::string decimals(text);
  if (!whole || *whole > 1'000'000'000 || decimals.size() > kDecimals) {
    return std::nullopt;
  }
  decimals.resize(kDecimals, '0');
  const std::optional<std::uint64_t> rest = parse_number(decimals);
  if (!rest) {
    return std::nullopt;
  }
  return Duration(static_cast<std::int64_t>(*whole) * kNanosecondsPerMillisecond + static_cast<std::int64_t>(*rest));
}

std::optional<FaultEvent> parse_fault(std::string_view text) {
  std::string_view what = take_until(text, '/');
  const auto number = static_cast<std::size_t>(std::ranges::find(kNames, take_until(what, '@')) - kNames.begin());
  const std::optional<Duration> at = parse_milliseconds(what);
  const std::optional<std::uint64_t> node = parse_number(take_until(text, '/'));
  if (number == kNames.size() || !at || !node || *node > UINT32_MAX) {
    return std::nullopt;
  }
  FaultEvent event{
      .at = *at, .fault = static_cast<Fault>(number), .node = static_cast<std::uint32_t>(*node), .details = {}};
  while (!text.empty()) {
    const std::optional<std::uint64_t> detail = parse_number(take_until(text, '/'));
    if (!detail) {
      return std::nullopt;
    }
    event.details.push_back(*detail);
  }
  return event;
}

}  // namespace

std::string_view fault_name(Fault fault) { return kNames[static_cast<std::size_t>(fault)]; }

bool needs_log(Fault fault) {
  switch (fault) {
    case Fault::transfer_leadership:
    case Fault::change_membership:
    case Fault::damaged_records:
    case Fault::take_backup:
    case Fault::scattered_damage: return true;
    default: return false;
  }
}

bool damages(Fault fault) {
  switch (fault) {
    case Fault::damaged_log:
    case Fault::lost_write:
    case Fault::misdirected_write:
    case Fault::damaged_records:
    case Fault::scattered_damage: return true;
    default: return false;
  }
}

bool is_ambient(Fault fault) {
  switch (fault) {
    case Fault::lossy_network:
    case Fault::reordering_network:
    case Fault::duplicating_network:
    case Fault::replaying_network:
    case Fault::corrupting_network:
    case Fault::clock_drift:
    case Fault::slow_engine: return true;
    default: return false;
  }
}

std::string to_text(const FaultEvent& event) {
  std::string text =
      std::string(fault_name(event.fault)) + "@" + milliseconds_text(event.at) + "/" + std::to_string(event.node);
  for (const std::uint64_t detail : event.details) {
    text += "/" + std::to_string(detail);
  }
  return text;
}

std::string to_text(const FaultSchedule& schedule) {
  std::string text;
  for (const FaultEvent& event : schedule) {
    text += (text.empty() ? "" : ",") + to_text(event);
  }
  return text.empty() ? "none" : text;
}

std::optional<FaultSchedule> parse_faults(std::string_view text) {
  FaultSchedule schedule;
  if (text == "none") {
    return schedule;
  }
  do {
    std::optional<FaultEvent> event = parse_fault(take_until(text, ','));
    if (!event) {
      return std::nullopt;
    }
    schedule.push_back(std::move(*event));
  } while (!text.empty());
  return schedule;
}

}  // namespace quorate::sim
