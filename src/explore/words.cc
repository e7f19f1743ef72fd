#include "explore/words.h"

#include <optional>

#include "consensus/contract/membership_codec.h"

namespace quorate::explore {

using consensus::Entry;
using consensus::EntryKind;
using consensus::Membership;

namespace {

std::string list(const std::vector<NodeId>& nodes) {
  std::string text;
  for (const NodeId node : nodes) {
    text += (text.empty() ? "" : " ") + words(node);
  }
  return "{" + text + "}";
}

std::string content(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::noop: return "no-op";
    case EntryKind::command: return std::string(entry.payload.view());
    case EntryKind::configuration: break;
  }
  const std::optional<Membership> membership = consensus::decode_membership(entry.payload.view());
  return membership ? "members " + words(*membership) : "members that cannot be read";
}

}  // namespace

std::string words(NodeId node) { return "n" + std::to_string(node.value()); }

std::string words(EntryId id) { return std::to_string(id.position.value()) + "@" + std::to_string(id.tag.value()); }

std::string words(const std::vector<Entry>& log) {
  std::string text;
  for (const Entry& entry : log) {
    if (entry.id.position.is_none()) {
      continue;
    }
    text += (text.empty() ? "" : ", ") + words(entry.id) + " " + content(entry);
  }
  return "[" + text + "]";
}

std::string words(const Membership& membership) {
  return list(membership.voters) + (membership.is_joint() ? " jointly with " + list(membership.outgoing_voters) : "");
}

}  // namespace quorate::explore
