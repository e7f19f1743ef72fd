#pragma once
// What two nodes say to each other about payloads that one of them has lost (mender.h).
//
// Invariant: decoding reads only inside the message and allocates no more than what arrived justifies.
// Format, to the byte: docs/formats/mend_message.md. Pure functions, used on the loop.

#include <cstddef>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::group {

/// Of one question; more is refused.
inline constexpr std::size_t kMostAskedAtOnce = 64;

/// Who has the payloads of these entries?
struct PayloadQuestion {
  std::vector<EntryId> entries;  ///< 1 to kMostAskedAtOnce
};

/// To who asked: the entry's payload.
struct PayloadAnswer {
  EntryId entry;
  Buffer payload;
};

/// To who asked: of what it asked for something is not here, and the group goes on without it, or has done so.
struct PayloadNeedless {};

using MendMessage = std::variant<PayloadQuestion, PayloadAnswer, PayloadNeedless>;

/// The parts of the message on the wire.
[[nodiscard]] std::vector<Buffer> encode_mend_message(const MendMessage& message);
/// Nothing if the bytes break the format. A payload points into `bytes`.
[[nodiscard]] std::optional<MendMessage> decode_mend_message(const Buffer& bytes);

}  // namespace quorate::group
