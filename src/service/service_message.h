#pragma once
// What the services of one group's nodes say to each other: writes for the leader, its refusals, questions and answers
// about leases. A message holds many items: all of a turn for one node.
//
// Invariants: 1. a message names the lives of both sides and has a number in that pair of lives, so that who receives
//                it can refuse what was repeated or comes from another life. 2. decoding reads only inside the
//                message.
// Format, to the byte: docs/formats/service_message.md. Pure functions, used on the loop.

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "codec/reader.h"
#include "codec/writer.h"
#include "state/kv/command.h"

namespace quorate::service {

struct MessageHead {
  Incarnation from;  ///< the sender's life
  Incarnation to;    ///< the receiver's; none: a greeting, which carries nothing
  std::uint64_t sequence = 0;
};

enum class ItemKind : std::uint8_t {
  propose = 1,  ///< to the leader: place this write
  refuse = 2,   ///< from it: nothing was placed, and nothing will be
  ask = 3,      ///< to the leader: a question about a lease, or a change of the members
  answer = 4,   ///< from it
};

enum class Refusal : std::uint8_t { not_leader = 1, busy = 2 };
enum class Question : std::uint8_t { keep_alive = 1, time_to_live = 2, member_change = 3 };

/// One item; which fields mean something follows from `kind`.
struct Item {
  ItemKind kind = ItemKind::propose;
  std::uint8_t detail = 0;    ///< CommandKind of propose, Refusal of refuse, Question of ask; 0 for answer
  std::uint64_t number = 0;   ///< the request's, at the node that a client asked
  std::uint64_t attempt = 0;  ///< of forwarding it
  ByteView bytes;             ///< request or answer; empty for refuse
};

inline constexpr std::size_t kMaxItemHead = 2 + 3 * codec::kMaxVarintBytes;

void write_head(codec::Writer& writer, const MessageHead& head);
void write_item(codec::Writer& writer, const Item& item);

/// False if this is no message of a known version.
[[nodiscard]] bool read_head(codec::Reader& reader, MessageHead& head);
/// False if the bytes break the format.
[[nodiscard]] bool read_item(codec::Reader& reader, Item& item);

/// Which numbers of one sender's life were seen: each is accepted once, late ones within a window.
class SequenceWindow {
 public:
  /// True the first time, unless the number is too old to tell.
  [[nodiscard]] bool accept(std::uint64_t sequence);

 private:
  std::uint64_t highest_ = 0;
  std::uint64_t seen_ = 0;  ///< bit i: highest_ - i was seen
};

}  // namespace quorate::service
