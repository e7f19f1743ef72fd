#pragma once
// For the tests of this folder: three nodes in one process, each a whole host (log, links, engine, replicas) over a
// disk, a network and records in memory, with a state machine that remembers what it executed.
//
// Time is virtual and passes in steps; within a step everything that can happen happens. Not a simulator: no faults but
// kill, power loss, a node that is cut off or stands still, and slow disks; `sim` has the others.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "codec/reader.h"
#include "codec/writer.h"
#include "env/transport.h"
#include "group/fakes_for_test.h"
#include "group/host.h"
#include "storage/memory_record_store.h"
#include "storage/test_files.h"
#include "storage/test_loop.h"

namespace quorate::group {

/// Streams between nodes of the same process. Whole chunks, in order, until an end is closed or a node is cut off.
class MemoryNetwork {
 public:
  class Node final : public env::Transport {
   public:
    Node(MemoryNetwork& network, std::uint64_t index) : network_(network), index_(index) {}
    ~Node() override { network_.listeners_.erase(address()); }
    std::unique_ptr<env::Stream> connect(std::string_view address, env::StreamEvents& events) override;
    Status listen(std::string_view, env::AcceptEvents& events) override {
      network_.listeners_[address()] = {&events, index_};
      return {};
    }
    [[nodiscard]] std::string address() const { return "n" + std::to_string(index_) + ":1"; }

   private:
    MemoryNetwork& network_;
    std::uint64_t index_;
  };

  /// Delivers what is on the way; false if nothing was.
  bool deliver() {
    bool any = false;
    for (std::size_t bound = queue_.size(); bound > 0; --bound) {
      const Event next = std::move(queue_.front());
      queue_.pop_front();
      if (stand_still_.contains(next.at)) {
        held_[next.at].push_back(next);
        continue;
      }
      next.happen();
      any = true;
    }
    return any;
  }
  /// What comes to a node that stands still waits.
  void stand_still(std::uint64_t node) { stand_still_.insert(node); }
  void go_on(std::uint64_t node) {
    stand_still_.erase(node);
    std::deque<Event>& waited = held_[node];
    queue_.insert(queue_.begin(), waited.begin(), waited.end());
    waited.clear();
  }
  /// How many bytes wait for a node that stands still.
  [[nodiscard]] std::uint64_t waiting_bytes(std::uint64_t node) const {
    std::uint64_t sum = 0;
    if (const auto waited = held_.find(node); waited != held_.end()) {
      for (const Event& event : waited->second) {
        sum += event.bytes;
      }
    }
    return sum;
  }
  /// A cut node's chunks vanish, both ways.
  std::set<std::uint64_t> cut;
  /// Called before chunks leave.
  std::function<void()> on_send;

 private:
  struct Event {
    std::uint64_t at = 0;  ///< the node that it happens to
    std::function<void()> happen;
    std::uint64_t bytes = 0;
  };
  struct Listener {
    env::AcceptEvents* events = nullptr;
    std::uint64_t index = 0;
  };
  /// One end; alive while its Stream is.
  struct End {
    env::StreamEvents* events = nullptr;
    std::weak_ptr<End> other;
    std::uint64_t index = 0;
  };
  class MemoryStream final : public env::Stream {
   public:
    MemoryStream(MemoryNetwork& network, std::shared_ptr<End> end) : network_(network), end_(std::move(end)) {}
    ~MemoryStream() override {
      network_.queue_.push_back({other_index(), [other = end_->other] {
                                   if (const auto alive = other.lock(); alive != nullptr && alive->events != nullptr) {
                                     std::exchange(alive->events, nullptr)->on_closed(env::CloseReason::reset, "reset");
                                   }
                                 }});
    }
    void send(std::span<const Buffer> chunks) override {
      if (network_.on_send) {
        network_.on_send();
      }
      std::vector<Buffer> copies(chunks.begin(), chunks.end());
      std::uint64_t size = 0;
      for (const Buffer& chunk : copies) {
        size += chunk.size();
      }
      network_.queue_.push_back(
          {other_index(),
           [this_network = &network_, from = end_->index, other = end_->other, bytes = std::move(copies)] {
             const auto alive = other.lock();
             if (alive == nullptr || this_network->cut.contains(from) || this_network->cut.contains(alive->index)) {
               return;
             }
             for (const Buffer& chunk : bytes) {
               if (alive->events != nullptr && !chunk.empty()) {
                 alive->events->on_bytes(chunk);
               }
             }
           },
           size});
    }
    [[nodiscard]] std::size_t unsent_bytes() const override { return 0; }

   private:
    [[nodiscard]] std::uint64_t other_index() const {
      const auto other = end_->other.lock();
      return other == nullptr ? 0 : other->index;
    }

    MemoryNetwork& network_;
    std::shared_ptr<End> end_;
  };

  std::map<std::string, Listener> listeners_;
  std::deque<Event> queue_;
  std::set<std::uint64_t> stand_still_;
  std::map<std::uint64_t, std::deque<Event>> held_;
};

inline std::unique_ptr<env::Stream> MemoryNetwork::Node::connect(std::string_view address, env::StreamEvents& events) {
  auto mine = std::make_shared<End>(End{&events, {}, index_});
  network_.queue_.push_back({index_, [network = &network_, weak = std::weak_ptr(mine), to = std::string(address)] {
                               const auto end = weak.lock();
                               if (end == nullptr) {
                                 return;
                               }
                               const auto listener = network->listeners_.find(to);
                               if (listener == network->listeners_.end()) {
                                 std::exchange(end->events, nullptr)->on_closed(env::CloseReason::refused, "refused");
                                 return;
                               }
                               auto theirs = std::make_shared<End>(End{nullptr, end, listener->second.index});
                               end->other = theirs;
                               theirs->events = &listener->second.events->on_accepted(
                                   std::make_unique<MemoryStream>(*network, theirs), "test");
                               end->events->on_opened();
                             }});
  return std::make_unique<MemoryStream>(network_, std::move(mine));
}

/// Executes commands by remembering them, in records: position -> command, and how far it came.
class JournalMachine final : public state::StateMachine {
 public:
  JournalMachine(GroupId group, env::RecordStore& records) : group_(group), records_(records) {}

  [[nodiscard]] Result<Position> recover(Generation generation) override {
    begin_restore(generation);
    const state::RecordSpace space{group_, generation};
    for (auto cursor = records_.scan(space.first().view(), space.behind().view()); cursor->valid(); cursor->next()) {
      QUORATE_TRY(restore(cursor->key().substr(state::kSpaceBytes), cursor->value()));
    }
    adopt_restored();
    return executed_;
  }
  void begin_restore(Generation generation) override { restored_ = {.generation = generation}; }
  [[nodiscard]] Status restore(ByteView key, ByteView value) override {
    const std::uint64_t position = big_endian(key);
    if (position == 0) {
      restored_.executed = Position(codec::Reader(value).u64());
    } else {
      restored_.journal[position] = std::string(value);
    }
    return {};
  }
  [[nodiscard]] Result<Position> finish_restore() override { return restored_.executed; }
  void adopt_restored() override {
    generation_ = restored_.generation;
    journal = std::move(restored_.journal);
    executed_ = restored_.executed;
    collected_ = executed_;
    abandon_restore();
  }
  void abandon_restore() override { restored_ = {}; }
  [[nodiscard]] state::Execution execute(const EntryId& id, const Buffer& command, Callback<>) override {
    EXPECT_EQ(id.position, executed_.next());
    journal[id.position.value()] = std::string(command.view());
    executed_ = id.position;
    return state::Execution::done;
  }
  void skip(Position position) override {
    EXPECT_EQ(position, executed_.next());
    executed_ = position;
  }
  void decide(const Buffer& cell, const Buffer& value) override {
    const auto [known, is_new] = cells.try_emplace(std::string(cell.view()), value.view());
    EXPECT_TRUE(is_new || known->second == value.view()) << "a cell is decided once";
  }
  [[nodiscard]] Position executed() const override { return executed_; }
  void collect(Position durable, env::RecordBatch& batch) override {
    for (auto at = journal.upper_bound(collected_.value()); at != journal.end() && at->first <= durable.value(); ++at) {
      batch.put(key(at->first), Buffer::copy_of(at->second));
    }
    collected_ = durable;
    codec::Writer writer;
    writer.u64(durable.value());
    batch.put(key(0), writer.take_buffer());
  }
  void hash_into(Hasher& hasher) const override {
    for (const auto& [position, command] : journal) {
      hasher.add(position);
      hasher.add(command);
    }
  }

  std::map<std::uint64_t, std::string> journal;
  std::map<std::string, std::string> cells;  ///< decided

 private:
  [[nodiscard]] Buffer key(std::uint64_t position) const {
    codec::Writer writer;
    writer.bytes(state::RecordSpace{group_, generation_}.first().view());
    for (int shift = 56; shift >= 0; shift -= 8) {
      writer.u8(static_cast<std::uint8_t>(position >> shift));
    }
    return writer.take_buffer();
  }
  [[nodiscard]] static std::uint64_t big_endian(ByteView bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) {
      value = value << 8 | static_cast<unsigned char>(byte);
    }
    return value;
  }

  struct Restored {
    Generation generation;
    Position executed;
    std::map<std::uint64_t, std::string> journal;
  };

  GroupId group_;
  env::RecordStore& records_;
  Generation generation_ = state::kFirstGeneration;
  Position executed_;
  Position collected_;
  Restored restored_;
};

/// Counts what a service would act on.
class CountingService final : public GroupEvents {
 public:
  void on_role_changed(const consensus::RoleChanged& change) override { role = change.to; }
  void on_dropped(Context, consensus::Dropped::Outcome) override { ++dropped; }
  void on_read_ready(Context) override { ++served; }
  void on_service_message(NodeId, Buffer message) override { messages.emplace_back(message.view()); }
  void on_peer_down(NodeId) override { ++peers_lost; }
  void on_configuration_changed(const consensus::ConfigurationChanged& change) override { last_change = change; }
  void on_reconfiguration_refused(Context, consensus::ReconfigureRefusal) override { ++refused; }
  void on_snapshot_news(const SnapshotNews& told) override { news.push_back(told); }

  int refused = 0;
  consensus::ConfigurationChanged last_change;
  consensus::Role role = consensus::Role::follower;
  std::vector<SnapshotNews> news;
  int dropped = 0;
  int served = 0;
  int peers_lost = 0;
  std::vector<std::string> messages;
};

class Cluster {
 public:
  struct Options {
    std::uint64_t nodes = 3;
    std::uint64_t groups = 3;
    consensus::CoreFactory factory;
    storage::LogOptions log{.segment_bytes = 64U << 10, .cache_bytes = 32U << 10};
    Duration flush_interval = std::chrono::milliseconds(200);
    std::uint64_t tail_entries = 1'000'000;
    bool records_laid_aside = false;
    bool keeps_unflushed = true;  ///< some of the records that an engine was given and had not flushed when it ended
    Duration scrub_interval{};
    std::uint64_t snapshot_bytes_per_second = 0;
    SnapshotLimits snapshots{.chunk_bytes = 1000, .window_chunks = 4, .patience = std::chrono::seconds(2)};
  };

  /// What dies with a process.
  struct Life final : HostEvents {
    explicit Life(Cluster& owner, std::uint64_t which)
        : network(owner.network, which), entropy(which * 977 + owner.lives) {}
    void on_stopped(const Error& error) override { stopped = error.text; }
    void on_peer_rejected(NodeId, std::string_view) override {}
    void on_removed(std::string_view) override {}

    storage::TestLoop loop;
    MemoryNetwork::Node network;
    storage::TestEntropy entropy;
    std::unique_ptr<storage::TestFiles> files;
    std::unique_ptr<storage::MemoryRecordStore> records;
    std::vector<std::unique_ptr<JournalMachine>> machines;
    std::vector<std::unique_ptr<CountingService>> services;
    std::unique_ptr<Host> host;
    std::string stopped;
  };
  struct Node {
    storage::TestDisk disk;
    storage::MemoryRecords records;
    std::uint64_t incarnation = 0;
    std::unique_ptr<Life> life;
    bool stands_still = false;
    Duration stood_still{};
    Duration disk_delay{};  ///< what each call of the disk takes
    std::optional<Duration> disk_done;
  };

  explicit Cluster(Options chosen) : options(std::move(chosen)), nodes(options.nodes) {}

  Status start(std::uint64_t index);
  void kill(std::uint64_t index);
  /// Nothing of the node runs any more; its clock goes on.
  void stand_still(std::uint64_t index) {
    nodes[index - 1].stands_still = true;
    network.stand_still(index);
  }
  void go_on(std::uint64_t index) {
    Node& node = nodes[index - 1];
    node.stands_still = false;
    if (node.life != nullptr) {
      node.life->loop.stand_still(std::exchange(node.stood_still, Duration{}));
    }
    network.go_on(index);
  }
  /// Lets time pass in steps of a millisecond.
  void run(Duration time) {
    for (Duration passed{}; passed < time; passed += std::chrono::milliseconds(1)) {
      passed_ += std::chrono::milliseconds(1);
      for (Node& node : nodes) {
        if (node.stands_still) {
          node.stood_still += std::chrono::milliseconds(1);
        } else if (node.life != nullptr) {
          node.life->loop.pass(std::chrono::milliseconds(1));
        }
      }
      settle();
    }
  }
  /// Runs until `done`, at most `limit`.
  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::seconds(20)) {
    for (Duration passed{}; passed < limit; passed += std::chrono::milliseconds(1)) {
      if (done()) {
        return true;
      }
      run(std::chrono::milliseconds(1));
    }
    return done();
  }
  /// The node that leads `group`, or 0.
  [[nodiscard]] std::uint64_t leader_of(std::uint64_t group) const {
    for (std::uint64_t i = 1; i <= nodes.size(); ++i) {
      const Life* life = nodes[i - 1].life.get();
      if (life != nullptr && life->services[group - 1]->role == consensus::Role::leader && !network.cut.contains(i)) {
        return i;
      }
    }
    return 0;
  }
  [[nodiscard]] bool all_led() const {
    for (std::uint64_t group = 1; group <= options.groups; ++group) {
      if (leader_of(group) == 0) {
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] Life& life(std::uint64_t index) { return *nodes[index - 1].life; }
  [[nodiscard]] JournalMachine& machine(std::uint64_t index, std::uint64_t group) {
    return *life(index).machines[group - 1];
  }
  /// Proposes at the group's leader; false if there is none or it pushes back.
  bool propose(std::uint64_t group, const std::string& command) {
    const std::uint64_t leader = leader_of(group);
    return leader != 0 &&
           life(leader).host->replica(GroupId(group)).propose(Context(++last_context), Buffer::copy_of(command), {});
  }
  /// Proposes at a node, of a protocol without a log.
  bool propose_cell(std::uint64_t node, std::uint64_t group, const std::string& cell, const std::string& value) {
    return life(node)
        .host->replica(GroupId(group))
        .propose_cell(Context(++last_context), Buffer::copy_of(cell), Buffer::copy_of(value));
  }
  /// Every live node has executed the same entries of every group.
  [[nodiscard]] bool all_equal() {
    for (std::uint64_t group = 1; group <= options.groups; ++group) {
      const JournalMachine* first = nullptr;
      for (Node& node : nodes) {
        if (node.life == nullptr) {
          continue;
        }
        const JournalMachine* machine = node.life->machines[group - 1].get();
        if (first == nullptr) {
          first = machine;
        } else if (machine->executed() != first->executed() || machine->journal != first->journal) {
          return false;
        }
      }
    }
    return true;
  }

  Options options;
  MemoryNetwork network;
  FakeTraces traces;
  std::vector<Node> nodes;
  std::uint64_t lives = 0;
  std::uint64_t last_context = 0;

 private:
  void settle() {
    for (int bound = 0; bound < 1000; ++bound) {
      bool any = network.deliver();
      for (Node& node : nodes) {
        if (node.life != nullptr && !node.stands_still) {
          any = complete_one(node) || any;
          node.life->loop.end_turn();
        }
      }
      if (!any) {
        return;
      }
    }
  }
  /// The disk has done what it was asked first, if it had the time.
  bool complete_one(Node& node) {
    storage::TestFiles& files = *node.life->files;
    if (node.disk_delay == Duration{} || !files.has_work()) {
      node.disk_done.reset();
      return files.complete_one();
    }
    if (!node.disk_done) {
      node.disk_done = passed_ + node.disk_delay;
    }
    if (passed_ < *node.disk_done) {
      return false;
    }
    node.disk_done.reset();
    return files.complete_one();
  }

  Duration passed_{};
};

inline Status Cluster::start(std::uint64_t index) {
  Node& node = nodes[index - 1];
  ++lives;
  node.life = std::make_unique<Life>(*this, index);
  Life& life = *node.life;
  life.files = std::make_unique<storage::TestFiles>(node.disk);
  life.records = std::make_unique<storage::MemoryRecordStore>(node.records, life.loop, life.loop, life.entropy);
  HostConfig config;
  config.mesh.cluster = ClusterId(9);
  config.mesh.self = NodeId(index);
  config.mesh.life.incarnation = Incarnation(++node.incarnation);
  config.mesh.listen_address = life.network.address();
  consensus::Membership membership;
  for (std::uint64_t i = 1; i <= nodes.size(); ++i) {
    membership.voters.emplace_back(i);
    if (i != index) {
      config.mesh.peers.push_back({NodeId(i), "n" + std::to_string(i) + ":1"});
    }
  }
  config.log = options.log;
  config.engine_flush_interval = options.flush_interval;
  config.log_tail_entries = options.tail_entries;
  config.snapshots = options.snapshots;
  config.records_laid_aside = options.records_laid_aside;
  config.scrub_interval = options.scrub_interval;
  config.snapshot_bytes_per_second = options.snapshot_bytes_per_second;
  const Environment environment{life.loop, life.loop, life.entropy, *life.files, life.network, *life.records, traces};
  Result<std::unique_ptr<Host>> host = Host::open(config, environment, life);
  if (!host) {
    return std::unexpected(host.error());
  }
  life.host = std::move(*host);
  for (std::uint64_t group = 1; group <= options.groups; ++group) {
    life.machines.push_back(std::make_unique<JournalMachine>(GroupId(group), *life.records));
    life.services.push_back(std::make_unique<CountingService>());
    GroupConfig group_config{GroupId(group), options.factory, {}};
    group_config.core.self = NodeId(index);
    group_config.core.initial_membership = membership;
    QUORATE_TRY(life.host->add_group(group_config, *life.machines.back(), *life.services.back()));
  }
  return life.host->start();
}

inline void Cluster::kill(std::uint64_t index) {
  Node& node = nodes[index - 1];
  node.life->loop.crash();
  node.life->host.reset();
  node.life.reset();
  node.stood_still = {};
  node.disk_done.reset();
  std::mt19937_64 random(lives);
  node.records.crash(options.keeps_unflushed ? random() % (node.records.unflushed() + 1) : 0);
}

}  // namespace quorate::group
