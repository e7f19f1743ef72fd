#pragma once
// What a replica of Raft writes and holds, in words. Pure functions; each gives one line without line end.

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "consensus/contract/effect.h"

namespace quorate::stories {

/// "3@2": position and term.
[[nodiscard]] std::string words(const EntryId& id);
/// "3@2 x<-1"
[[nodiscard]] std::string words(const consensus::Entry& entry);
[[nodiscard]] std::string membership_words(const consensus::Membership& membership);
/// "term 2 vote n3", of the small durable state.
[[nodiscard]] std::string state_words(ByteView blob);
[[nodiscard]] std::string_view timer_words(consensus::TimerKind kind);
[[nodiscard]] std::string op_words(const consensus::PersistOp& op);

}  // namespace quorate::stories
