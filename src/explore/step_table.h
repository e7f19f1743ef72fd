#pragma once
// Every replica and packet that a search has met, once each and by number, and every step that it has taken.
//
// A cluster of millions of states has few states of a single replica. So the real core runs once for each pair of
// replica and input; in every other state in which the pair comes up again, the step is looked up.
//
// Invariants: 1. equal replicas have equal numbers, and so have packets. 2. each has an origin that leads back to a
// first life, along which the step that made it can be taken again. Numbers never change. Owned by a search.

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "explore/number_map.h"
#include "explore/replica_step.h"

namespace quorate::explore {

class StepTable {
 public:
  explicit StepTable(const Model& model);

  /// A step, remembered.
  struct Row {
    std::uint32_t next = 0;        ///< replica
    std::uint32_t first_sent = 0;  ///< see sent()
    std::uint32_t sent_count = 0;
    std::uint32_t notes = 0;     ///< see notes()
    std::uint8_t receivers = 0;  ///< one bit per node, by index
    bool log_changed = false;    ///< what is durable changed, or something was written
  };
  /// The step by which something came up first. `replica` none: it is a first life.
  struct Origin {
    std::uint32_t replica = NumberMap::kNone;
    StepInput input;
    std::uint32_t place = 0;  ///< of a packet: which of the step's packets
  };

  [[nodiscard]] const Model& model() const { return model_; }
  /// The row of a step. Replica n - 1 is the first life of node n.
  [[nodiscard]] std::uint32_t step(std::uint32_t replica, const StepInput& input);
  [[nodiscard]] const Row& row(std::uint32_t number) const { return rows_[number]; }
  /// Numbers of packets, in the order in which they were sent. Valid until the next step.
  [[nodiscard]] std::span<const std::uint32_t> sent(const Row& row) const {
    return std::span(sent_).subspan(row.first_sent, row.sent_count);
  }
  [[nodiscard]] const std::vector<Note>& notes(const Row& row) const { return notes_[row.notes]; }
  /// The packet makes no difference to this replica, nor to whatever it becomes.
  [[nodiscard]] bool is_deaf_to(std::uint32_t replica, std::uint32_t packet);

  [[nodiscard]] const Replica& replica(std::uint32_t number) const { return replicas_[number]; }
  [[nodiscard]] const Packet& packet(std::uint32_t number) const { return packets_[number]; }
  [[nodiscard]] const Origin& origin_of_replica(std::uint32_t number) const { return replica_origins_[number]; }
  [[nodiscard]] const Origin& origin_of_packet(std::uint32_t number) const { return packet_origins_[number]; }
  [[nodiscard]] std::size_t replicas() const { return replicas_.size(); }
  [[nodiscard]] std::size_t packets() const { return packets_.size(); }
  [[nodiscard]] std::size_t steps() const { return rows_.size(); }

 private:
  [[nodiscard]] std::uint32_t keep(Replica&& replica, const Origin& origin);
  [[nodiscard]] std::uint32_t keep(Packet&& packet, const Origin& origin);

  const Model& model_;
  std::deque<Replica> replicas_;
  std::vector<Origin> replica_origins_;
  NumberMap replica_by_hash_;
  std::deque<Packet> packets_;
  std::vector<Origin> packet_origins_;
  NumberMap packet_by_hash_;
  NumberMap row_by_step_;  ///< by replica and input
  std::deque<Row> rows_;
  std::vector<std::uint32_t> sent_;
  std::deque<std::vector<Note>> notes_;  ///< 0: none
};

}  // namespace quorate::explore
