#pragma once
// What goes wrong in a run, as a list: each event can be left out, or given on a command line.
//
// Invariants: 1. an event is what happened, not the draw that led to it: the node is named, and so is each duration or
// rate. 2. to_text() and parse_faults() are inverse.
// Values.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace quorate::sim {

enum class Fault : std::uint8_t {
  crash,                // F-P1
  crash_all,            // F-P2
  pause,                // F-P3
  power_loss,           // F-D1, F-D2, F-D3
  power_loss_all,       // F-P2
  slow_disk,            // F-D10
  partition,            // F-N3
  isolate_leader,       // F-N3
  one_way_partition,    // F-N4
  partial_partition,    // F-N5
  reset_links,          // F-N8
  lossy_network,        // F-N1
  reordering_network,   // F-N2
  duplicating_network,  // F-N2
  replaying_network,    // F-N2
  corrupting_network,   // F-N9
  clock_jump,           // F-T1
  transfer_leadership,  // an operator's, R-28
  clock_drift,          // F-T2
  slow_engine,          // F-D10: records must be waited for
  change_membership,    // an operator's, M-01 to M-12
  failing_disk,         // F-D4, F-D5: writes fail
  full_disk,            // F-D9
  damaged_log,          // F-D6
  lost_write,           // F-D7
  misdirected_write,    // F-D8
  damaged_records,      // F-D6
  take_backup,          // an operator's: the cluster is lost at the end, and restored from the last one
  lost_directory,       // F-D11: the node is started without it, until an operator finds it again
  old_copy,             // F-D12: of the directory; the same
  crash_loop,           // F-P4: lives that end before they have begun, or in the midst of catching up
  swizzle,              // F-N10: nodes are cut off one by one, and come back in another order
  scattered_damage,     // F-D6, C-15: all crash, and each has lost another payload of its log
  black_hole,           // F-N7: links stay open, or are accepted, and carry nothing
  hanging_disk,         // F-D10: nothing that was asked of it is done for a while
};
inline constexpr std::size_t kFaultCount = 35;

[[nodiscard]] std::string_view fault_name(Fault fault);
/// Faults that are a state of the whole run rather than an event.
[[nodiscard]] bool is_ambient(Fault fault);
/// Faults that strike only where there is a log, and what comes with it: leaders, members, records.
[[nodiscard]] bool needs_log(Fault fault);
/// Faults that take what was durable.
[[nodiscard]] bool damages(Fault fault);

struct FaultEvent {
  Duration at{};  ///< since the run began
  Fault fault = Fault::crash;
  std::uint32_t node = 0;  ///< whom it strikes; 0: nobody in particular
  std::vector<std::uint64_t>
      details;  ///< durations in milliseconds, rates, choices: in the order in which they are used
  friend bool operator==(const FaultEvent&, const FaultEvent&) = default;
};
using FaultSchedule = std::vector<FaultEvent>;

/// "crash@412.5/2/87": at 412.5 ms n2 crashes, for 87 ms.
[[nodiscard]] std::string to_text(const FaultEvent& event);
/// Separated by commas; "none" for no event.
[[nodiscard]] std::string to_text(const FaultSchedule& schedule);
/// Nothing if it is not such a text.
[[nodiscard]] std::optional<FaultSchedule> parse_faults(std::string_view text);

}  // namespace quorate::sim
