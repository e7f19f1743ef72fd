#pragma once
// What stands in the log for one request on the key-value store: a small header stamped by the leader, then the
// request's own bytes as the client encoded them. Encoded once, never re-encoded.
//
// Layout (little-endian): docs/formats/command.md. Time, lease ids and the origin come with the command, so that
// executing it reads no clock and draws no number.

#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace quorate::kv {

enum class CommandKind : std::uint8_t {
  put = 1,             ///< etcdserverpb.PutRequest
  delete_range = 2,    ///< etcdserverpb.DeleteRangeRequest
  txn = 3,             ///< etcdserverpb.TxnRequest
  compact = 4,         ///< etcdserverpb.CompactionRequest
  lease_grant = 5,     ///< etcdserverpb.LeaseGrantRequest with ID and TTL filled in
  lease_revoke = 6,    ///< etcdserverpb.LeaseRevokeRequest
  alarm = 7,           ///< etcdserverpb.AlarmRequest (ACTIVATE or DEACTIVATE)
  publish_member = 8,  ///< etcdserverpb.Member: the origin's own name and client URLs
};

/// Names a request over the whole cluster: the node that a client asked, that node's life, and a number.
struct RequestId {
  NodeId origin;
  Incarnation incarnation;
  std::uint64_t number = 0;
  friend bool operator==(const RequestId&, const RequestId&) = default;
};

struct CommandHeader {
  CommandKind kind = CommandKind::put;
  RequestId request;
  WallTime time;
  /// lease_revoke by expiry only: the term of the leader that saw it expire; executed only if the entry has this
  /// tag, so that a stalled leader's revoke is void after a change of leader (E-04). 0: asked for by a client.
  Tag expired_in;
};

struct Command {
  CommandHeader header;
  ByteView request;  ///< points into the decoded bytes
};

[[nodiscard]] Buffer encode_command(const CommandHeader& header, ByteView request);
/// Fails on an unknown version or kind, or if the bytes are too short.
[[nodiscard]] Result<Command> decode_command(ByteView bytes);

}  // namespace quorate::kv
