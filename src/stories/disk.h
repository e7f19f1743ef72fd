#pragma once
// What a disk holds of one replica: a list for a log, and nothing ever fails. A value.

#include <map>
#include <string>

#include "consensus/contract/core.h"
#include "stories/words.h"

namespace quorate::stories {

struct Disk {
  Buffer state;
  EntryId discarded;
  consensus::Membership membership;
  std::map<Position, consensus::Entry> log;
  std::map<std::string, Buffer> cells;

  void apply(const consensus::Persist& write);
  [[nodiscard]] consensus::PersistedState persisted_state() const;
  /// "log [..2@1] 3@1 x<-1, 4@2 y<-2"
  [[nodiscard]] std::string log_words() const;
  /// "cells [k: decided x]"
  [[nodiscard]] std::string cells_words(const CellWords& cell_words) const;
};

}  // namespace quorate::stories
