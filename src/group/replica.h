#pragma once
// One replica of one group: the runtime that drives a core, its executor and its state machine.
//
// Invariants: 1. a turn's proposals reach the core as one batch, a turn's reads as one Read. 2. entries are executed
//                once, in order, only when committed. 3. a read is served only when its position was executed.
// Owned by the host, on the node's loop.

#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"
#include "consensus/contract/core.h"
#include "group/record_pins.h"

namespace quorate::group {

class Replica {
 public:
  virtual ~Replica() = default;

  /// Proposes a command at the end of this turn. The outcome is seen when the state machine executes it (its bytes
  /// name the request), or by GroupEvents::on_dropped. `origin`: the other node whose client waits, or none.
  /// False: pushed back, nothing was done (try later).
  [[nodiscard]] virtual bool propose(Context context, Buffer command, NodeId origin) = 0;

  /// Asks for a linearizable read; on_read_ready or on_dropped follows. Reads of one turn share a quorum round.
  virtual void read(Context context) = 0;

  // ---- of cores without a log (consensus::CoreFactory::keeps_log), instead of propose() and read()
  /// Proposes `value` for `cell` at the end of this turn; all of a turn are one write. What is chosen there, sooner or
  /// later, is told to the state machine; on_dropped: nothing was done. False: pushed back, likewise.
  [[nodiscard]] virtual bool propose_cell(Context context, Buffer cell, Buffer value) = 0;
  /// Learns what `cell` is, through a quorum where it must. on_read_ready: the state machine knows what was chosen
  /// before this call; or on_dropped.
  virtual void read_cell(Context context, Buffer cell) = 0;

  /// `to` none: whoever is reachable and has most of the log.
  virtual void transfer_leadership(NodeId to) = 0;

  /// Asks for another membership at the end of this turn, on the leader; several voters at once go through the joint
  /// state. `contacts`: where all the target's members are found, or empty. GroupEvents::on_configuration_changed tells
  /// what came of it, or on_reconfiguration_refused; on_dropped with `never`: another entry took its place.
  virtual void reconfigure(Context context, consensus::Membership target, std::vector<consensus::Contact> contacts) = 0;

  /// Sends bytes to the same group's service on another node. False: not sent.
  virtual bool send_service_message(NodeId to, Buffer message) = 0;

  /// A view of the group's records for a backup: `to` gets it, in a later turn, when the engine has everything that is
  /// executed now. Needs no leader. Not called if the replica stops before.
  virtual void pin_records(Callback<PinnedRecords> to) = 0;

  [[nodiscard]] virtual consensus::CoreStatus status() const = 0;
  /// See consensus::Core::progress().
  [[nodiscard]] virtual std::vector<consensus::MemberProgress> progress() const = 0;
  /// Where the nodes of the cluster are found.
  [[nodiscard]] virtual std::vector<consensus::Contact> contacts() const = 0;
  /// The link to `node` works: a hint, never a proof.
  [[nodiscard]] virtual bool is_linked(NodeId node) const = 0;
  /// The last position known to be committed: at or above executed().
  [[nodiscard]] virtual Position committed() const = 0;
  /// The last executed position.
  [[nodiscard]] virtual Position executed() const = 0;
  [[nodiscard]] virtual NodeId self() const = 0;
};

}  // namespace quorate::group
