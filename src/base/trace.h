#pragma once
// What happened, as values: a name known at compile time and up to two numbers. `server` turns events into
// log lines and metrics, `sim` counts them: a branch that a search never reached is visible.

#include <cstdint>
#include <string_view>

namespace quorate {

struct TraceEvent {
  std::string_view name;  ///< a literal such as "peer.refused": folder, dot, what happened
  std::uint64_t a = 0;    ///< meaning stated where the event is emitted
  std::uint64_t b = 0;
};

/// Where objects above the cores report events; the cores emit them as effects instead.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void trace(const TraceEvent& event) = 0;
};

}  // namespace quorate
