#pragma once
// A Membership as bytes, which the log keeps with the place where it begins, and a Configuration: the payload of
// configuration entries.
//
// Layout: version (1 byte, 1), then voters, outgoing voters, learners: each a varint count and varint node ids, rising.
// With contacts the version is 2, and behind the lists stand a varint count and the contacts: varint node id, rising,
// 1 byte (1: will vote by itself, else 0), varint length, urls.
// Invariants: 1. what encode wrote, decode reads back. 2. decode accepts only what encode can write, of at most
//                kMaxMembers nodes a list, and allocates nothing before the bytes were there.
// Pure functions.

#include <cstddef>
#include <optional>

#include "base/bytes.h"
#include "consensus/contract/entry.h"

namespace quorate::consensus {

/// Of one list. Far above what any protocol here is used with.
inline constexpr std::size_t kMaxMembers = 128;

[[nodiscard]] Buffer encode_membership(const Membership& membership);

/// Nothing if the bytes break the layout.
[[nodiscard]] std::optional<Membership> decode_membership(ByteView bytes);

inline constexpr std::size_t kMaxContacts = 3 * kMaxMembers;
/// Of one contact: printable characters without spaces.
inline constexpr std::size_t kMaxContactBytes = 2048;

/// What a state machine keeps of a contact, as text: the URLs, then ` joins` for one that will vote by itself.
[[nodiscard]] std::string contact_text(const Contact& contact);
[[nodiscard]] Contact contact_from_text(NodeId node, std::string_view text);

[[nodiscard]] Buffer encode_configuration(const Configuration& configuration);
[[nodiscard]] std::optional<Configuration> decode_configuration(ByteView bytes);

}  // namespace quorate::consensus
