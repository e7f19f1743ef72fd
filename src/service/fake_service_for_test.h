#pragma once
// A key-value service that answers what a test says, for tests of the front ends above it.
//
// Requests are recorded in order and wait until answer(). Not part of the server. Owned by a test.

#include <algorithm>
#include <string>
#include <vector>

#include "env/clock.h"
#include "env/loop.h"
#include "service/kv_service.h"
#include "service/watch_hub.h"

namespace quorate::service::testing {

class FakeStore final : public kv::Store {
 public:
  std::int64_t revision_now = 1;
  std::vector<kv::Alarm> alarms_now;
  std::map<NodeId, Buffer> members_now;
  std::map<NodeId, Buffer> contacts_now;

  Result<Position> recover(Generation) override { return Position(0); }
  void begin_restore(Generation) override {}
  Status restore(ByteView, ByteView) override { return {}; }
  Result<Position> finish_restore() override { return Position(0); }
  void adopt_restored() override {}
  void abandon_restore() override {}
  state::Execution execute(const EntryId&, const Buffer&, Callback<>) override { return state::Execution::done; }
  void skip(Position) override {}
  Position executed() const override { return Position(41); }
  void collect(Position, env::RecordBatch&) override {}
  void hash_into(Hasher&) const override {}
  state::Execution range(ByteView, kv::Reply&, Callback<>) override { return state::Execution::done; }
  state::Execution read_txn(ByteView, kv::Reply&, Callback<>) override { return state::Execution::done; }
  state::Execution hash_kv(std::int64_t, kv::Reply&, Callback<>) override { return state::Execution::done; }
  kv::HistoryPage history(std::int64_t, ByteView, ByteView, std::size_t, Callback<>) override { return {}; }
  env::Lookup record_at(std::int64_t, std::int64_t, kv::Event&, Callback<>) override { return {}; }
  std::int64_t revision() const override { return revision_now; }
  std::int64_t compact_revision() const override { return 0; }
  std::vector<kv::LeaseInfo> leases() const override { return {}; }
  bool find_lease(std::int64_t, kv::LeaseInfo&) const override { return false; }
  std::vector<Buffer> lease_keys(std::int64_t) const override { return {}; }
  std::vector<kv::Alarm> alarms() const override { return alarms_now; }
  [[nodiscard]] const std::map<NodeId, Buffer>& members() const override { return members_now; }
  [[nodiscard]] const std::map<NodeId, Buffer>& contacts() const override { return contacts_now; }
  bool compact_step(std::size_t) override { return false; }
  std::uint64_t size_bytes() const override { return 12'345; }
  std::uint64_t key_count() const override { return 0; }
};

class FakeHub final : public WatchHub {
 public:
  struct Watcher {
    WatcherId id = 0;
    WatchSpec spec;
    WatchSink* sink = nullptr;
  };

  WatcherId create(const WatchSpec& spec, WatchSink& sink) override {
    watchers.push_back({++last_id, spec, &sink});
    return last_id;
  }
  void cancel(WatcherId watcher) override {
    std::erase_if(watchers, [&](const Watcher& each) { return each.id == watcher; });
  }
  bool all_synced(std::span<const WatcherId>, std::int64_t& revision) const override {
    revision = synced_revision;
    return is_synced;
  }
  void on_sink_ready(WatchSink&) override { ++ready; }
  std::size_t watcher_count() const override { return watchers.size(); }
  std::size_t slow_watcher_count() const override { return 0; }

  std::vector<Watcher> watchers;
  WatcherId last_id = 100;
  bool is_synced = true;
  std::int64_t synced_revision = 1;
  int ready = 0;
};

class FakeService final : public KvService {
 public:
  struct Asked {
    std::string what;
    std::string request;
    Instant deadline;
    AnswerTo to;
    Ticket ticket = 0;
    bool waits = true;
  };

  /// Answers the `index`-th request.
  void answer(std::size_t index, const Answer& answer) {
    asked.at(index).waits = false;
    const AnswerTo to = asked[index].to;
    to(answer);
  }

  std::vector<Asked> asked;
  std::vector<Ticket> abandoned;
  std::vector<Callback<group::PinnedRecords>> pins;
  consensus::CoreStatus core;
  FakeStore fake_store;
  FakeHub hub;
  int status_calls = 0;

  void attach(group::Replica&, kv::Store&) override {}
  Ticket range(Buffer r, Instant d, AnswerTo to) override { return ask("range", r, d, to); }
  Ticket put(Buffer r, Instant d, AnswerTo to) override { return ask("put", r, d, to); }
  Ticket delete_range(Buffer r, Instant d, AnswerTo to) override { return ask("delete_range", r, d, to); }
  Ticket txn(Buffer r, Instant d, AnswerTo to) override { return ask("txn", r, d, to); }
  Ticket compact(Buffer r, Instant d, AnswerTo to) override { return ask("compact", r, d, to); }
  Ticket lease_grant(Buffer r, Instant d, AnswerTo to) override { return ask("lease_grant", r, d, to); }
  Ticket lease_revoke(Buffer r, Instant d, AnswerTo to) override { return ask("lease_revoke", r, d, to); }
  Ticket lease_keep_alive(Buffer r, Instant d, AnswerTo to) override { return ask("lease_keep_alive", r, d, to); }
  Ticket lease_time_to_live(Buffer r, Instant d, AnswerTo to) override { return ask("lease_time_to_live", r, d, to); }
  Ticket lease_leases(Buffer r, Instant d, AnswerTo to) override { return ask("lease_leases", r, d, to); }
  Ticket alarm(Buffer r, Instant d, AnswerTo to) override { return ask("alarm", r, d, to); }
  Ticket hash_kv(Buffer r, Instant d, AnswerTo to) override { return ask("hash_kv", r, d, to); }
  Ticket barrier_read(Instant d, AnswerTo to) override { return ask("barrier_read", {}, d, to); }
  Ticket publish_member(Buffer r, Instant d, AnswerTo to) override {
    return ask("publish_member", std::move(r), d, to);
  }
  Ticket move_leader(NodeId to, Instant d, AnswerTo to_whom) override {
    return ask("move_leader", Buffer::copy_of(std::to_string(to.value())), d, to_whom);
  }
  void pin_records(Callback<group::PinnedRecords> to) override { pins.push_back(to); }
  Ticket change_members(MemberChange change, Instant d, AnswerTo to) override {
    return ask("change_members", encode_member_change(change), d, to);
  }
  std::vector<consensus::Contact> contacts() const override { return contacts_now; }
  std::vector<consensus::MemberProgress> progress() const override { return {}; }
  void abandon(Ticket ticket) override { abandoned.push_back(ticket); }
  WatchHub& watches() override { return hub; }
  quorum::PhaseSizes quorum_sizes() const override { return {}; }
  consensus::CoreStatus status() const override {
    ++const_cast<FakeService*>(this)->status_calls;
    return core;
  }
  const kv::Store& store() const override { return fake_store; }
  void shut_down() override {}

  std::vector<consensus::Contact> contacts_now;

  void on_role_changed(const consensus::RoleChanged&) override {}
  void on_dropped(Context, consensus::Dropped::Outcome) override {}
  void on_read_ready(Context) override {}
  void on_service_message(NodeId, Buffer) override {}
  void on_peer_down(NodeId) override {}
  bool wants_reply(const kv::RequestId&) const override { return false; }
  void on_reply(const kv::RequestId&, kv::Reply) override {}
  void on_events(std::int64_t, std::span<const kv::Event>) override {}
  void on_lease_granted(const kv::LeaseInfo&) override {}
  void on_lease_revoked(std::int64_t) override {}
  void on_compacted(std::int64_t) override {}
  void on_replaced(std::int64_t) override {}

 private:
  Ticket ask(std::string what, const Buffer& request, Instant deadline, AnswerTo to) {
    asked.push_back({std::move(what), std::string(request.view()), deadline, to, asked.size() + 1});
    return asked.back().ticket;
  }
};

/// A clock that a test moves, and the timers that are armed on it.
class FakeTime final : public env::Clock, public env::Loop {
 public:
  Instant now() const override { return instant; }
  WallTime wall() const override { return {}; }
  env::TimerId arm(Instant deadline, Callback<> fired) override {
    timers.push_back({++last_timer, deadline, fired});
    return last_timer;
  }
  void cancel(env::TimerId timer) override {
    std::erase_if(timers, [&](const Timer& each) { return each.id == timer; });
  }
  void defer(Callback<> work) override { work(); }

  void pass(Duration time) {
    instant += time;
    for (std::size_t i = 0; i < timers.size();) {
      if (timers[i].deadline <= instant) {
        const Callback<> fired = timers[i].fired;
        timers.erase(timers.begin() + static_cast<std::ptrdiff_t>(i));
        fired();
        i = 0;
      } else {
        ++i;
      }
    }
  }

  struct Timer {
    env::TimerId id = 0;
    Instant deadline;
    Callback<> fired;
  };
  std::vector<Timer> timers;
  env::TimerId last_timer = 0;
  Instant instant = Instant{} + std::chrono::seconds(1000);
};

}  // namespace quorate::service::testing
