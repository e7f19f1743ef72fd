#pragma once
// What `quorate member` reads of quorate.v1.Membership, and what it says: proto/quorate/membership.proto has the
// messages. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quorum/phase_sizes.h"

namespace quorate {

struct MemberLine {
  std::uint64_t id = 0;
  std::string name;
  std::vector<std::string> peer_urls;
  std::vector<std::string> client_urls;
  std::uint64_t match = 0;
  bool joining = false;  ///< votes as soon as it has caught up
};

struct MembershipView {
  std::uint64_t leader = 0;
  std::uint64_t commit = 0;
  bool told_by_leader = false;
  std::vector<std::uint64_t> voters;
  std::vector<std::uint64_t> outgoing_voters;
  std::vector<MemberLine> members;
  quorum::PhaseSizes quorum_sizes;

  /// By name, or by id in hexadecimal.
  [[nodiscard]] const MemberLine* find(std::string_view name_or_id) const;
  [[nodiscard]] const MemberLine* find(std::uint64_t id) const;
  [[nodiscard]] bool votes(std::uint64_t id) const;
};

/// A DescribeResponse; nothing for what is none.
[[nodiscard]] std::optional<MembershipView> read_membership_view(std::string_view message);
[[nodiscard]] std::string encode_set_request(const std::vector<std::uint64_t>& voters);
[[nodiscard]] std::string encode_add_learner_request(std::string_view peer_urls);

[[nodiscard]] std::string hex_text(std::uint64_t id);
/// A table of all members.
[[nodiscard]] std::string describe_members(const MembershipView& view);
/// "any 2 of n1, n2, n3", or "any 3 (phase 1) and any 1 (phase 2) of n1, n2, n3".
[[nodiscard]] std::string describe_quorum(const MembershipView& view, const std::vector<std::uint64_t>& voters);

}  // namespace quorate
