#pragma once
// The messages between two replicas of a Multi-Paxos group, one struct each ("Paxos Made Simple", section 3, over the
// slots of a log), and their bytes (contract/message_fields.h).
//
// Invariants: 1. `ballot` is the first field of each; in answers and questions that concern no ballot it is the highest
//                that the sender has promised. 2. values travel as attached entries, each with the tag that it was
//                first proposed with, one message for each run of equal tags without a hole. Slot and tag together name
//                a value: a receiver takes no entry with another tag than the message says.
// README.md has what a receiver does. Pure functions.

#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::multipaxos {

// ---- who proposes ---------------------------------------------------------------------------------------

/// "Would you promise me `ballot`?" Changes nothing at either side.
struct Inquiry {
  Tag ballot;
  Position decided;  ///< the sender knows everything up to here
};
struct InquiryAnswer {
  Tag ballot;  ///< promised by the sender; may be none
  Tag asked;
  bool granted = false;
  bool conditional = false;  ///< the sender's log end is uncertain: counts only if all voters grant
};
/// Phase 1a for every slot from `first` on.
struct Prepare {
  Tag ballot;
  Position first;
  bool by_transfer = false;  ///< the leader wants it: to be heeded although that leader lives
};
/// Phase 1b: nothing below `ballot` will be accepted any more. What was accepted from the Prepare's first slot on, and
/// is not known to be decided, follows in PromisedRuns.
struct Promise {
  Tag ballot;
  Position first;    ///< of the Prepare
  Position decided;  ///< everything up to here is decided, and can be asked for
  Position last;     ///< the last accepted slot
  bool conditional = false;
};
/// A run of accepted slots, attached. Fewer may be attached: the rest is asked for with another Prepare of this ballot.
struct PromisedRun {
  Tag ballot;
  Position after;  ///< between this slot and the first attached one nothing was accepted
  Tag tag;
  Tag accepted;  ///< the ballot in which the values were accepted last
};
/// To a Prepare or an Accept below what was promised.
struct Refused {
  Tag ballot;  ///< promised
  Tag asked;
};

// ---- values ---------------------------------------------------------------------------------------------

/// Phase 2a for the attached slots. They may lie behind a hole.
struct Accept {
  Tag ballot;
  Tag tag;  ///< of all attached entries; below `ballot` for values found in phase 1
  Position decided;
};
/// Phase 2b, durable.
struct Accepted {
  Tag ballot;
  Position first;
  Position last;
};
/// What was accepted in `ballot` up to `decided` is decided; who accepted something else there must learn it.
struct Decide {
  Tag ballot;
  Position decided;
};

// ---- catching up ----------------------------------------------------------------------------------------

/// "What was decided from `first` to `last`?"
struct LearnRequest {
  Tag ballot;
  Position first;
  Position last;
  Tag tag;  ///< of what the sender has accepted at `first`: if it is that, its content need not be sent
};
/// Decided values from `first` to `last`, attached; fewer may be attached. Those up to `until` answer one question.
struct Learned {
  Tag ballot;
  Position first;
  Position last;
  Position until;
};
/// What was accepted with `tag` from `first` to `last` is decided.
struct Confirmed {
  Tag ballot;
  Position first;
  Position last;
  Tag tag;
};

// ---- the leader's regular word --------------------------------------------------------------------------

struct Heartbeat {
  Tag ballot;
  std::uint64_t round = 0;
  Position decided;
  Position own_from;  ///< the first slot that the leader placed itself: all before were decided or begun before
  Position everywhere;
  bool regular = false;  ///< by the clock, not for a read
};
struct HeartbeatAnswer {
  Tag ballot;
  std::uint64_t round = 0;
  Position decided;
  Position noted;  ///< durably known to be decided: nothing up to here will be asked for
  bool regular = false;
};
/// `noted` rose to a change of the membership.
struct Noted {
  Tag ballot;
  Position noted;
};

// ---- reads, handing over --------------------------------------------------------------------------------

struct ReadRequest {
  Tag ballot;
  Incarnation life;          ///< of the sender: an answer to an earlier life is no answer (L-03)
  std::uint64_t number = 0;  ///< rises with each read of that life; an answer serves all up to it
};
struct ReadAnswer {
  Tag ballot;
  Incarnation life;
  std::uint64_t number = 0;
  Position position;
  bool served = false;  ///< false: not by this node
};
/// "Campaign at once": the leader hands over.
struct CampaignNow {
  Tag ballot;
};

using Message =
    std::variant<Inquiry, InquiryAnswer, Prepare, Promise, PromisedRun, Refused, Accept, Accepted, Decide, LearnRequest,
                 Learned, Confirmed, Heartbeat, HeartbeatAnswer, Noted, ReadRequest, ReadAnswer, CampaignNow>;

[[nodiscard]] Buffer encode(const Message& message);

/// Nothing if the bytes are no message.
[[nodiscard]] std::optional<Message> decode(ByteView bytes);

}  // namespace quorate::multipaxos
