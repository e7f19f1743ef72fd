#pragma once
// For the tests of this folder: a core that does what a test says, and a log, links, records and a state machine that
// write down in one list, in order, what happened to them.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "consensus/contract/core.h"
#include "env/record_store.h"
#include "group/host.h"
#include "group/message.h"
#include "group/node_parts.h"
#include "peer/mesh.h"
#include "state/state_machine.h"
#include "storage/log.h"
#include "storage/test_loop.h"

namespace quorate::group {

using Events = std::vector<std::string>;

inline std::string text(Position position) { return std::to_string(position.value()); }

class FakeTraces final : public TraceSink {
 public:
  void trace(const TraceEvent& event) override { ++counts[std::string(event.name)]; }
  std::map<std::string, int> counts;
};

/// A core whose effects a test emits; it writes down what it is told.
class FakeCore final : public consensus::Core {
 public:
  struct Script {
    Events told;                          ///< one word per input
    std::vector<consensus::Effect> next;  ///< taken with the next take_effects()
    std::function<void(const consensus::Input&, Script&)> on_input;
    consensus::CoreStatus status;
    Io last_io;

    void emit(consensus::Effect effect) { next.push_back(std::move(effect)); }
    Io persist(std::vector<consensus::PersistOp> ops) {
      last_io = last_io.next();
      next.push_back(consensus::Persist{last_io, std::move(ops)});
      return last_io;
    }
  };

  explicit FakeCore(Script& script) : script_(script) {}
  void step(Instant, const consensus::Input& input) override;
  void take_effects(std::vector<consensus::Effect>& out) override {
    for (consensus::Effect& effect : std::exchange(script_.next, {})) {
      out.push_back(std::move(effect));
    }
  }
  [[nodiscard]] consensus::CoreStatus status() const override { return script_.status; }
  [[nodiscard]] std::unique_ptr<Core> clone() const override { return nullptr; }
  void hash_into(Hasher&) const override {}

 private:
  Script& script_;
};

inline void FakeCore::step(Instant, const consensus::Input& input) {
  using namespace consensus;  // NOLINT(google-build-using-namespace)
  struct Namer {
    std::string operator()(const TimerFired&) { return "timer"; }
    std::string operator()(const Receive& in) {
      return "receive " + std::string(in.message) + " +" + std::to_string(in.entries.size());
    }
    std::string operator()(const Propose& in) { return "propose " + std::to_string(in.batch.size()); }
    std::string operator()(const Reconfigure&) { return "reconfigure"; }
    std::string operator()(const TransferLeadership& in) { return "transfer " + std::to_string(in.to.value()); }
    std::string operator()(const Read& in) { return "read " + std::to_string(in.context.value()); }
    std::string operator()(const Persisted& in) { return "persisted " + std::to_string(in.io.value()); }
    std::string operator()(const Applied& in) { return "applied " + text(in.position); }
    std::string operator()(const SnapshotTaken& in) { return "snapshot taken " + text(in.id.position); }
    std::string operator()(const SnapshotOffered& in) { return "snapshot offered " + text(in.id.position); }
    std::string operator()(const SnapshotReceived& in) { return "snapshot received " + text(in.id.position); }
    std::string operator()(const SnapshotSent& in) {
      return in.delivered ? "snapshot sent " + text(in.position) : "snapshot not sent";
    }
    std::string operator()(const SendDropped& in) { return "dropped " + text(in.first) + "-" + text(in.last); }
    std::string operator()(const PeerUp& in) { return "up " + std::to_string(in.node.value()); }
    std::string operator()(const PeerDown& in) { return "down " + std::to_string(in.node.value()); }
  };
  script_.told.push_back(std::visit(Namer{}, input));
  if (script_.on_input) {
    script_.on_input(input, script_);
  }
}

/// A log in memory; a test makes it durable, forgetful or broken.
class FakeLog final : public storage::Log {
 public:
  explicit FakeLog(Events& events) : events_(events) {}

  void set_events(storage::LogEvents* events) override { listener = events; }
  void append(GroupId, Io io, std::vector<storage::LogOp> ops) override {
    std::string line = "append " + std::to_string(io.value()) + ":";
    for (storage::LogOp& op : ops) {
      using Kind = storage::LogOp::Kind;
      if (op.kind == Kind::put) {
        line += " put " + text(op.entry.id.position);
        entries[op.entry.id.position] = op.entry;
      } else if (op.kind == Kind::truncate_from) {
        line += " truncate " + text(op.entry.id.position);
        entries.erase(entries.lower_bound(op.entry.id.position), entries.end());
      } else if (op.kind == Kind::discard_below) {
        line += " discard " + text(op.entry.id.position);
        entries.erase(entries.begin(), entries.upper_bound(op.entry.id.position));
        discard_blob = op.blob;
      } else if (op.kind == Kind::reset_to) {
        line += " reset to " + text(op.entry.id.position) + " generation " + std::to_string(op.generation.value());
        entries.clear();
      } else if (op.kind == Kind::set_state) {
        line += " state " + std::string(op.blob.view());
      }
    }
    events_.push_back(line);
  }
  [[nodiscard]] std::optional<Tag> tag_of(GroupId, Position position) const override {
    const auto found = entries.find(position);
    return found == entries.end() ? std::nullopt : std::optional(found->second.id.tag);
  }
  [[nodiscard]] Position tail_begin(GroupId, std::uint64_t max_entries, std::uint64_t) const override {
    const std::uint64_t end = entries.empty() ? 1 : entries.rbegin()->first.value() + 1;
    return Position(end - std::min<std::uint64_t>(max_entries, entries.size()));
  }
  [[nodiscard]] bool cached(GroupId, Position first, Position last, std::size_t max_bytes,
                            std::vector<storage::LogEntry>& out) const override {
    std::size_t bytes = 0;
    const std::size_t before = out.size();
    for (auto at = entries.lower_bound(first); at != entries.end() && at->first <= last; ++at) {
      if (at->first < memory_from || (out.size() > before && bytes + at->second.payload.size() > max_bytes)) {
        break;
      }
      bytes += at->second.payload.size();
      out.push_back(at->second);
    }
    return out.size() > before;
  }
  void fetch(GroupId, Position first, Position last, std::size_t, Callback<Status> done) override {
    events_.push_back("fetch " + text(first) + "-" + text(last));
    fetches.push_back(done);
  }
  [[nodiscard]] bool is_payload_of(GroupId, EntryId, ByteView) const override { return false; }
  void verify(Callback<Status> done) override { done(Status()); }
  void tail_settled() override { events_.push_back("settled"); }
  void damage_noted() override { events_.push_back("damage noted"); }
  [[nodiscard]] std::uint64_t added_frames() const override { return 0; }
  [[nodiscard]] std::uint64_t durable_frames() const override { return 0; }
  [[nodiscard]] std::size_t unsynced_bytes() const override { return unsynced; }
  [[nodiscard]] const storage::LogStats& stats() const override { return statistics; }

  /// Brings everything back into memory and answers the oldest fetch.
  void finish_fetch(Status status = {}) {
    memory_from = Position();
    const Callback<Status> done = fetches.front();
    fetches.pop_front();
    done(std::move(status));
  }
  void put(std::uint64_t position, std::uint64_t tag, std::string_view payload) {
    entries[Position(position)] = {{Position(position), Tag(tag)}, 1, Buffer::copy_of(payload)};
  }

  storage::LogEvents* listener = nullptr;
  std::map<Position, storage::LogEntry> entries;
  Position memory_from;  ///< what is below it must be fetched
  std::deque<Callback<Status>> fetches;
  std::size_t unsynced = 0;
  storage::LogStats statistics;
  Buffer discard_blob;

 private:
  Events& events_;
};

class FakeMesh final : public peer::Mesh {
 public:
  void set_peer(peer::Peer peer) override { peers.push_back(std::move(peer)); }
  void retire(NodeId node) override { retired.push_back(node); }
  void on_life_noted(NodeId) override {}
  std::vector<peer::Peer> peers;
  std::vector<NodeId> retired;

  explicit FakeMesh(Events& events) : events_(events) {}
  bool send(NodeId to, peer::Channel, GroupId, std::span<const Buffer> parts) override {
    if (!accepts) {
      return false;
    }
    std::string bytes;
    for (const Buffer& part : parts) {
      bytes.append(part.view());
    }
    GroupMessage message;
    const Buffer whole = Buffer::adopt(bytes);
    const bool valid = decode_message(whole, message);
    events_.push_back(
        "send " + std::to_string(to.value()) + " " +
        (valid ? std::string(message.core_bytes) + " +" + std::to_string(message.entries.size()) : std::string("?")));
    return true;
  }
  [[nodiscard]] bool is_up(NodeId) const override { return up; }
  [[nodiscard]] std::vector<peer::LinkStatus> links() const override { return {}; }

  bool accepts = true;
  bool up = true;

 private:
  Events& events_;
};

/// Remembers what it executed; commands that begin with '?' are pending until a test says otherwise.
class FakeMachine final : public state::StateMachine {
 public:
  explicit FakeMachine(Events& events) : events_(events) {}
  [[nodiscard]] Result<Position> recover(Generation) override { return recovered; }
  void begin_restore(Generation generation) override {
    events_.push_back("restore generation " + std::to_string(generation.value()));
  }
  [[nodiscard]] Status restore(ByteView key, ByteView value) override {
    events_.push_back("restore " + std::string(key) + "=" + std::string(value));
    return {};
  }
  [[nodiscard]] Result<Position> finish_restore() override { return restored; }
  void adopt_restored() override {
    events_.push_back("adopt");
    done = restored;
  }
  void abandon_restore() override { events_.push_back("abandon"); }
  [[nodiscard]] state::Execution execute(const EntryId& id, const Buffer& command, Callback<> ready) override {
    if (!command.empty() && command.view().front() == '?' && is_pending) {
      waits = ready;
      return state::Execution::pending;
    }
    events_.push_back("execute " + text(id.position) + " " + std::string(command.view()));
    done = id.position;
    return state::Execution::done;
  }
  void skip(Position position) override {
    events_.push_back("skip " + text(position));
    done = position;
  }
  [[nodiscard]] Position executed() const override { return done; }
  void collect(Position durable, env::RecordBatch& batch) override {
    events_.push_back("collect " + text(durable));
    batch.put(Buffer::copy_of("applied"), Buffer::copy_of(text(durable)));
  }
  void hash_into(Hasher&) const override {}

  Position recovered;
  Position restored;
  Position done;
  bool is_pending = false;
  Callback<> waits;

 private:
  Events& events_;
};

class FakeRecords final : public env::RecordStore {
 public:
  explicit FakeRecords(Events& events) : events_(events) {}
  [[nodiscard]] env::Lookup get(ByteView, Callback<>) override { return {}; }
  [[nodiscard]] Result<std::optional<Buffer>> get_blocking(ByteView) override { return std::optional<Buffer>(); }
  [[nodiscard]] std::unique_ptr<env::RecordCursor> scan(ByteView, ByteView) override { return nullptr; }
  void read_page_async(std::shared_ptr<env::RecordCursor>, std::size_t,
                       Callback<Result<env::RecordPage>> done) override {
    page_reads.push_back(done);
  }
  [[nodiscard]] Status write(env::RecordBatch batch) override {
    events_.push_back("write " + std::to_string(batch.ops.size()));
    return fails ? Status(fail(ErrorCode::io, "the engine broke")) : Status();
  }
  void flush(Callback<Status> done) override {
    events_.push_back("flush");
    flushes.push_back(done);
  }
  [[nodiscard]] bool stalled() const override { return is_stalled; }
  [[nodiscard]] std::uint64_t size_bytes() const override { return 0; }

  void finish_flush(Status status = {}) {
    const Callback<Status> done = flushes.front();
    flushes.pop_front();
    done(std::move(status));
  }
  bool fails = false;
  bool is_stalled = false;
  std::deque<Callback<Status>> flushes;
  std::deque<Callback<Result<env::RecordPage>>> page_reads;

 private:
  Events& events_;
};

/// A service that writes down what it is told.
class FakeService final : public GroupEvents {
 public:
  explicit FakeService(Events& events) : events_(events) {}
  void on_role_changed(const consensus::RoleChanged& change) override {
    events_.push_back("role " + std::to_string(static_cast<int>(change.to)));
  }
  void on_dropped(Context context, consensus::Dropped::Outcome outcome) override {
    events_.push_back("lost " + std::to_string(context.value()) +
                      (outcome == consensus::Dropped::Outcome::never ? " never" : " unknown"));
  }
  void on_read_ready(Context context) override { events_.push_back("serve " + std::to_string(context.value())); }
  void on_service_message(NodeId, Buffer message) override {
    events_.push_back("service message " + std::string(message.view()));
  }
  void on_peer_down(NodeId node) override { events_.push_back("peer down " + std::to_string(node.value())); }

 private:
  Events& events_;
};

}  // namespace quorate::group
