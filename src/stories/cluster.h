#pragma once
// A few replicas of one protocol with disks and a network made of lists, for stories and tests: every effect is carried
// out by the executor's rules, nothing happens unless the story says so, and what happens is written down in words.
//
// Invariants checked at every step: state-machine safety (one entry per committed position, ever), one leader per term,
// commits never fall on a live node, a read includes all that was committed anywhere when it began, and a vote or
// acknowledgement leaves only when it is durable (by the executor). Of protocols without a log: each cell is decided
// once, as the same everywhere, with a value that somebody proposed, and a read sees what was decided anywhere when it
// began. Owned by one story or test, on its thread.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "consensus/contract/executor.h"
#include "consensus/contract/protocol.h"
#include "stories/disk.h"
#include "stories/happening.h"

namespace quorate::stories {

struct Packet {
  NodeId from;
  NodeId to;
  Buffer message;
  std::vector<consensus::Entry> entries;
};

/// A leader wants a follower to get a snapshot.
struct SnapshotTask {
  NodeId from;
  NodeId to;
};

class Cluster;

/// What one protocol promises beyond the invariants that all do.
class Law {
 public:
  virtual ~Law() = default;
  /// Called before an effect of `node` is carried out. What is broken, or empty.
  [[nodiscard]] virtual std::string check(const Cluster& cluster, NodeId node, const consensus::Effect& effect) = 0;
};

class Cluster {
 public:
  explicit Cluster(const consensus::Protocol& protocol, bool records_words = true)
      : protocol_(protocol), records_words_(records_words) {}

  struct Options {
    consensus::CoreConfig core;  ///< node and life are filled in
    bool manual_disk = false;    ///< writes become durable only by persist()
  };
  /// Adds a node that starts from `disk`; `membership` counts where the disk has none.
  void add_node(NodeId node, Options options, Disk disk = {});
  void start(NodeId node, bool uncertain_tail = false);

  // ---- what a test may do
  void step(NodeId node, const consensus::Input& input);
  void fire(NodeId node, consensus::TimerKind kind);
  /// `origin`: the other node whose client waits for the outcome, or none. In protocols without a log a payload is
  /// "cell=value".
  void propose(NodeId node, const std::vector<std::string>& payloads, NodeId origin = {});
  /// In protocols without a log `name` is the cell.
  void read(NodeId node, const std::string& name);
  void reconfigure(NodeId node, const consensus::Membership& target);
  /// Makes the next `count` writes durable (all, if 0).
  void persist(NodeId node, std::size_t count = 0);
  void set_manual_disk(NodeId node, bool manual);
  /// Ends the life of a node; of its unconfirmed writes the first `kept` survive.
  void crash(NodeId node, std::size_t kept = 0);
  /// What a dead node's disk loses: entries behind `keep`, and if it `forgets`, its term and vote with them. Whatever
  /// its earlier life sent and nobody has received is lost: links end with the life.
  void damage(NodeId node, Position keep, bool forgets);
  /// The same without a log: it loses the named cell, or all and what it promised for all.
  void damage_cells(NodeId node, const std::string& cell);
  /// Delivers the packet at `index` of the network.
  void deliver(std::size_t index);
  /// The id of a snapshot that `source` could send; its log's beginning if it has no entry there.
  [[nodiscard]] EntryId snapshot_id(NodeId source, Position position) const;
  /// True if `to` asked for it.
  bool offer_snapshot(NodeId from, NodeId to, EntryId id);
  void receive_snapshot(NodeId from, NodeId to, EntryId id);
  /// The whole way of the snapshot at `index`; or it is lost on it, and the leader hears so.
  void send_snapshot(std::size_t index, bool arrives);
  /// Delivers and persists until nothing is left to do; cut links lose their packets.
  void settle();

  // ---- what a test may look at
  /// What its next life is told that it has lost; lasts until it is made good, durably.
  [[nodiscard]] const consensus::Loss& loss_of(NodeId node) const { return nodes_.at(node).loss; }
  [[nodiscard]] bool is_alive(NodeId node) const { return nodes_.at(node).core != nullptr; }
  [[nodiscard]] const consensus::Core& core(NodeId node) const { return *nodes_.at(node).core; }
  [[nodiscard]] const consensus::CoreConfig& config_of(NodeId node) const { return nodes_.at(node).options.core; }
  [[nodiscard]] const Disk& written(NodeId node) const { return nodes_.at(node).written; }
  [[nodiscard]] const Disk& durable(NodeId node) const { return nodes_.at(node).durable; }
  [[nodiscard]] std::size_t unconfirmed(NodeId node) const { return nodes_.at(node).unconfirmed.size(); }
  [[nodiscard]] bool is_armed(NodeId node, consensus::TimerKind kind) const {
    return nodes_.at(node).timers.contains(kind);
  }
  [[nodiscard]] std::vector<NodeId> node_ids() const;
  [[nodiscard]] Incarnation life_of(NodeId node) const { return nodes_.at(node).options.core.incarnation; }
  std::deque<Packet> network;
  std::set<std::pair<NodeId, NodeId>> cut_links;  ///< from, to
  bool shows_timers = false;
  Law* law = nullptr;                  ///< held against every effect
  std::deque<SnapshotTask> snapshots;  ///< asked for by leaders
  bool carries_snapshots = false;      ///< settle() does

  /// Everything since the last call.
  [[nodiscard]] std::vector<Happening> take_happenings() { return std::exchange(happenings_, {}); }
  /// Broken invariants.
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  /// For stories of what must never happen: the violations so far are expected.
  void forgive() { violations_.clear(); }
  /// Names of branches that were reached, ever.
  [[nodiscard]] const std::set<std::string_view>& branches() const { return branches_; }
  /// What a position was committed with, ever.
  [[nodiscard]] const std::map<Position, consensus::Entry>& committed() const { return committed_; }

  /// What a cell was decided as, ever.
  [[nodiscard]] const std::map<std::string, std::string>& decided() const { return decided_; }
  /// What a live node knows to be decided.
  [[nodiscard]] const std::map<std::string, std::string>& known(NodeId node) const { return nodes_.at(node).known; }

  [[nodiscard]] const consensus::Protocol& protocol() const { return protocol_; }
  [[nodiscard]] std::string message_words(const Packet& packet) const;
  [[nodiscard]] std::string status_words(NodeId node) const;
  /// What the node's disk keeps for good.
  [[nodiscard]] std::string disk_words(NodeId node) const;

 private:
  struct Node {
    Options options;
    std::unique_ptr<consensus::Core> core;
    consensus::Executor executor;
    Disk durable;
    Disk written;  ///< durable and what was written since
    std::deque<consensus::Persist> unconfirmed;
    std::set<consensus::TimerKind> timers;
    Position commit;
    Position executed;
    std::map<std::string, std::string> known;  ///< cells that this life was told to be decided
    consensus::Loss loss;
    std::optional<Io> repaired;  ///< the loss is made good once this write is durable
  };

  void run_effects(NodeId id, Node& node);
  static void settle_loss(Node& node, Io durable);
  void carry_out(NodeId id, Node& node, const consensus::Effect& effect);
  void carry_out_send(NodeId id, Node& node, const consensus::Send& send);
  void carry_out_commit(NodeId id, Node& node, Position up_to);
  void carry_out_chosen(NodeId id, Node& node, const consensus::Chosen& chosen);
  void carry_out_read(NodeId id, Node& node, const consensus::ServeRead& read);
  void carry_out_reset(NodeId id, Node& node, const consensus::ResetTo& reset);
  void confirm(NodeId id, Node& node, std::size_t count);
  void say(NodeId node, std::string text, Happening::Kind kind = Happening::Kind::said, NodeId other = {},
           consensus::Role role = consensus::Role::follower);
  void violation(std::string what);
  [[nodiscard]] std::string context_name(Context context) const;

  const consensus::Protocol& protocol_;
  bool records_words_;
  std::map<NodeId, Node> nodes_;
  std::map<Position, consensus::Entry> committed_;
  std::map<Tag, NodeId> leaders_;
  std::set<std::pair<NodeId, Position>> asked_;  ///< InstallSnapshot of a node
  std::map<Context, std::string> contexts_;
  std::map<std::string, std::string> decided_;
  std::set<std::pair<std::string, std::string>> proposed_;  ///< cell and value
  std::set<Context> decided_at_read_;                       ///< reads that must find something
  std::map<Context, Position> committed_at_read_;           ///< what a read must include
  std::uint64_t last_context_ = 0;
  std::vector<Happening> happenings_;
  std::vector<std::string> violations_;
  std::set<std::string_view> branches_;
};

}  // namespace quorate::stories
