#pragma once
// A wish to change who takes part in the group, as its front ends and services pass it on.
//
// Layout: version (1 byte, 1), kind (1 byte), varints: node, max_learners; varint length and urls; varint count and
// varint ids of the voters, rising. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::service {

struct MemberChange {
  enum class Kind : std::uint8_t {
    add = 1,          ///< `node` at `urls` votes as soon as it has caught up; until then it is a learner
    add_learner = 2,  ///< it only gets entries, until it is promoted
    remove = 3,
    update = 4,   ///< `node` is found at `urls` from now on
    promote = 5,  ///< a learner votes
    set = 6,      ///< exactly `voters` vote; other voters leave, learners stay
  };

  Kind kind = Kind::add;
  NodeId node;                     ///< not for `set`; an addition's may be none: the service chooses one
  std::uint32_t max_learners = 0;  ///< of an added learner: no more than so many in all; 0: no limit
  std::string urls;                ///< separated by commas
  std::vector<NodeId> voters;      ///< of `set`, rising

  friend bool operator==(const MemberChange&, const MemberChange&) = default;
};

[[nodiscard]] Buffer encode_member_change(const MemberChange& change);
/// Nothing if the bytes break the layout or say what encode would not.
[[nodiscard]] std::optional<MemberChange> decode_member_change(ByteView bytes);

/// The body of a successful answer: the member that the change was about, none for `set`.
[[nodiscard]] Buffer encode_member_answer(NodeId node);
[[nodiscard]] NodeId read_member_answer(ByteView body);

}  // namespace quorate::service
