#pragma once
// The messages between two replicas of a Raft group, one struct each, and their bytes.
//
// Layout: version (1 byte), type (1 byte), then the struct's fields as varints in their order; flags are one byte,
// those of rare cases (`uncounted`) only if set, at the end.
// Invariants: 1. what encode wrote, decode reads back. 2. decode accepts only whole messages of known version and type
//                with plausible numbers; it allocates nothing.
// Entries are not in here: the runtime attaches them (consensus::Attach). Pure functions.

#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::raft {

/// "Would you vote for me in `term`?" Changes nothing durable at either side (thesis 9.6).
struct PreVoteRequest {
  Tag term;      ///< the term that the sender would campaign in
  EntryId last;  ///< of the sender's log
};
struct PreVoteResponse {
  Tag term;       ///< the responder's own
  Tag requested;  ///< the request's term
  bool granted = false;
  bool conditional = false;  ///< the responder's log end is uncertain: counts only if all voters grant
};

/// RequestVote (paper, figure 2).
struct VoteRequest {
  Tag term;
  EntryId last;
  bool by_transfer = false;  ///< the leader asked for it: its being alive is no reason to refuse
};
struct VoteResponse {
  Tag term;
  bool granted = false;
  bool conditional = false;  ///< as in PreVoteResponse
};

/// AppendEntries (paper, figure 2); the attached entries follow `previous` without a gap; none: a probe.
struct Append {
  Tag term;
  EntryId previous;
  Position commit;
};
/// Everything up to `match` equals the log of the leader of `term` and is durable. Covers no more than one Append did.
struct AppendAccepted {
  Tag term;
  Position match;
  bool uncounted = false;  ///< the sender does not know what it has promised: it is sent more, and counts for nothing
};
struct AppendRejected {
  Tag term;
  Position rejected;  ///< the position of Append::previous
  /// The last own entry at or before `rejected` whose tag is not above that of Append::previous: where the logs can
  /// agree at most.
  EntryId hint;
};

/// Regular word from the leader, and a round of reads.
struct Heartbeat {
  Tag term;
  std::uint64_t round = 0;
  Position commit;       ///< the receiver takes what it knows to be equal to the leader's log
  Position everywhere;   ///< every member has everything up to here
  bool regular = false;  ///< by the clock, not for a read
};
struct HeartbeatResponse {
  Tag term;
  std::uint64_t round = 0;
  Position verified;       ///< how far the sender knows its log to equal the leader's
  bool regular = false;    ///< as in the heartbeat
  bool uncounted = false;  ///< as in AppendAccepted
};
/// A commit that no append carried: so that followers with waiting clients need not wait for a heartbeat.
struct CommitNotice {
  Tag term;
  Position commit;
};

/// A follower asks which position its reads must include.
struct ReadRequest {
  Tag term;
  Incarnation life;          ///< of the sender: an answer to an earlier life is no answer (L-03)
  std::uint64_t number = 0;  ///< rises with each read of that life; an answer serves all up to it
};
struct ReadResponse {
  Tag term;
  Incarnation life;
  std::uint64_t number = 0;
  Position position;
  bool served = false;  ///< false: not by this node
};

/// "Campaign at once": the leader hands over (thesis 3.10).
struct TimeoutNow {
  Tag term;
};

using Message =
    std::variant<PreVoteRequest, PreVoteResponse, VoteRequest, VoteResponse, Append, AppendAccepted, AppendRejected,
                 Heartbeat, HeartbeatResponse, CommitNotice, ReadRequest, ReadResponse, TimeoutNow>;

[[nodiscard]] Buffer encode(const Message& message);

/// Nothing if the bytes are no message.
[[nodiscard]] std::optional<Message> decode(ByteView bytes);

}  // namespace quorate::raft
