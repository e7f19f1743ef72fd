#include "consensus/raft/cluster_test.h"

#include <algorithm>
#include <utility>

#include "consensus/contract/membership_codec.h"
#include "consensus/raft/hard_state.h"
#include "consensus/raft/raft.h"
#include "consensus/raft/wire.h"

namespace quorate::raft {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

template <class... Handlers>
struct Match : Handlers... {
  using Handlers::operator()...;
};

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string_view role_name(Role role) {
  switch (role) {
    case Role::follower: return "follower";
    case Role::pre_candidate: return "pre-candidate";
    case Role::candidate: return "candidate";
    case Role::leader: return "leader";
    case Role::learner: return "learner";
  }
  return "?";
}

std::string_view timer_name(TimerKind kind) {
  switch (kind) {
    case TimerKind::election: return "election";
    case TimerKind::heartbeat: return "heartbeat";
    case TimerKind::retry: return "retry";
    case TimerKind::notice: return "notice";
  }
  return "?";
}

std::string milliseconds(Duration duration) { return number(static_cast<std::uint64_t>(duration.count() / 1'000'000)); }

std::string nodes_words(const std::vector<NodeId>& nodes) {
  std::string text = "{";
  for (const NodeId node : nodes) {
    text += (text.size() > 1 ? " " : "") + Cluster::name(node);
  }
  return text + "}";
}

std::string membership_words(const Membership& membership) {
  std::string text = nodes_words(membership.voters);
  if (membership.is_joint()) {
    text += " leaving " + nodes_words(membership.outgoing_voters);
  }
  if (!membership.learners.empty()) {
    text += " learners " + nodes_words(membership.learners);
  }
  return text;
}

std::string op_words(const PersistOp& op) {
  return std::visit(Match{[](const SetState& one) {
                            const HardState hard = decode_hard_state(one.blob.view()).value_or(HardState{});
                            return "term " + number(hard.term.value()) + " vote " +
                                   (hard.vote.is_none() ? "none" : Cluster::name(hard.vote));
                          },
                          [](const Put& one) { return Cluster::words(one.entry); },
                          [](const TruncateFrom& one) { return "cut from " + number(one.position.value()); },
                          [](const DiscardBelow& one) { return "discard up to " + Cluster::words(one.id); },
                          [](const ResetTo& one) { return "reset to " + Cluster::words(one.snapshot); },
                          [](const SetCell&) { return std::string("cell"); }},
                    op);
}

}  // namespace

// ---- words ----------------------------------------------------------------------------------------------

std::string Cluster::name(NodeId node) { return "n" + number(node.value()); }

std::string Cluster::words(const EntryId& id) { return number(id.position.value()) + "@" + number(id.tag.value()); }

std::string Cluster::words(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::noop: return words(entry.id) + " no-op";
    case EntryKind::command: return words(entry.id) + " " + std::string(entry.payload.view());
    case EntryKind::configuration: return words(entry.id) + " configuration";
  }
  return "?";
}

std::string Cluster::words(ByteView message) {
  const std::optional<Message> decoded = decode(message);
  if (!decoded) {
    return "(no message)";
  }
  const std::string term = " in term " + number(std::visit([](const auto& one) { return one.term.value(); }, *decoded));
  const auto granted = [](bool yes, bool conditional) {
    return std::string(yes ? "granted" : "refused") + (conditional ? " if all do" : "");
  };
  return std::visit(
      Match{[&](const PreVoteRequest& m) {
              return "pre-vote for term " + number(m.term.value()) + "? last " + words(m.last);
            },
            [&](const PreVoteResponse& m) {
              return "pre-vote for term " + number(m.requested.value()) + " " + granted(m.granted, m.conditional) +
                     term;
            },
            [&](const VoteRequest& m) {
              return "vote?" + term + ", last " + words(m.last) + (m.by_transfer ? ", by transfer" : "");
            },
            [&](const VoteResponse& m) { return "vote " + granted(m.granted, m.conditional) + term; },
            [&](const Append& m) {
              return "append" + term + " after " + words(m.previous) + ", commit " + number(m.commit.value());
            },
            [&](const AppendAccepted& m) { return "accepted" + term + " up to " + number(m.match.value()); },
            [&](const AppendRejected& m) {
              return "rejected" + term + ": " + number(m.rejected.value()) + ", logs meet at most at " + words(m.hint);
            },
            [&](const Heartbeat& m) {
              return "heartbeat" + term + ", round " + number(m.round) + (m.regular ? "" : " for reads") + ", commit " +
                     number(m.commit.value()) + ", everywhere " + number(m.everywhere.value());
            },
            [&](const HeartbeatResponse& m) {
              return "heartbeat answered" + term + ", round " + number(m.round) + ", equal up to " +
                     number(m.verified.value());
            },
            [&](const CommitNotice& m) { return "commit " + number(m.commit.value()) + term; },
            [&](const ReadRequest& m) { return "read " + number(m.number) + "?" + term; },
            [&](const ReadResponse& m) {
              return "read " + number(m.number) + (m.served ? " at " + number(m.position.value()) : " refused") + term;
            },
            [&](const TimeoutNow&) { return "campaign now" + term; }},
      *decoded);
}

std::string Cluster::status_words(NodeId id) const {
  const Node& node = nodes_.at(id);
  if (!node.core) {
    return name(id) + " is down";
  }
  const CoreStatus status = node.core->status();
  std::string text = name(id) + " " + std::string(role_name(status.role)) + ", term " + number(status.tag.value()) +
                     ", leader " + (status.leader.is_none() ? "none" : name(status.leader)) + ", commit " +
                     number(status.commit.value()) + ", everywhere " + number(status.everywhere.value()) +
                     (status.uncertain_tail ? ", tail uncertain" : "") + ", log";
  if (!node.written.discarded.position.is_none()) {
    text += " [.." + words(node.written.discarded) + "]";
  }
  for (const auto& [position, entry] : node.written.log) {
    text += " " + words(entry) + ",";
  }
  if (text.ends_with(',')) {
    text.pop_back();
  }
  return text;
}

std::string Cluster::context_name(Context context) const {
  const auto at = contexts_.find(context);
  return at == contexts_.end() ? "?" : at->second;
}

void Cluster::say(std::string line) {
  if (records_words_) {
    words_.push_back(std::move(line));
  }
}

void Cluster::violation(std::string what) {
  say("VIOLATION: " + what);
  violations_.push_back(std::move(what));
}

// ---- disks and nodes ------------------------------------------------------------------------------------

void Disk::apply(const Persist& write) {
  for (const PersistOp& op : write.ops) {
    std::visit(Match{[this](const SetState& one) { state = one.blob; },
                     [this](const Put& one) { log[one.entry.id.position] = one.entry; },
                     [this](const TruncateFrom& one) { log.erase(log.lower_bound(one.position), log.end()); },
                     [this](const DiscardBelow& one) {
                       discarded = one.id;
                       membership = one.membership;
                       log.erase(log.begin(), log.upper_bound(one.id.position));
                     },
                     [this](const ResetTo& one) {
                       discarded = one.snapshot;
                       membership = one.membership;
                       log.clear();
                     },
                     [](const SetCell&) {}},
               op);
  }
}

PersistedState Disk::persisted_state() const {
  PersistedState persisted;
  persisted.state = state;
  persisted.discarded = discarded;
  persisted.membership = membership;
  persisted.applied = discarded.position;
  for (const auto& [position, entry] : log) {
    persisted.log.push_back({entry.id, entry.kind, entry.kind == EntryKind::configuration ? entry.payload : Buffer()});
  }
  return persisted;
}

std::vector<NodeId> Cluster::node_ids() const {
  std::vector<NodeId> ids;
  for (const auto& [id, node] : nodes_) {
    ids.push_back(id);
  }
  return ids;
}

void Cluster::add_node(NodeId id, Options options, Disk disk) {
  Node& node = nodes_[id];
  options.core.incarnation = node.options.core.incarnation;  // another disk does not make an earlier life
  node.options = std::move(options);
  node.options.core.self = id;
  node.durable = disk;
  node.written = std::move(disk);
}

void Cluster::start(NodeId id, bool uncertain_tail) {
  Node& node = nodes_.at(id);
  node.options.core.incarnation = node.options.core.incarnation.next();
  node.executor = Executor();
  PersistedState state = node.durable.persisted_state();
  state.uncertain_tail = uncertain_tail;
  node.commit = state.applied;
  node.executed = state.applied;
  node.core = make_raft(node.options.core, std::move(state));
  run_effects(id, node);
}

void Cluster::crash(NodeId id, std::size_t kept) {
  Node& node = nodes_.at(id);
  for (std::size_t i = 0; i < std::min(kept, node.unconfirmed.size()); ++i) {
    node.durable.apply(node.unconfirmed[i]);
  }
  node.unconfirmed.clear();
  node.written = node.durable;
  node.timers.clear();
  node.core.reset();
}

void Cluster::set_manual_disk(NodeId id, bool manual) {
  nodes_.at(id).options.manual_disk = manual;
  if (!manual) {
    persist(id);
  }
}

void Cluster::persist(NodeId id, std::size_t count) {
  Node& node = nodes_.at(id);
  if (node.core != nullptr) {
    confirm(id, node, count == 0 ? node.unconfirmed.size() : std::min(count, node.unconfirmed.size()));
  }
}

void Cluster::confirm(NodeId id, Node& node, std::size_t count) {
  if (count == 0) {
    return;
  }
  Io io;
  for (; count > 0; --count) {
    io = node.unconfirmed.front().io;
    node.durable.apply(node.unconfirmed.front());
    node.unconfirmed.pop_front();
  }
  if (node.options.manual_disk) {
    say(name(id) + " write " + number(io.value()) + " is durable");
  }
  std::vector<Effect> ready;
  node.executor.confirm(io, ready);
  for (const Effect& effect : ready) {
    carry_out(id, node, effect);
  }
  step(id, Persisted{io});
}

// ---- steps ----------------------------------------------------------------------------------------------

void Cluster::step(NodeId id, const Input& input) {
  Node& node = nodes_.at(id);
  if (node.core == nullptr) {
    return;
  }
  node.core->step(Instant(), input);
  run_effects(id, node);
}

void Cluster::run_effects(NodeId id, Node& node) {
  std::vector<Effect> effects;
  std::vector<Effect> ready;
  node.core->take_effects(effects);
  node.executor.admit(effects, ready);
  for (const Effect& effect : ready) {
    carry_out(id, node, effect);
  }
  if (node.executed < node.commit) {
    node.executed = node.commit;
    step(id, Applied{node.executed});
  }
  if (!node.options.manual_disk) {
    confirm(id, node, node.unconfirmed.size());
  }
}

void Cluster::carry_out(NodeId id, Node& node, const Effect& effect) {
  const std::string who = name(id);
  std::visit(
      Match{[&](const Persist& one) {
              std::string text = who + " writes";
              if (node.options.manual_disk) {
                text += " (" + number(one.io.value()) + ")";
              }
              for (std::size_t i = 0; i < one.ops.size(); ++i) {
                text += (i == 0 ? ": " : ", ") + op_words(one.ops[i]);
              }
              say(std::move(text));
              for (const PersistOp& op : one.ops) {
                if (const auto* reset = std::get_if<ResetTo>(&op)) {
                  carry_out_reset(id, node, reset->snapshot);
                }
              }
              node.written.apply(one);
              node.unconfirmed.push_back(one);
            },
            [&](const Send& one) { carry_out_send(id, node, one); },
            [&](const Commit& one) { carry_out_commit(id, node, one.up_to); },
            [&](const Chosen&) { violation(who + " chose a cell"); },
            [&](const Placed& one) { say(who + " placed " + context_name(one.context) + " at " + words(one.id)); },
            [&](const Dropped& one) {
              say(who + " dropped " + context_name(one.context) +
                  (one.outcome == Dropped::Outcome::never ? ": no effect" : ": outcome unknown"));
            },
            [&](const ServeRead& one) {
              say(who + " may serve " + context_name(one.context) + " at " + number(one.position.value()));
              if (one.position < committed_at_read_[one.context]) {
                violation(who + " serves a read at " + number(one.position.value()) + " that began when " +
                          number(committed_at_read_[one.context].value()) + " was committed");
              }
            },
            [&](const SendSnapshot& one) {
              say(who + " -> " + name(one.to) + ": a snapshot of at least " + number(one.at_least.value()));
              snapshots.push_back({id, one.to});
            },
            [&](const InstallSnapshot& one) {
              say(who + " asks " + name(one.from) + " for the snapshot " + words(one.id));
              asked_.insert({id, one.id.position});
            },
            [&](const ConfigurationChanged& one) {
              say(who + " uses " + membership_words(one.membership) + " of " + words(one.id) +
                  (one.committed ? ", committed" : ", not committed"));
            },
            [&](const SetTimer& one) {
              node.timers.insert(one.kind);
              if (shows_timers) {
                say(who + " " + std::string(timer_name(one.kind)) + " timer in " + milliseconds(one.min) + ".." +
                    milliseconds(one.max) + " ms");
              }
            },
            [&](const CancelTimer& one) { node.timers.erase(one.kind); },
            [&](const RoleChanged& one) {
              say(who + " " + std::string(role_name(one.to)) + " in term " + number(one.tag.value()) +
                  (one.leader.is_none() ? "" : ", leader " + name(one.leader)) + ": " + std::string(one.why));
              if (one.to == Role::leader) {
                const auto [known, is_new] = leaders_.try_emplace(one.tag, id);
                if (!is_new && known->second != id) {
                  violation("two leaders in term " + number(one.tag.value()));
                }
              }
            },
            [&](const Trace& one) {
              branches_.insert(one.event.name);
              say(who + "   " + std::string(one.event.name) + " " + number(one.event.a) + " " + number(one.event.b));
            }},
      effect);
}

void Cluster::carry_out_send(NodeId id, Node& node, const Send& send) {
  Packet packet{.from = id, .to = send.to, .message = send.message, .entries = {}};
  std::string text = name(id) + " -> " + name(send.to) + ": " + words(send.message.view());
  if (send.attach) {
    const auto last = node.written.log.find(send.attach->last);
    if (last == node.written.log.end() || last->second.id.tag != send.attach->last_tag ||
        !node.written.log.contains(send.attach->first)) {
      say(text + " (not sent: replaced)");
      step(id, SendDropped{send.to, send.attach->first, send.attach->last});
      return;
    }
    for (Position at = send.attach->first; at <= send.attach->last; at = at.next()) {
      packet.entries.push_back(node.written.log.at(at));
      text += (packet.entries.size() == 1 ? ": " : ", ") + words(packet.entries.back());
    }
  }
  if (cut_links.contains({id, send.to})) {
    text += " (lost)";
  } else {
    network.push_back(std::move(packet));
  }
  say(std::move(text));
}

/// The node's state becomes that of the snapshot.
void Cluster::carry_out_reset(NodeId id, Node& node, EntryId snapshot) {
  const auto known = committed_.find(snapshot.position);
  if (known == committed_.end() || known->second.id != snapshot) {
    violation(name(id) + " goes over to a snapshot of " + words(snapshot) + ", which was not committed");
  }
  if (snapshot.position <= node.commit) {
    violation(name(id) + " goes back to " + words(snapshot) + " after " + number(node.commit.value()));
  }
  if (const auto entry = node.written.log.find(snapshot.position);
      entry != node.written.log.end() && entry->second.id == snapshot) {
    violation(name(id) + " drops a log that has " + words(snapshot) + " and may have been acknowledged");
  }
  node.commit = snapshot.position;
  node.executed = snapshot.position;
}

EntryId Cluster::snapshot_id(NodeId source, Position position) const {
  const Disk& disk = nodes_.at(source).written;
  const auto entry = disk.log.find(position);
  return entry == disk.log.end() ? disk.discarded : entry->second.id;
}

bool Cluster::offer_snapshot(NodeId from, NodeId to, EntryId id) {
  step(to, SnapshotOffered{from, id});
  return asked_.erase({to, id.position}) != 0;
}

void Cluster::receive_snapshot(NodeId from, NodeId to, EntryId id) {
  step(to, SnapshotReceived{id, nodes_.at(from).core->status().membership, Generation(2)});
}

void Cluster::send_snapshot(std::size_t index, bool arrives) {
  const SnapshotTask task = snapshots[index];
  snapshots.erase(snapshots.begin() + static_cast<std::ptrdiff_t>(index));
  if (!is_alive(task.from)) {
    return;
  }
  const EntryId id = snapshot_id(task.from, nodes_.at(task.from).executed);
  arrives = arrives && is_alive(task.to) && !cut_links.contains({task.from, task.to});
  if (arrives && offer_snapshot(task.from, task.to, id)) {
    receive_snapshot(task.from, task.to, id);
    persist(task.to);
  }
  step(task.from, SnapshotSent{task.to, arrives, id.position});
}

void Cluster::carry_out_commit(NodeId id, Node& node, Position up_to) {
  say(name(id) + " commits " + number(up_to.value()));
  if (up_to <= node.commit) {
    violation(name(id) + " commits " + number(up_to.value()) + " after " + number(node.commit.value()));
  }
  for (Position at = node.commit.next(); at <= up_to; at = at.next()) {
    const auto entry = node.written.log.find(at);
    if (entry == node.written.log.end()) {
      violation(name(id) + " commits " + number(at.value()) + ", which is not in its log");
      continue;
    }
    const auto [known, is_new] = committed_.try_emplace(at, entry->second);
    if (!is_new && !(known->second == entry->second)) {
      violation("position " + number(at.value()) + " was committed as " + words(known->second) + " and as " +
                words(entry->second));
    }
  }
  node.commit = std::max(node.commit, up_to);
}

void Cluster::fire(NodeId id, TimerKind kind) {
  if (nodes_.at(id).timers.erase(kind) != 0) {
    step(id, TimerFired{kind});
  } else {
    say(name(id) + " has no " + std::string(timer_name(kind)) + " timer armed");
  }
}

void Cluster::propose(NodeId id, const std::vector<std::string>& payloads, NodeId origin) {
  Propose input;
  for (const std::string& payload : payloads) {
    const Context context(++last_context_);
    contexts_[context] = payload;
    input.batch.push_back({.context = context, .payload = Buffer::copy_of(payload), .cell = {}, .origin = origin});
  }
  step(id, input);
}

void Cluster::read(NodeId id, const std::string& read_name) {
  const Context context(++last_context_);
  contexts_[context] = read_name;
  committed_at_read_[context] = committed_.empty() ? Position() : committed_.rbegin()->first;
  step(id, Read{context});
}

void Cluster::reconfigure(NodeId id, const Membership& target) {
  const Context context(++last_context_);
  contexts_[context] = membership_words(target);
  step(id, Reconfigure{context, target});
}

void Cluster::deliver(std::size_t index) {
  const Packet packet = std::move(network[index]);
  network.erase(network.begin() + static_cast<std::ptrdiff_t>(index));
  if (!is_alive(packet.to)) {
    say(name(packet.to) + " is down: lost from " + name(packet.from) + " " + words(packet.message.view()));
    return;
  }
  step(packet.to, Receive{.from = packet.from, .message = packet.message.view(), .entries = packet.entries});
}

void Cluster::settle() {
  constexpr int kLimit = 20000;
  for (int i = 0; i < kLimit; ++i) {
    if (!network.empty()) {
      deliver(0);
      continue;
    }
    if (carries_snapshots && !snapshots.empty()) {
      send_snapshot(0, true);
      continue;
    }
    const auto busy = std::ranges::find_if(
        nodes_, [](const auto& one) { return one.second.core != nullptr && !one.second.unconfirmed.empty(); });
    if (busy == nodes_.end()) {
      return;
    }
    persist(busy->first);
  }
  violation("the network does not become quiet");
}

}  // namespace quorate::raft
