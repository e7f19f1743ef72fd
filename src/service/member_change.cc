#include "service/member_change.h"

#include <algorithm>

#include "codec/reader.h"
#include "codec/writer.h"
#include "consensus/contract/membership_codec.h"

namespace quorate::service {
namespace {

constexpr std::uint8_t kVersion = 1;

bool has_urls(MemberChange::Kind kind) {
  using Kind = MemberChange::Kind;
  return kind == Kind::add || kind == Kind::add_learner || kind == Kind::update;
}

bool is_sound(const MemberChange& change) {
  using Kind = MemberChange::Kind;
  const bool is_set = change.kind == Kind::set;
  const bool may_lack_node = is_set || change.kind == Kind::add || change.kind == Kind::add_learner;
  const bool is_printable = std::ranges::all_of(change.urls, [](char c) { return c > 0x20 && c < 0x7F; });
  return change.kind >= Kind::add && change.kind <= Kind::set && (may_lack_node || !change.node.is_none()) &&
         has_urls(change.kind) == !change.urls.empty() && change.urls.size() <= consensus::kMaxContactBytes &&
         is_printable && is_set == !change.voters.empty() && change.voters.size() <= consensus::kMaxMembers &&
         std::ranges::adjacent_find(change.voters, std::ranges::greater_equal()) == change.voters.end() &&
         (change.voters.empty() || !change.voters.front().is_none());
}

}  // namespace

Buffer encode_member_change(const MemberChange& change) {
  codec::Writer writer;
  writer.u8(kVersion);
  writer.u8(static_cast<std::uint8_t>(change.kind));
  writer.varint(change.node.value());
  writer.varint(change.max_learners);
  writer.sized_bytes(change.urls);
  writer.varint(change.voters.size());
  for (const NodeId node : change.voters) {
    writer.varint(node.value());
  }
  return writer.take_buffer();
}

std::optional<MemberChange> decode_member_change(ByteView bytes) {
  codec::Reader reader(bytes);
  MemberChange change;
  const std::uint8_t version = reader.u8();
  change.kind = static_cast<MemberChange::Kind>(reader.u8());
  change.node = NodeId(reader.varint());
  change.max_learners = static_cast<std::uint32_t>(reader.varint());
  change.urls = std::string(reader.sized_bytes());
  const std::uint64_t count = reader.varint();
  if (version != kVersion || !reader.ok() || count > reader.remaining()) {
    return std::nullopt;
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    change.voters.emplace_back(reader.varint());
  }
  return reader.finished() && is_sound(change) ? std::optional(std::move(change)) : std::nullopt;
}

Buffer encode_member_answer(NodeId node) {
  codec::Writer writer;
  writer.u64(node.value());
  return writer.take_buffer();
}

NodeId read_member_answer(ByteView body) {
  codec::Reader reader(body);
  return NodeId(reader.u64());
}

}  // namespace quorate::service
