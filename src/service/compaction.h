#pragma once
// Removes what was compacted, in slices between turns, and lets physical compactions wait for the end of it.
//
// Invariant: a slice is bounded, and a turn passes between two slices.
// Owned by the group's service, on the loop.

#include <utility>
#include <vector>

#include "service/parts.h"

namespace quorate::service {

class Compaction {
 public:
  static constexpr std::size_t kSliceRecords = 1000;
  static constexpr Duration kPause = std::chrono::milliseconds(10);

  explicit Compaction(Parts& parts) : parts_(parts) {}

  /// There may be work: after a compaction was executed, and at start.
  void begin() {
    if (timer_ == 0 && !parts_.is_stopped) {
      timer_ = parts_.loop.arm(parts_.clock.now() + kPause, Callback<>::to<&Compaction::step>(this));
    }
  }
  /// Answers the executed compaction once nothing is left to remove.
  void wait(Request& request, Answer answer) {
    request.stage = Stage::executed;
    request.result = std::move(answer);
    waiting_.push_back(request.number);
    begin();
  }
  void shut_down() { parts_.loop.cancel(std::exchange(timer_, 0)); }

 private:
  void step(std::uint64_t) {
    timer_ = 0;
    if (parts_.store->compact_step(kSliceRecords)) {
      begin();
      return;
    }
    for (const Ticket number : std::exchange(waiting_, {})) {
      if (Request* request = parts_.requests.find_waiting(number); request != nullptr) {
        Answer answer = std::move(request->result);
        parts_.finish(*request, std::move(answer));
      }
    }
  }

  Parts& parts_;
  env::TimerId timer_ = 0;
  std::vector<Ticket> waiting_;
};

}  // namespace quorate::service
