#pragma once
// The store behind store.h: its state, and how a command passes through it. One file a subject:
//   execute.cc     dispatch, put, delete, leases, alarms, and the changes that all of them are made of
//   range.cc       selecting, sorting and encoding key-value pairs
//   txn.cc         transactions: compare, check, plan, change
//   compaction.cc  removing what no read can see any more
//   history.cc     records for watchers
//   hash.cc        HashKV and the state's hash
//   recover.cc     collecting records for the engine; rebuilding memory from them, or from a snapshot (image.h)
//
// A command that must read values first goes through its reads (an attempt of the reader) without changing anything; if
// one of them is not at hand it is `pending` and comes again. From its first change on it cannot fail or wait.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "codec/etcd_request.h"
#include "state/kv/image.h"
#include "state/kv/key_index.h"
#include "state/kv/key_range.h"
#include "state/kv/lease_table.h"
#include "state/kv/record_reader.h"
#include "state/kv/store.h"

namespace quorate::kv {

class StoreImpl final : public Store {
 public:
  StoreImpl(GroupId group, env::RecordStore& records, StoreLimits limits, StoreObserver& observer);

  // ---- StateMachine
  [[nodiscard]] Result<Position> recover(Generation generation) override;
  [[nodiscard]] state::Execution execute(const EntryId& id, const Buffer& command, Callback<> ready) override;
  void skip(Position position) override;
  void configure(Position position, std::span<const NodeId> members,
                 std::span<const state::MemberContact> contacts) override;
  [[nodiscard]] Position executed() const override { return executed_; }
  void collect(Position durable, env::RecordBatch& batch) override;
  void begin_restore(Generation generation) override;
  [[nodiscard]] Status restore(ByteView key, ByteView value) override;
  [[nodiscard]] Result<Position> finish_restore() override;
  void adopt_restored() override;
  void abandon_restore() override;
  void hash_into(Hasher& hasher) const override;

  // ---- Store
  [[nodiscard]] state::Execution range(ByteView request, Reply& reply, Callback<> ready) override;
  [[nodiscard]] state::Execution read_txn(ByteView request, Reply& reply, Callback<> ready) override;
  [[nodiscard]] state::Execution hash_kv(std::int64_t revision, Reply& reply, Callback<> ready) override;
  [[nodiscard]] HistoryPage history(std::int64_t from, ByteView key, ByteView end, std::size_t max_events,
                                    Callback<> ready) override;
  [[nodiscard]] env::Lookup record_at(std::int64_t main, std::int64_t sub, Event& out, Callback<> ready) override;
  [[nodiscard]] std::int64_t revision() const override { return revision_; }
  [[nodiscard]] std::int64_t compact_revision() const override { return compact_revision_; }
  [[nodiscard]] std::vector<LeaseInfo> leases() const override { return leases_.all(); }
  [[nodiscard]] bool find_lease(std::int64_t id, LeaseInfo& out) const override { return leases_.find(id, out); }
  [[nodiscard]] std::vector<Buffer> lease_keys(std::int64_t id) const override;
  [[nodiscard]] const std::map<NodeId, Buffer>& members() const override { return members_; }
  [[nodiscard]] const std::map<NodeId, Buffer>& contacts() const override { return contacts_; }
  [[nodiscard]] std::vector<Alarm> alarms() const override { return {alarms_.begin(), alarms_.end()}; }
  bool compact_step(std::size_t max_records) override;
  [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
  [[nodiscard]] std::uint64_t key_count() const override { return index_.live_count(); }

 private:
  /// A command on its way.
  struct Task {
    EntryId id;
    Command command;
    bool wants_reply = false;
    Reply reply;
  };
  /// A key that a Range found, and its record once it was read.
  struct Found {
    KeyEntry* entry = nullptr;
    VersionInfo info;
    Buffer record;
  };
  struct Selection {
    Failure failure = Failure::none;
    std::vector<Found> found;
    bool more = false;
    std::int64_t count = 0;
  };
  /// What a plan knows of the operations before the present one.
  struct PlanState {
    bool changed = false;
    std::uint64_t deleted = 0;
  };
  /// Which branch each transaction takes, nested ones after their parent.
  struct TxnPath {
    std::vector<bool> branches;
    std::size_t at = 0;
    bool take() { return branches[at++]; }
  };
  /// What a command left behind besides records, until the engine has it.
  struct JournalEntry {
    Position position;
    std::int64_t revision = 0;
    std::int64_t compact_revision = 0;
  };
  struct SideOp {
    Position position;
    env::RecordBatch::Op op;
  };

  /// A HashKV under way, or the last one that ended (is_active false): its result holds for ever.
  struct HashJob {
    std::int64_t upto = -1;
    std::int64_t compacted = -2;
    bool is_active = false;
    std::uint32_t hash = 0;
    std::string next_key;                        ///< first the index is walked for versions up to `compacted`,
    std::vector<std::pair<Revision, bool>> old;  ///< and whether a compaction at `upto` would keep them;
    bool keeps_any = false;
    bool has_old = false;
    std::size_t next_old = 0;  ///< then they are hashed,
    Revision next;             ///< and then all revisions behind them
    Revision asked_ahead;      ///< the last one from which a page was read
    bool is_fetching = false;
  };

  // execute.cc
  void run(Task& task);
  void run_put(Task& task);
  void run_delete_range(Task& task);
  void run_txn(Task& task);
  void run_compact(Task& task);
  void run_lease_grant(Task& task);
  void run_lease_revoke(Task& task);
  void run_alarm(Task& task);
  void run_publish_member(Task& task);
  void finish_command(Position position);
  /// The revision that a read inside the present command sees.
  [[nodiscard]] std::int64_t visible_revision() const { return changes_ == 0 ? revision_ : revision_ + 1; }
  [[nodiscard]] KeyEntry* find_live(ByteView key) const;
  /// Reads a record that must exist. False: it is being fetched.
  bool read_value(const Version& at, Buffer& value);
  void put(ByteView key, ByteView value, std::int64_t lease);
  void erase(KeyEntry& entry);
  void add_change(NewRecord record, const Version& at, Event event);
  [[nodiscard]] Version make_version(const NewRecord& record, bool tombstone) const;
  /// The live keys of a range, ascending.
  void live_keys(const KeyRange& range, std::vector<KeyEntry*>& out) const;
  void add_side_op(Position position, env::RecordBatch::Op op) { side_ops_.push_back({position, std::move(op)}); }

  // range.cc
  void select(const codec::RangeRequest& request, Selection& out);
  void select_one(const codec::RangeRequest& request, std::int64_t revision, Selection& out) const;
  [[nodiscard]] std::int64_t count_at(const KeyRange& range, std::int64_t revision) const;
  void gather(const KeyRange& range, std::int64_t revision, std::size_t limit, std::vector<Found>& out) const;
  void gather_last(const KeyRange& range, std::size_t limit, std::vector<Found>& out) const;
  void sort_by_value(Selection& selection, bool descend);
  void read_found(const codec::RangeRequest& request, std::vector<Found>& found);
  /// Calls use(fields) with the encoded pairs of a complete selection.
  template <class Use>
  void with_fields(const codec::RangeRequest& request, const Selection& selection, Use use);

  // txn.cc
  [[nodiscard]] bool compare(const codec::CompareRequest& request);
  [[nodiscard]] bool compare_entry(const codec::CompareRequest& request, const KeyEntry* entry);
  void choose_path(const codec::TxnRequest& txn, std::vector<bool>& branches);
  [[nodiscard]] bool all_true(codec::TxnFields compares);
  [[nodiscard]] Failure check_path(const codec::TxnRequest& txn, TxnPath& path) const;
  void plan_reads(const codec::TxnRequest& txn, TxnPath& path, PlanState& state, bool wants_reply);
  void plan_range(const codec::RangeRequest& request, const PlanState& state);
  void plan_delete(const codec::DeleteRangeRequest& request, PlanState& state, bool wants_reply);
  void apply_path(const codec::TxnRequest& txn, TxnPath& path, bool wants_reply, codec::TxnReplyWriter& reply);
  void apply_range(const codec::RangeRequest& request, bool wants_reply, codec::TxnReplyWriter& reply);
  void apply_put(const codec::PutRequest& request, bool wants_reply, Buffer& previous);
  std::int64_t apply_delete(const codec::DeleteRangeRequest& request, bool wants_reply, std::vector<Buffer>& previous);

  // history.cc
  [[nodiscard]] Event make_event(const RecordView& view, Revision at, const Buffer& value) const;

  // hash.cc
  void hash_step();
  void hash_slice();
  [[nodiscard]] bool hash_find_old();
  void hash_read();
  void hash_prefetch();
  void on_hash_fetched(std::uint64_t);

  // compaction.cc
  bool compact_slice(std::size_t max_records);
  std::size_t compact_entry(KeyEntry& entry, std::size_t max_records);
  void erase_record(const Version& version);

  // recover.cc
  void take_over_restored();
  void retire(std::unique_ptr<Image> image);

  const GroupId group_;
  RecordKeys keys_;
  env::RecordStore& records_;
  const StoreLimits limits_;
  StoreObserver& observer_;

  KeyIndex index_;
  RecentRecords recent_;
  RecordReader reader_;
  LeaseTable leases_;
  std::set<Alarm> alarms_;
  std::map<NodeId, Buffer> members_;   ///< as each published itself
  std::map<NodeId, Buffer> contacts_;  ///< empty: removed
  std::int64_t revision_ = 1;
  std::int64_t compact_revision_ = -1;
  Position executed_;
  std::uint64_t size_bytes_ = 0;

  // the present command
  std::int64_t changes_ = 0;  ///< made so far; the next one's sub-revision
  NewRecord last_record_;     ///< of the last change
  std::vector<Event> events_;
  std::string scratch_;          ///< encoded pairs of a keys_only reply
  std::vector<ByteView> views_;  ///< the pairs of a reply

  // for the engine
  Ring<JournalEntry> journal_;
  Ring<SideOp> side_ops_;
  Position collected_;
  JournalEntry engine_has_{{}, 1, -1};  ///< state at the position collected last

  // compaction
  Position compact_position_;        ///< of the last Compact command
  std::int64_t pass_revision_ = -1;  ///< what the present pass over the index removes
  bool compacting_ = false;
  std::string pass_key_;          ///< where it goes on
  std::vector<Version> removed_;  ///< scratch

  std::unique_ptr<Image> restoring_;  ///< the state that a snapshot makes, while it arrives
  Generation restoring_generation_;
  std::vector<std::unique_ptr<Image>> retired_;  ///< states that were replaced or given up: their memory goes in slices

  HashJob hash_job_;
  std::vector<Callback<>> hash_waiters_;
};

}  // namespace quorate::kv
