#include "stories/cluster.h"

#include <algorithm>
#include <utility>

#include "stories/words.h"

namespace quorate::stories {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

}  // namespace

// ---- words ----------------------------------------------------------------------------------------------

std::string Cluster::status_words(NodeId id) const {
  const Node& node = nodes_.at(id);
  if (!node.core) {
    return name_of(id) + " is down";
  }
  const CoreStatus status = node.core->status();
  if (!protocol_.keeps_log()) {
    return name_of(id) + " " + std::string(name_of(status.role)) + (status.uncertain_tail ? ", memory uncertain" : "") +
           std::string(loss_words(status.loss)) + ", " + node.written.cells_words(protocol_.cell_words);
  }
  return name_of(id) + " " + std::string(name_of(status.role)) + ", term " + words(status.tag) + ", leader " +
         (status.leader.is_none() ? "none" : name_of(status.leader)) + ", commit " + number(status.commit.value()) +
         ", everywhere " + number(status.everywhere.value()) + (status.uncertain_tail ? ", tail uncertain" : "") +
         std::string(loss_words(status.loss)) + ", " + node.written.log_words();
}

std::string Cluster::message_words(const Packet& packet) const {
  std::string text = protocol_.message_words(packet.message.view());
  for (std::size_t i = 0; i < packet.entries.size(); ++i) {
    text += (i == 0 ? ": " : ", ") + words(packet.entries[i]);
  }
  return text;
}

std::string Cluster::context_name(Context context) const {
  const auto at = contexts_.find(context);
  return at == contexts_.end() ? "?" : at->second;
}

void Cluster::say(NodeId node, std::string text, Happening::Kind kind, NodeId other, Role role) {
  if (records_words_) {
    happenings_.push_back({.kind = kind, .node = node, .other = other, .role = role, .text = std::move(text)});
  }
}

void Cluster::violation(std::string what) {
  say({}, "VIOLATION: " + what);
  violations_.push_back(std::move(what));
}

std::string Cluster::disk_words(NodeId id) const {
  const Disk& disk = nodes_.at(id).durable;
  return protocol_.state_words(disk.state.view()) + ", " +
         (protocol_.keeps_log() ? disk.log_words() : disk.cells_words(protocol_.cell_words));
}

// ---- disks and nodes ------------------------------------------------------------------------------------

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
  node.known.clear();
  PersistedState state = node.durable.persisted_state();
  state.uncertain_tail = uncertain_tail;
  state.loss = node.loss;
  node.commit = state.applied;
  node.executed = state.applied;
  say(id, "starts; its disk holds " + disk_words(id), Happening::Kind::began);
  node.core = protocol_.cores.make(node.options.core, std::move(state));
  run_effects(id, node);
}

void Cluster::crash(NodeId id, std::size_t kept) {
  Node& node = nodes_.at(id);
  for (std::size_t i = 0; i < std::min(kept, node.unconfirmed.size()); ++i) {
    node.durable.apply(node.unconfirmed[i]);
    settle_loss(node, node.unconfirmed[i].io);
  }
  node.repaired.reset();
  node.unconfirmed.clear();
  node.written = node.durable;
  node.timers.clear();
  node.core.reset();
  say(id, "ends; its disk keeps " + disk_words(id), Happening::Kind::ended);
}

void Cluster::damage(NodeId id, Position keep, bool forgets) {
  Node& node = nodes_.at(id);
  Disk& disk = node.durable;
  const EntryId end = disk.log.empty() ? disk.discarded : disk.log.rbegin()->second.id;
  disk.log.erase(disk.log.upper_bound(keep), disk.log.end());
  if (forgets) {
    disk.state = {};
  }
  if (forgets || node.loss.kind == Loss::Kind::none) {
    node.loss = {forgets ? Loss::Kind::promises : Loss::Kind::tail, end};
  }
  node.written = disk;
  std::erase_if(network, [id](const Packet& packet) { return packet.from == id; });
  say(id, "its disk is damaged; what is left: " + disk_words(id));
}

void Cluster::damage_cells(NodeId id, const std::string& cell) {
  Node& node = nodes_.at(id);
  if (cell.empty()) {
    node.durable = Disk();
  } else {
    node.durable.cells.erase(cell);
  }
  node.loss = {Loss::Kind::promises, {}};
  node.written = node.durable;
  std::erase_if(network, [id](const Packet& packet) { return packet.from == id; });
  say(id, "its disk is damaged; what is left: " + disk_words(id));
}

void Cluster::settle_loss(Node& node, Io durable) {
  if (node.repaired && *node.repaired <= durable) {
    node.loss = {};
    node.repaired.reset();
  }
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
    settle_loss(node, io);
    node.unconfirmed.pop_front();
  }
  if (node.options.manual_disk) {
    say(id, "write " + number(io.value()) + " is durable", Happening::Kind::durable);
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

void Cluster::fire(NodeId id, TimerKind kind) {
  if (nodes_.at(id).timers.erase(kind) != 0) {
    step(id, TimerFired{kind});
  } else {
    say(id, "has no " + std::string(timer_words(kind)) + " timer armed");
  }
}

void Cluster::propose(NodeId id, const std::vector<std::string>& payloads, NodeId origin) {
  Propose input;
  for (const std::string& payload : payloads) {
    const Context context(++last_context_);
    contexts_[context] = payload;
    std::string cell;
    std::string value = payload;
    if (!protocol_.keeps_log()) {
      const std::size_t sign = payload.find('=');
      cell = payload.substr(0, sign);
      value = sign == std::string::npos ? "" : payload.substr(sign + 1);
      proposed_.insert({cell, value});
    }
    input.batch.push_back(
        {.context = context, .payload = Buffer::copy_of(value), .cell = Buffer::copy_of(cell), .origin = origin});
  }
  step(id, input);
}

void Cluster::read(NodeId id, const std::string& read_name) {
  const Context context(++last_context_);
  contexts_[context] = read_name;
  committed_at_read_[context] = committed_.empty() ? Position() : committed_.rbegin()->first;
  if (decided_.contains(read_name)) {
    decided_at_read_.insert(context);
  }
  step(id, Read{context, protocol_.keeps_log() ? Buffer() : Buffer::copy_of(read_name)});
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
    say(packet.to, "is down: lost from " + name_of(packet.from) + " " + protocol_.message_words(packet.message.view()),
        Happening::Kind::missed, packet.from);
    return;
  }
  say(packet.to, message_words(packet), Happening::Kind::arrived, packet.from);
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

}  // namespace quorate::stories
