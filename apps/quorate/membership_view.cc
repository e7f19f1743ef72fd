#include "membership_view.h"

#include <algorithm>
#include <cstdio>

#include "codec/proto_fields.h"
#include "codec/varint.h"

namespace quorate {
namespace {

bool read_member(std::string_view message, MemberLine& member) {
  codec::FieldReader fields(message);
  while (fields.next()) {
    if (fields.is_varint(1)) {
      member.id = fields.value();
    } else if (fields.is_bytes(2)) {
      member.name = fields.bytes();
    } else if (fields.is_bytes(3)) {
      member.peer_urls.emplace_back(fields.bytes());
    } else if (fields.is_bytes(4)) {
      member.client_urls.emplace_back(fields.bytes());
    } else if (fields.is_varint(5)) {
      member.match = fields.value();
    } else if (fields.is_varint(6)) {
      member.joining = fields.boolean();
    }
  }
  return fields.ok();
}

/// A repeated number, packed or not.
bool read_numbers(codec::FieldReader& field, std::vector<std::uint64_t>& out) {
  if (field.type() == codec::WireType::varint) {
    out.push_back(field.value());
    return true;
  }
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (const char c : field.bytes()) {
    const auto byte = static_cast<unsigned char>(c);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    shift += 7;
    if (byte < 0x80) {
      out.push_back(value);
      value = shift = 0;
    } else if (shift > 63) {
      return false;
    }
  }
  return shift == 0;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ",") + word;
  }
  return text.empty() ? "-" : text;
}

std::string label(const MembershipView& view, std::uint64_t id) {
  const MemberLine* member = view.find(id);
  return member == nullptr || member->name.empty() ? hex_text(id) : member->name;
}

std::string role_of(const MembershipView& view, const MemberLine& member) {
  const bool stays = std::ranges::find(view.voters, member.id) != view.voters.end();
  const bool leaves = std::ranges::find(view.outgoing_voters, member.id) != view.outgoing_voters.end();
  if (member.id == view.leader) {
    return "leader";
  }
  if (!stays && !leaves) {
    return member.joining ? "voter soon" : "learner";
  }
  return view.outgoing_voters.empty() || (stays && leaves) ? "voter" : stays ? "voter (comes)" : "voter (leaves)";
}

std::string state_of(const MembershipView& view, const MemberLine& member) {
  if (member.name.empty()) {
    return "never started";
  }
  if (!view.told_by_leader || member.id == view.leader) {
    return "-";
  }
  return member.match >= view.commit ? "level" : std::to_string(view.commit - member.match) + " entries behind";
}

}  // namespace

std::string hex_text(std::uint64_t id) {
  char text[17];
  std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(id));
  return text;
}

const MemberLine* MembershipView::find(std::string_view name_or_id) const {
  const auto found = std::ranges::find_if(members, [&](const MemberLine& member) {
    return member.name == name_or_id || hex_text(member.id) == name_or_id;
  });
  return found == members.end() ? nullptr : &*found;
}

const MemberLine* MembershipView::find(std::uint64_t id) const {
  const auto found = std::ranges::find(members, id, &MemberLine::id);
  return found == members.end() ? nullptr : &*found;
}

bool MembershipView::votes(std::uint64_t id) const { return std::ranges::find(voters, id) != voters.end(); }

std::optional<MembershipView> read_membership_view(std::string_view message) {
  MembershipView view;
  codec::FieldReader fields(message);
  bool ok = true;
  while (ok && fields.next()) {
    switch (fields.number()) {
      case 1: view.leader = fields.value(); break;
      case 2: view.commit = fields.value(); break;
      case 3: view.told_by_leader = fields.boolean(); break;
      case 4: ok = read_numbers(fields, view.voters); break;
      case 5: ok = read_numbers(fields, view.outgoing_voters); break;
      case 6: ok = read_member(fields.bytes(), view.members.emplace_back()); break;
      case 7: view.quorum_sizes.phase_1 = static_cast<std::uint32_t>(fields.value()); break;
      case 8: view.quorum_sizes.phase_2 = static_cast<std::uint32_t>(fields.value()); break;
      default: break;
    }
  }
  return ok && fields.ok() ? std::optional(std::move(view)) : std::nullopt;
}

std::string encode_set_request(const std::vector<std::uint64_t>& voters) {
  std::string message;
  for (const std::uint64_t voter : voters) {
    codec::append_varint(message, 1U << 3);
    codec::append_varint(message, voter);
  }
  return message;
}

std::string encode_add_learner_request(std::string_view peer_urls) {
  std::string message;
  while (!peer_urls.empty()) {
    const std::size_t comma = peer_urls.find(',');
    const std::string_view url = peer_urls.substr(0, comma);
    codec::append_varint(message, 1U << 3 | 2U);
    codec::append_varint(message, url.size());
    message.append(url);
    peer_urls = comma == std::string_view::npos ? std::string_view() : peer_urls.substr(comma + 1);
  }
  return message;
}

std::string describe_members(const MembershipView& view) {
  std::vector<std::vector<std::string>> rows = {{"ID", "NAME", "ROLE", "LOG", "PEER URLS", "CLIENT URLS"}};
  for (const MemberLine& member : view.members) {
    rows.push_back({hex_text(member.id), member.name.empty() ? "-" : member.name, role_of(view, member),
                    state_of(view, member), joined(member.peer_urls), joined(member.client_urls)});
  }
  std::vector<std::size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (auto& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      row[i].resize(widths[i] + 2, ' ');
      text += row[i];
    }
    text += row.back() + "\n";
  }
  return text;
}

std::string describe_quorum(const MembershipView& view, const std::vector<std::uint64_t>& voters) {
  std::string names;
  for (const std::uint64_t id : voters) {
    names += (names.empty() ? "" : ", ") + label(view, id);
  }
  const std::string phase_1 = "any " + std::to_string(view.quorum_sizes.phase_1_of(voters.size()));
  const std::string phase_2 = "any " + std::to_string(view.quorum_sizes.phase_2_of(voters.size()));
  return (view.quorum_sizes.are_majorities() ? phase_1 : phase_1 + " (phase 1) and " + phase_2 + " (phase 2)") +
         " of " + names;
}

}  // namespace quorate
