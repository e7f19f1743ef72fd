#pragma once
// The rules that must hold in every explored history. Each gives the violation in words, or nothing.
//
// Names and sources as in sim/invariants. I-02, which one replica alone can break, is checked in replica_step.cc.

#include <span>
#include <string>

#include "explore/history.h"
#include "explore/replica_step.h"

namespace quorate::explore {

/// All replicas after a step, node n at n - 1.
using Replicas = std::span<const Replica* const>;

/// What a step of `node` says is entered into the history and judged:
/// I-10, election safety: at most one leader per term (paper, figure 3).
/// I-13, leader completeness: a leader has every entry that was decided in an earlier term (paper 5.4).
/// I-03, state-machine safety: never two entries for one decided position.
/// I-14, own-term commit: a leader decides by counting only what is of its own term (paper 5.4.2), if ids identify
/// prefixes. I-05: what is decided first is durable on a majority.
/// L-01, L-02, linearizable reads: a read includes everything that was decided anywhere when it was asked for.
[[nodiscard]] std::string check_note(const Note& note, NodeId node, Replicas replicas, bool ids_identify_prefix,
                                     History& history);

/// I-12, log matching (paper, figure 3): two logs that share an entry are equal up to it.
[[nodiscard]] std::string check_log_matching(NodeId node, Replicas replicas);

}  // namespace quorate::explore
