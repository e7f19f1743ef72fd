#pragma once
// Checks of a client's request that need no state: done once by the node that was asked, before anything is
// proposed or read. The same errors as etcd's, in its order.

#include <cstdint>

#include "base/bytes.h"
#include "state/kv/store.h"

namespace quorate::kv {

[[nodiscard]] Failure validate_range(ByteView request);
[[nodiscard]] Failure validate_put(ByteView request);
[[nodiscard]] Failure validate_delete_range(ByteView request);
[[nodiscard]] Failure validate_txn(ByteView request, std::uint32_t max_ops);

/// True if a valid RangeRequest asks for local, possibly stale state.
[[nodiscard]] bool is_serializable_range(ByteView request);

enum class TxnClass : std::uint8_t { write, linearizable_read, serializable_read };
/// A txn of Range ops only is a read; an empty one counts as serializable (etcd's quirk).
[[nodiscard]] TxnClass classify_txn(ByteView request);

/// What the request would add to the quota, in bytes: put 256 + key + value, txn its larger branch, grant 64.
[[nodiscard]] std::uint64_t quota_cost(CommandKind kind, ByteView request);
/// True if the request may grow the store (a Put somewhere in it, or a LeaseGrant): blocked while NOSPACE is raised.
[[nodiscard]] bool may_grow(CommandKind kind, ByteView request);

}  // namespace quorate::kv
