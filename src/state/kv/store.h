#pragma once
// The key-value store with etcd's semantics: every revision kept until compaction, transactions, leases.
//
// Invariants: 1. one command makes at most one main revision; sub-revisions count its changes in order.
//             2. execute() never leaves half of a command: all checks come before the first change.
//             3. what replies and the next read need is in memory before the reply: the key index always, recent
//                records until the engine has them. Records are keyed by revision (DESIGN section 5).
// Facts: etcd's v3 API, section 2 of its behaviour. Owned by a replica's runtime, on the loop.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/callback.h"
#include "base/ids.h"
#include "env/record_store.h"
#include "state/kv/command.h"
#include "state/state_machine.h"

namespace quorate::kv {

/// Why a request failed. `api/etcd` gives each its gRPC code and etcd's text.
enum class Failure : std::uint8_t {
  none,
  empty_key,      // key is not provided
  key_not_found,  // also an op without a request
  value_provided,
  lease_provided,
  too_many_ops,
  duplicate_key,
  invalid_sort_option,
  compacted,
  future_revision,
  no_space,
  lease_not_found,
  lease_exists,
  lease_ttl_too_large,
  malformed,  // not a decodable request
  member_not_found,
};

/// An answer without its header: the response message's other fields, already encoded, and what the header needs.
struct Reply {
  Failure failure = Failure::none;
  std::int64_t revision = 0;  ///< for the response header
  Buffer body;                ///< encoded fields of the response other than `header`
};

/// One change, as watchers see it. `kv` fields as mvccpb.KeyValue.
struct Event {
  enum class Type : std::uint8_t { put = 0, erase = 1 };
  Type type = Type::put;
  Buffer key;
  Buffer value;  ///< put only
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;  ///< main revision
  std::int64_t sub_revision = 0;
  std::int64_t version = 0;
  std::int64_t lease = 0;
  /// mod_revision of the version before, 0 if the key is new: for prev_kv.
  std::int64_t previous_revision = 0;
  std::int64_t previous_sub = 0;
};

struct LeaseInfo {
  std::int64_t id = 0;
  std::int64_t granted_ttl = 0;  ///< seconds
};

/// Told what executing did, in order, on every replica. Called inside execute().
class StoreObserver {
 public:
  virtual ~StoreObserver() = default;
  /// True if someone here waits for this request's reply: otherwise no reply is built.
  [[nodiscard]] virtual bool wants_reply(const RequestId& request) const = 0;
  virtual void on_reply(const RequestId& request, Reply reply) = 0;
  /// All changes of one main revision, in sub-revision order. The span ends with the call.
  virtual void on_events(std::int64_t revision, std::span<const Event> events) = 0;
  virtual void on_lease_granted(const LeaseInfo& lease) = 0;
  virtual void on_lease_revoked(std::int64_t lease) = 0;
  virtual void on_compacted(std::int64_t revision) = 0;
  /// A snapshot took the state's place: it is at `revision` now. What lies between is in the history, or compacted.
  virtual void on_replaced(std::int64_t revision) = 0;
};

struct Alarm {
  std::uint64_t member = 0;
  std::int32_t type = 0;  ///< etcdserverpb.AlarmType
  friend auto operator<=>(const Alarm&, const Alarm&) = default;
};

struct StoreLimits {
  std::uint32_t max_txn_ops = 128;
  std::int64_t min_lease_ttl = 2;              ///< seconds
  std::int64_t max_lease_ttl = 9'000'000'000;  ///< seconds
  std::size_t recent_bytes = 64U << 20;        ///< written records kept in memory after the engine has them
  std::size_t cache_bytes = 32U << 20;         ///< records read from the engine kept in memory
};

/// A page of history for a watcher that catches up.
struct HistoryPage {
  std::vector<Event> events;       ///< whole revisions only, rising
  std::int64_t next_revision = 0;  ///< go on from here; > current revision when caught up
  bool pending = false;            ///< records are being fetched; ask again after the callback
};

class Store : public state::StateMachine {
 public:
  [[nodiscard]] static std::unique_ptr<Store> make(GroupId group, env::RecordStore& records, StoreLimits limits,
                                                   StoreObserver& observer);

  // ---- reads of the executed state; `request` is the client's encoded message --------------------------------
  /// etcdserverpb.RangeRequest. `pending`: ask again after `ready`.
  [[nodiscard]] virtual state::Execution range(ByteView request, Reply& reply, Callback<> ready) = 0;
  /// A TxnRequest that changes nothing (see is_read_only_txn).
  [[nodiscard]] virtual state::Execution read_txn(ByteView request, Reply& reply, Callback<> ready) = 0;
  /// HashKVRequest at `revision` (0: current): the encoded body. Reads all records: a large store answers `pending`,
  /// and goes on with each compact_step() until `ready`.
  [[nodiscard]] virtual state::Execution hash_kv(std::int64_t revision, Reply& reply, Callback<> ready) = 0;

  // ---- for watchers -------------------------------------------------------------------------------------------
  /// Events with mod_revision >= from, keys in [key, end) as etcd's range_end means it, about `max_events` of them
  /// (whole revisions). `from` must not be compacted.
  [[nodiscard]] virtual HistoryPage history(std::int64_t from, ByteView key, ByteView end, std::size_t max_events,
                                            Callback<> ready) = 0;
  /// The record at exactly this revision (for prev_kv); absent if compacted.
  [[nodiscard]] virtual env::Lookup record_at(std::int64_t main, std::int64_t sub, Event& out, Callback<> ready) = 0;

  [[nodiscard]] virtual std::int64_t revision() const = 0;
  [[nodiscard]] virtual std::int64_t compact_revision() const = 0;

  // ---- leases and alarms ----------------------------------------------------------------------------------------
  [[nodiscard]] virtual std::vector<LeaseInfo> leases() const = 0;  ///< sorted by id
  [[nodiscard]] virtual bool find_lease(std::int64_t id, LeaseInfo& out) const = 0;
  [[nodiscard]] virtual std::vector<Buffer> lease_keys(std::int64_t id) const = 0;
  [[nodiscard]] virtual std::vector<Alarm> alarms() const = 0;
  /// What members published of themselves: etcdserverpb.Member, by member id.
  [[nodiscard]] virtual const std::map<NodeId, Buffer>& members() const = 0;
  /// Where members are found, as changes of the membership told: consensus::contact_text(). Empty: a member that was
  /// removed, for ever. Who is a member since the beginning may be missing.
  [[nodiscard]] virtual const std::map<NodeId, Buffer>& contacts() const = 0;

  /// Does a bounded slice of work in the background (physical compaction, a HashKV that someone waits for); true
  /// while more is left. To be called between turns after a Compact, a hash_kv that is pending, recover(), and
  /// on_replaced().
  virtual bool compact_step(std::size_t max_records) = 0;
  /// Approximate bytes of all live records, for quota and status.
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
  [[nodiscard]] virtual std::uint64_t key_count() const = 0;
};

}  // namespace quorate::kv
