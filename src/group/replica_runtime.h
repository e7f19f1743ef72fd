#pragma once
// The runtime of one replica: gives the core its inputs and carries out its effects.
//
// Invariants: 1. inputs that arise while effects are carried out wait until all of them are: a core is never entered
//                twice. 2. effects are carried out in the executor's order. 3. after stop() nothing is sent, written,
//                confirmed or served. 4. within a turn: core steps, messages to the links, frame to the log, execution,
//                replies; the links and the log write at the end of the turn, the engine later.
// Rules: DESIGN sections 3 to 5; thesis 10.2.1 (the leader's disk works at the same time as the followers').
// Owned by the host, on the node's loop.

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "consensus/contract/core.h"
#include "consensus/contract/executor.h"
#include "group/applier.h"
#include "group/core_timers.h"
#include "group/durable_mark.h"
#include "group/engine_writer.h"
#include "group/host.h"
#include "group/node_parts.h"
#include "group/outbox.h"
#include "group/proposals.h"
#include "group/put_stages.h"
#include "group/record_pins.h"
#include "group/replica.h"
#include "group/snapshot_receiver.h"
#include "group/snapshot_sender.h"
#include "group/waiting_reads.h"
#include "state/state_machine.h"

namespace quorate::group {

/// What a replica begins with.
struct ReplicaStart {
  GroupId group;
  NodeId self;
  Incarnation life;
  Generation generation;  ///< whose records the state machine has
  std::unique_ptr<consensus::Core> core;
  Position executed;                                                ///< what the state machine recovered
  EntryId discarded;                                                ///< the log begins behind it
  consensus::Membership membership;                                 ///< in force there
  std::vector<std::pair<Position, consensus::Membership>> changes;  ///< those that the log holds, by position
  Generation last_generation;  ///< the highest of which the engine may have records
  /// What the log must have in front of everything else that this replica writes (salvage.h). It is written with the
  /// first of that: until others are heard, what is left of the damaged log stays as it is.
  std::vector<storage::LogOp> salvage;
};

class ReplicaRuntime final : public Replica, public EngineClient, private SnapshotTaker {
 public:
  ReplicaRuntime(ReplicaStart start, NodeParts& node, const ReplicaLimits& limits, state::StateMachine& machine,
                 GroupEvents& events);

  /// Before start(): what the replica begins with after all. Its records and what they contain are the same.
  void begin_with(ReplicaStart start);
  /// Carries out the core's first effects. Once, when the links are there.
  void start();
  void stop();

  void on_message(NodeId from, ByteView core_bytes, std::span<const consensus::Entry> entries);
  void on_snapshot_message(NodeId from, const SnapshotMessage& message);
  void on_durable(Io io);
  void on_peer_up(NodeId node, Incarnation incarnation);
  void on_peer_down(NodeId node, Incarnation incarnation);
  /// The core has lost what others must bring, or that they have is not durable yet.
  [[nodiscard]] bool has_loss() const { return has_loss_ || loss_note_.has_value(); }
  /// Tells that the loss is made good, once that is durable.
  void tell_loss_made_good();
  /// What recovery found lost, if anything, stands in the log anew.
  [[nodiscard]] bool has_noted_loss() const { return salvage_.empty(); }
  /// This replica does not have the entry, and needs neither it nor what else `asking` has; see MenderOwner.
  [[nodiscard]] bool goes_on_without(const EntryId& entry, NodeId asking) const;
  [[nodiscard]] GroupEvents& events() { return events_; }
  [[nodiscard]] const PutStages& put_stages() const { return stages_; }

  // Replica
  [[nodiscard]] bool propose(Context context, Buffer command, NodeId origin) override;
  void read(Context context) override;
  [[nodiscard]] bool propose_cell(Context context, Buffer cell, Buffer value) override;
  void read_cell(Context context, Buffer cell) override;
  void transfer_leadership(NodeId to) override;
  void reconfigure(Context context, consensus::Membership target, std::vector<consensus::Contact> contacts) override;
  bool send_service_message(NodeId to, Buffer message) override;
  void pin_records(Callback<PinnedRecords> to) override;
  [[nodiscard]] consensus::CoreStatus status() const override { return core_->status(); }
  [[nodiscard]] std::vector<consensus::MemberProgress> progress() const override { return core_->progress(); }
  [[nodiscard]] std::vector<consensus::Contact> contacts() const override { return node_.owner.contacts(); }
  [[nodiscard]] bool is_linked(NodeId node) const override { return node_.mesh != nullptr && node_.mesh->is_up(node); }
  [[nodiscard]] Position committed() const override { return applier_.committed(); }
  [[nodiscard]] Position executed() const override { return applier_.executed(); }
  [[nodiscard]] NodeId self() const override { return self_; }

  // EngineClient
  [[nodiscard]] Position writable() const override;
  void collect(Position limit, env::RecordBatch& batch) override { machine_.collect(limit, batch); }
  void on_written() override { serve_pins(0); }
  [[nodiscard]] bool discard(Position durable) override;

 private:
  /// Steps the core and everything that follows from it.
  void handle(const consensus::Input& input);
  void step(const consensus::Input& input);
  void tell_applied();
  /// When the core's loss is made good: the log notes it, and the records of the damaged state go.
  void note_loss_made_good();
  void end_loss();
  void carry_out_ready();
  void apply();
  void serve_reads();
  void end_turn(std::uint64_t);
  void schedule_end_of_turn();
  void resume_apply(std::uint64_t);
  void report_unsent(std::uint64_t);
  void on_timer(std::uint64_t, consensus::TimerKind kind);

  // snapshots: replica_snapshots.cc
  [[nodiscard]] bool wants(NodeId from, EntryId id) override;
  [[nodiscard]] bool adopts(const consensus::SnapshotReceived& snapshot) override;
  void adopt(EntryId snapshot, Io written);
  void on_snapshot_sent(std::uint64_t, const consensus::SnapshotSent& outcome) { handle(outcome); }
  void on_snapshot_news(std::uint64_t, const SnapshotNews& news) { events_.on_snapshot_news(news); }
  /// Of an entry of the log, or the one that it begins behind; else none.
  [[nodiscard]] Tag tag_at(Position position) const;
  /// The last position that nobody is kept waiting for in the log.
  [[nodiscard]] Position discardable() const;
  void serve_pins(std::uint64_t);

  // one per effect
  void carry_out(consensus::Persist& effect);
  void carry_out(consensus::Send& effect);
  void carry_out(consensus::Commit& effect);
  void carry_out(consensus::Chosen& effect);
  void carry_out(consensus::Placed& effect);
  void carry_out(consensus::Dropped& effect);
  void carry_out(consensus::ServeRead& effect);
  void carry_out(consensus::SendSnapshot& effect);
  void carry_out(consensus::InstallSnapshot& effect);
  void carry_out(consensus::ConfigurationChanged& effect);
  void carry_out(consensus::SetTimer& effect);
  void carry_out(consensus::CancelTimer& effect);
  void carry_out(consensus::RoleChanged& effect);
  void carry_out(consensus::Trace& effect);

  [[nodiscard]] storage::LogOp to_log_op(consensus::PersistOp& op, Position& lowest);
  [[nodiscard]] const consensus::Membership& membership_at(Position position) const;
  void write_salvage();
  void trace(std::string_view name, std::uint64_t number = 0) { node_.traces.trace({name, group_.value(), number}); }

  const GroupId group_;
  const NodeId self_;
  NodeParts& node_;
  const ReplicaLimits& limits_;
  state::StateMachine& machine_;
  GroupEvents& events_;
  std::unique_ptr<consensus::Core> core_;
  consensus::Executor executor_;
  Proposals proposals_;
  WaitingReads reads_;
  DurableMark durable_;
  CoreTimers timers_;
  PutStages stages_;
  Outbox outbox_;
  Applier applier_;
  SnapshotSender sender_;
  SnapshotReceiver receiver_;
  RecordPins pins_;

  bool started_ = false;
  bool stopped_ = false;
  bool has_loss_ = false;                   ///< the core's is not made good yet
  std::optional<std::uint64_t> loss_note_;  ///< the log's frame that says that it is, until that is durable
  bool handling_ = false;                   ///< the core or its effects are at work
  bool end_of_turn_scheduled_ = false;
  Position told_applied_;                                            ///< the last Applied that the core got
  EntryId discarded_;                                                ///< the log begins behind it
  std::vector<storage::LogOp> salvage_;                              ///< to be written in front of everything else
  EntryId wanted_;                                                   ///< the snapshot that the core asked for last
  Io adopting_;                                                      ///< the frame that adopts a snapshot; none: none
  std::vector<consensus::Reconfigure> reconfigurations_;             ///< asked for in this turn
  consensus::Propose cell_proposals_;                                ///< of this turn
  std::vector<consensus::Read> cell_reads_;                          ///< asked for in this turn
  std::set<Context> cells_read_;                                     ///< that wait for the core
  std::optional<NodeId> transfer_to_;                                ///< asked for in this turn
  consensus::Membership base_membership_;                            ///< in force at the log's beginning
  std::vector<std::pair<Position, consensus::Membership>> changes_;  ///< memberships since, by position

  // Memory used again by every step.
  std::vector<consensus::Effect> effects_;
  std::vector<consensus::Effect> ready_;
  std::vector<Context> contexts_;
  std::vector<Context> replaced_;
  std::vector<consensus::SendDropped> unsent_;
  consensus::Input propose_input_;
};

}  // namespace quorate::group
