#pragma once
// What replicas write and hold, in words. Pure functions; each gives one line without line end.

#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "consensus/contract/core.h"
#include "consensus/contract/effect.h"

namespace quorate::stories {

/// A protocol's small durable state in words: "term 2 vote n3".
using StateWords = std::function<std::string(ByteView blob)>;
/// A protocol's durable cell in words, its name in front; none: nobody needs to read them.
using CellWords = std::function<std::string(ByteView cell, ByteView blob)>;

/// "2"; a ballot, which names its proposer, as "2.n1".
[[nodiscard]] std::string words(Tag tag);
/// And back.
[[nodiscard]] Tag tag_of_words(std::string_view words);
/// "3@2": position and tag.
[[nodiscard]] std::string words(const EntryId& id);
/// "3@2 x<-1"; of bytes that are no text, only how many.
[[nodiscard]] std::string words(const consensus::Entry& entry);
[[nodiscard]] std::string membership_words(const consensus::Membership& membership);
/// ", lost its log's end"; nothing if there is none.
[[nodiscard]] std::string_view loss_words(const consensus::Loss& loss);
[[nodiscard]] std::string_view timer_words(consensus::TimerKind kind);
/// "term 2 vote n3, cut from 5, 5@2 y<-2"; several commands in a row that are no text: "5..9@2 5 commands".
[[nodiscard]] std::string persist_words(const consensus::Persist& write, const StateWords& state_words,
                                        const CellWords& cell_words = {});

}  // namespace quorate::stories
