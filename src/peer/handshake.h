#pragma once
// Who may speak on a link: the hello of either side, and the rules by which it is accepted or refused.
//
// Invariants: 1. a link comes up only between two members of one cluster that run one protocol with quorums of the same
//                sizes, each of which named the other. 2. a hello and a refusal keep their layout in every version, so
//                that any two versions can tell each other why they do not fit. 3. an older life of a node, or one from
//                another data directory, never replaces one that was met.
// Pure; docs/formats/peer.md has the bytes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "peer/life.h"
#include "quorum/phase_sizes.h"

namespace quorate::peer {

inline constexpr std::uint16_t kProtocolVersion = 1;        ///< what this code speaks
inline constexpr std::uint16_t kOldestProtocolVersion = 1;  ///< and what it still understands
inline constexpr std::size_t kMaxHandshakeBytes = 512;      ///< of the body of a hello or a refusal
inline constexpr std::size_t kMaxConsensusName = 64;

struct Hello {
  std::uint16_t version = kProtocolVersion;
  std::uint16_t oldest_version = kOldestProtocolVersion;
  ClusterId cluster;
  NodeId from;
  NodeId to;
  Life life;                  ///< of `from`
  std::uint64_t attempt = 0;  ///< rises with each connection that one life of `from` makes to `to`
  /// The consensus protocol that the sender's groups run. Empty: the one that all ran before a hello could tell.
  std::string consensus;
  quorum::PhaseSizes quorum_sizes{};  ///< of that protocol, in those groups

  friend bool operator==(const Hello&, const Hello&) = default;
};

enum class RefusalCode : std::uint8_t {
  version = 1,           ///< no version that both understand
  wrong_cluster = 2,     ///< the other side belongs to another cluster
  wrong_node = 3,        ///< the hello is for another node: an address was given to someone else
  unknown_node = 4,      ///< the other side is no member that this side knows
  same_node = 5,         ///< the other side has this side's own id
  older_life = 6,        ///< a newer life of the same node was here already, or another one of the same number
  older_attempt = 7,     ///< a newer connection of the same life is here already: nothing for a person to mend
  wrong_side = 8,        ///< the node with the greater id connected; it has to wait
  removed = 9,           ///< the other side was removed from the cluster, for ever
  wrong_consensus = 10,  ///< the other side's groups run another consensus protocol
  wrong_quorums = 11,    ///< or with quorums of other sizes
  another_birth = 12,    ///< the same node was here already with another data directory
};

struct Refusal {
  RefusalCode code = RefusalCode::version;
  std::string text;  ///< for a person at the refused side
};

[[nodiscard]] std::string encode_hello(const Hello& hello);
[[nodiscard]] Result<Hello> decode_hello(ByteView body);
[[nodiscard]] std::string encode_refusal(const Refusal& refusal);
[[nodiscard]] Result<Refusal> decode_refusal(ByteView body);

/// What somebody says who is no member yet.
[[nodiscard]] std::string encode_question();
[[nodiscard]] bool is_question(ByteView body);

/// Judges the hello of another node. `self` is what this side says of itself, with `to` the node that it expects; none
/// if any known one may come (`is_known` tells whether hello.from is known).
[[nodiscard]] std::optional<Refusal> judge_hello(const Hello& hello, const Hello& self, bool is_known);

/// Judges a node that this side, `self`, has met before, in the life `met`: it may not have forgotten that life.
[[nodiscard]] std::optional<Refusal> judge_life(const Hello& hello, const Life& met, NodeId self);

/// The name of the trace of such a refusal.
[[nodiscard]] std::string_view trace_name(RefusalCode code);

/// Ids as people see them: hexadecimal, as etcd prints member ids.
[[nodiscard]] std::string hex(std::uint64_t value);

}  // namespace quorate::peer
