#pragma once
// For a replica and its mail: what of it makes a difference if it arrives now. Most of what was ever sent does not, and
// worlds have pairs of the two in common.
//
// Owned by a search.

#include <cstdint>
#include <span>
#include <vector>

#include "explore/mail.h"
#include "explore/step_table.h"

namespace quorate::explore {

class ArrivalTable {
 public:
  ArrivalTable(StepTable& steps, const MailTable& mail) : steps_(steps), mail_(mail) {}

  struct Arrival {
    std::uint32_t packet = 0;
    std::uint32_t row = 0;  ///< of the step
  };
  /// Those that change the replica or are answered. Valid until the next call.
  [[nodiscard]] std::span<const Arrival> of(std::uint32_t replica, std::uint32_t mail);

 private:
  struct List {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };

  StepTable& steps_;
  const MailTable& mail_;
  NumberMap list_by_pair_;  ///< by replica and mail
  std::vector<List> lists_;
  std::vector<Arrival> arrivals_;
};

}  // namespace quorate::explore
