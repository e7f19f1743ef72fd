#pragma once
// Nodes, entries and logs in words, for the explorer's stories and verdicts. Pure functions.

#include <cstdint>
#include <string>
#include <vector>

#include "consensus/contract/entry.h"

namespace quorate::explore {

[[nodiscard]] inline std::string words(std::string text) { return text; }
[[nodiscard]] inline std::string words(std::uint64_t number) { return std::to_string(number); }
[[nodiscard]] std::string words(NodeId node);
/// position@term
[[nodiscard]] std::string words(EntryId id);
[[nodiscard]] std::string words(const std::vector<consensus::Entry>& log);
[[nodiscard]] std::string words(const consensus::Membership& membership);

}  // namespace quorate::explore
