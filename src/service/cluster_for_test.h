#pragma once
// For the tests of this folder: services of several nodes over real stores, and in place of consensus a log that does
// what a test says: who leads, what is committed, who hears whom.
//
// Time passes only in pass(). What services send each other takes kHop; a round of reads takes 2 x kHop.

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "codec/etcd_request.h"
#include "service/kv_service.h"
#include "service/watch_hub.h"
#include "state/kv/store.h"
#include "storage/memory_record_store.h"
#include "storage/test_loop.h"

namespace quorate::service::test {

using consensus::Dropped;
using consensus::Role;

class Traces final : public TraceSink {
 public:
  void trace(const TraceEvent& event) override { ++counts[std::string(event.name)]; }
  [[nodiscard]] int count(const std::string& name) const {
    const auto found = counts.find(name);
    return found == counts.end() ? 0 : found->second;
  }
  std::map<std::string, int> counts;
};

/// The loop and clock of a process that may stand still: then its clock goes on, and its timers fire late.
class ProcessLoop final : public env::Loop, public env::Clock {
 public:
  env::TimerId arm(Instant deadline, Callback<> fired) override { return world_.arm(deadline - stood_still_, fired); }
  void cancel(env::TimerId timer) override { world_.cancel(timer); }
  void defer(Callback<> work) override { world_.defer(work); }
  [[nodiscard]] Instant now() const override { return world_.now() + stood_still_; }
  [[nodiscard]] WallTime wall() const override { return {}; }

  void end_turn() { world_.end_turn(); }
  void pass(Duration time) { world_.pass(time); }
  void crash() { world_.crash(); }
  void stand_still(Duration time) { stood_still_ += time; }

 private:
  storage::TestLoop world_;
  Duration stood_still_{};
};

class Cluster;

class Node final : public group::Replica {
 public:
  Node(Cluster& cluster, NodeId id, ServiceConfig config);

  /// Ends this life of the service and begins the next; the store keeps its state.
  void restart();
  /// The same, with a store that begins with what the engine has and nothing in memory.
  void reopen();

  // Replica
  [[nodiscard]] bool propose(Context context, Buffer command, NodeId origin) override;
  void read(Context context) override;
  [[nodiscard]] bool propose_cell(Context, Buffer, Buffer) override { return false; }
  void read_cell(Context, Buffer) override {}
  void transfer_leadership(NodeId to) override { transfers.push_back(to); }
  void reconfigure(Context context, consensus::Membership target, std::vector<consensus::Contact> contacts) override {
    changes.push_back({context, std::move(target), std::move(contacts)});
  }
  [[nodiscard]] std::vector<consensus::MemberProgress> progress() const override { return known_progress; }
  [[nodiscard]] std::vector<consensus::Contact> contacts() const override { return known_contacts; }
  [[nodiscard]] bool is_linked(NodeId) const override { return true; }
  bool send_service_message(NodeId to, Buffer message) override;
  void pin_records(Callback<group::PinnedRecords>) override {}
  [[nodiscard]] consensus::CoreStatus status() const override;
  [[nodiscard]] Position committed() const override;
  [[nodiscard]] Position executed() const override { return Position(next_entry); }
  [[nodiscard]] NodeId self() const override { return id; }

  /// Executes what is committed, as far as records are at hand.
  void execute(std::uint64_t = 0);
  void give_to_engine();

  Cluster& cluster;
  const NodeId id;
  const ServiceConfig config;
  std::uint64_t life = 1;
  bool is_cut_off = false;  ///< hears nobody and is heard by nobody
  bool pushes_back = false;
  bool executes = true;
  std::size_t next_entry = 0;
  std::vector<Context> held_reads;
  std::vector<NodeId> transfers;                ///< asked for
  std::vector<consensus::Reconfigure> changes;  ///< asked for
  std::vector<consensus::Contact> known_contacts;
  std::vector<consensus::MemberProgress> known_progress;
  consensus::CoreStatus own;  ///< what this node believes

  storage::TestEntropy entropy;
  storage::MemoryRecords memory;
  std::unique_ptr<storage::MemoryRecordStore> records;
  std::unique_ptr<KvService> service;
  std::unique_ptr<kv::Store> store;

 private:
  struct Relay;
  std::unique_ptr<Relay> relay_;
};

/// The store's observer: the service of the present life.
struct Node::Relay final : kv::StoreObserver {
  explicit Relay(Node& the_node) : node(the_node) {}
  bool wants_reply(const kv::RequestId& request) const override { return node.service->wants_reply(request); }
  void on_reply(const kv::RequestId& request, kv::Reply reply) override {
    node.service->on_reply(request, std::move(reply));
  }
  void on_events(std::int64_t revision, std::span<const kv::Event> events) override {
    node.service->on_events(revision, events);
  }
  void on_lease_granted(const kv::LeaseInfo& lease) override { node.service->on_lease_granted(lease); }
  void on_lease_revoked(std::int64_t lease) override { node.service->on_lease_revoked(lease); }
  void on_compacted(std::int64_t revision) override { node.service->on_compacted(revision); }
  void on_replaced(std::int64_t revision) override { node.service->on_replaced(revision); }
  Node& node;
};

/// What came of one request.
struct Asked {
  int answers = 0;
  Answer answer;
  Ticket ticket = 0;
  [[nodiscard]] bool ok() const { return answers == 1 && answer.outcome == Outcome::ok; }
};

class Cluster {
 public:
  static constexpr Duration kHop = std::chrono::microseconds(100);
  struct Entry {
    Tag tag;
    Buffer command;
    NodeId proposer;
    Context context;
  };

  explicit Cluster(int count = 3, ServiceConfig config = {}) {
    for (int i = 1; i <= count; ++i) {
      nodes.push_back(std::make_unique<Node>(*this, NodeId(static_cast<std::uint64_t>(i)), config));
    }
    for (auto& node : nodes) {
      announce(*node, NodeId());
    }
  }
  ~Cluster() { loop.crash(); }

  Node& operator[](int number) { return *nodes[static_cast<std::size_t>(number - 1)]; }

  void announce(Node& node, NodeId leads) {
    const Role before = node.own.role;
    node.own.role = leads == node.id ? Role::leader : Role::follower;
    node.own.tag = tag;
    node.own.leader = leads;
    node.service->on_role_changed({before, node.own.role, tag, leads, "the test said so"});
  }
  /// `number` leads from now on (0: nobody). Nodes that are cut off do not learn of it.
  void elect(int number) {
    tag = tag.next();
    leader = number == 0 ? NodeId() : (*this)[number].id;
    for (auto& node : nodes) {
      if (!node->is_cut_off) {
        announce(*node, leader);
      }
    }
    loop.end_turn();
  }
  /// Everything placed is committed and executed where execution runs.
  void commit() {
    committed = log.size();
    for (auto& node : nodes) {
      node->execute();
    }
  }
  /// What is not committed is lost, as after an election that another log won.
  void lose_uncommitted(Dropped::Outcome outcome) {
    while (log.size() > committed) {
      const Entry entry = log.back();
      log.pop_back();
      (*this)[static_cast<int>(entry.proposer.value())].service->on_dropped(entry.context, outcome);
    }
    loop.end_turn();
  }
  void pass(Duration time) { loop.pass(time); }
  void settle() { loop.pass(std::chrono::milliseconds(5)); }

  [[nodiscard]] bool is_linked(NodeId from, NodeId to) {
    return !(*this)[static_cast<int>(from.value())].is_cut_off && !(*this)[static_cast<int>(to.value())].is_cut_off &&
           !broken.contains({from, to});
  }

  // Requests. The reference stays valid.
  template <class Call>
  Asked& ask(Call call) {
    asked.push_back(std::make_unique<Asked>());
    Asked& one = *asked.back();
    one.ticket = call(AnswerTo::to<&Cluster::on_answer>(this, asked.size() - 1));
    EXPECT_EQ(one.answers, 0) << "never inside the call";
    loop.end_turn();
    return one;
  }
  Asked& put(int node, ByteView key, ByteView value, std::int64_t lease = 0, Instant deadline = Instant::max()) {
    const codec::PutRequest request{.key = key, .value = value, .lease = lease};
    return ask([&](AnswerTo to) { return (*this)[node].service->put(codec::encode_request(request), deadline, to); });
  }
  Asked& range(int node, ByteView key, bool serializable = false) {
    const codec::RangeRequest request{.key = key, .serializable = serializable};
    return ask(
        [&](AnswerTo to) { return (*this)[node].service->range(codec::encode_request(request), Instant::max(), to); });
  }
  Asked& grant(int node, std::int64_t ttl, std::int64_t id = 0) {
    const codec::LeaseGrantRequest request{.ttl = ttl, .id = id};
    return ask([&](AnswerTo to) {
      return (*this)[node].service->lease_grant(codec::encode_request(request), Instant::max(), to);
    });
  }
  Asked& keep_alive(int node, std::int64_t id) {
    const Buffer request = codec::encode_request(codec::LeaseRevokeRequest{.id = id});  // the same shape
    return ask([&](AnswerTo to) { return (*this)[node].service->lease_keep_alive(request, Instant::max(), to); });
  }
  Asked& time_to_live(int node, std::int64_t id) {
    const Buffer request = codec::encode_request(codec::LeaseRevokeRequest{.id = id});
    return ask([&](AnswerTo to) { return (*this)[node].service->lease_time_to_live(request, Instant::max(), to); });
  }

  void on_answer(std::uint64_t number, const Answer& answer) {
    ++asked[number]->answers;
    asked[number]->answer = answer;
  }
  void deliver(std::uint64_t number) {
    const Flight flight = flights[number];
    if (is_linked(flight.from, flight.to)) {
      (*this)[static_cast<int>(flight.to.value())].service->on_service_message(flight.from, flight.message);
    }
  }
  void answer_read(std::uint64_t number) {
    const auto [node, life, context] = reads[number];
    Node& reader = (*this)[static_cast<int>(node.value())];
    if (reader.life != life) {
      return;
    }
    const bool confirmed = !reader.is_cut_off && has_quorum && !leader.is_none() && is_linked(node, leader) &&
                           reader.next_entry >= committed;
    if (confirmed) {
      reader.service->on_read_ready(context);
    } else if (drops_reads) {
      reader.service->on_dropped(context, Dropped::Outcome::never);
    }
  }

  struct Flight {
    NodeId from;
    NodeId to;
    Buffer message;
  };
  struct ReadInFlight {
    NodeId node;
    std::uint64_t life = 0;
    Context context;
  };

  ProcessLoop loop;
  Traces traces;
  NodeId leader;
  Tag tag{1};
  bool has_quorum = true;
  bool drops_reads = true;
  bool commits = true;  ///< at once
  int copies = 1;       ///< of each message between services
  std::set<std::pair<NodeId, NodeId>> broken;
  std::vector<Flight> flights;
  std::vector<ReadInFlight> reads;
  std::vector<Entry> log;
  std::size_t committed = 0;
  std::vector<std::unique_ptr<Asked>> asked;
  std::vector<std::unique_ptr<Node>> nodes;
};

inline Node::Node(Cluster& the_cluster, NodeId the_id, ServiceConfig the_config)
    : cluster(the_cluster), id(the_id), config(the_config), entropy(the_id.value()) {
  records = std::make_unique<storage::MemoryRecordStore>(memory, cluster.loop, cluster.loop, entropy);
  relay_ = std::make_unique<Relay>(*this);
  store = kv::Store::make(GroupId(1), *records, {}, *relay_);
  EXPECT_TRUE(store->recover(state::kFirstGeneration).has_value());
  for (std::uint64_t voter = 1; voter <= 3; ++voter) {
    own.membership.voters.emplace_back(voter);
  }
  life = 0;
  restart();
}

inline void Node::restart() {
  ++life;
  service = KvService::make(config, GroupId(1), id, Incarnation(life), cluster.loop, cluster.loop, cluster.traces);
  service->attach(*this, *store);
}

inline void Node::reopen() {
  give_to_engine();
  service->shut_down();
  store.reset();
  const storage::MemoryStoreBehaviour behaviour = records->behaviour;
  records = std::make_unique<storage::MemoryRecordStore>(memory, cluster.loop, cluster.loop, entropy);
  records->behaviour = behaviour;
  store = kv::Store::make(GroupId(1), *records, {}, *relay_);
  EXPECT_TRUE(store->recover(state::kFirstGeneration).has_value());
  restart();
}

inline bool Node::propose(Context context, Buffer command, NodeId /*origin*/) {
  if (pushes_back) {
    return false;
  }
  if (own.role != Role::leader || cluster.leader != id) {
    service->on_dropped(context, Dropped::Outcome::never);
    return true;
  }
  cluster.log.push_back({cluster.tag, std::move(command), id, context});
  if (cluster.commits) {
    cluster.committed = cluster.log.size();
    for (auto& node : cluster.nodes) {
      cluster.loop.arm(cluster.loop.now() + Cluster::kHop * 2, Callback<>::to<&Node::execute>(node.get()));
    }
  }
  return true;
}

inline void Node::read(Context context) {
  cluster.reads.push_back({id, life, context});
  cluster.loop.arm(cluster.loop.now() + Cluster::kHop * 2,
                   Callback<>::to<&Cluster::answer_read>(&cluster, cluster.reads.size() - 1));
}

inline bool Node::send_service_message(NodeId to, Buffer message) {
  if (!cluster.is_linked(id, to)) {
    return false;
  }
  cluster.flights.push_back({id, to, message});
  for (int i = 0; i < cluster.copies; ++i) {
    cluster.loop.arm(cluster.loop.now() + Cluster::kHop * (1 + 7 * i),
                     Callback<>::to<&Cluster::deliver>(&cluster, cluster.flights.size() - 1));
  }
  return true;
}

inline consensus::CoreStatus Node::status() const { return own; }

inline Position Node::committed() const { return Position(cluster.committed); }

inline void Node::execute(std::uint64_t) {
  while (executes && !is_cut_off && next_entry < cluster.committed) {
    const Cluster::Entry& entry = cluster.log[next_entry];
    const EntryId entry_id{Position(next_entry + 1), entry.tag};
    if (store->execute(entry_id, entry.command, Callback<>::to<&Node::execute>(this)) == state::Execution::pending) {
      return;
    }
    ++next_entry;
  }
}

inline void Node::give_to_engine() {
  env::RecordBatch batch;
  store->collect(store->executed(), batch);
  EXPECT_TRUE(records->write(std::move(batch)).has_value());
}

}  // namespace quorate::service::test
