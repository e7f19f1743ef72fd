#include "consensus/contract/membership_codec.h"

#include "base/assert.h"
#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::consensus {
namespace {

constexpr std::uint8_t kVersion = 1;

void write_nodes(codec::Writer& writer, const std::vector<NodeId>& nodes) {
  QUORATE_ASSERT(nodes.size() <= kMaxMembers, "a membership is small", nodes.size());
  writer.varint(nodes.size());
  for (const NodeId node : nodes) {
    writer.varint(node.value());
  }
}

bool read_nodes(codec::Reader& reader, std::vector<NodeId>& nodes) {
  const std::uint64_t count = reader.varint();
  if (count > kMaxMembers || count > reader.remaining()) {
    return false;
  }
  nodes.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const NodeId node(reader.varint());
    if (node.is_none() || (!nodes.empty() && node <= nodes.back())) {
      return false;
    }
    nodes.push_back(node);
  }
  return reader.ok();
}

}  // namespace

Buffer encode_membership(const Membership& membership) {
  codec::Writer writer;
  writer.u8(kVersion);
  write_nodes(writer, membership.voters);
  write_nodes(writer, membership.outgoing_voters);
  write_nodes(writer, membership.learners);
  return writer.take_buffer();
}

std::optional<Membership> decode_membership(ByteView bytes) {
  codec::Reader reader(bytes);
  Membership membership;
  if (reader.u8() != kVersion || !read_nodes(reader, membership.voters) ||
      !read_nodes(reader, membership.outgoing_voters) || !read_nodes(reader, membership.learners) ||
      !reader.finished()) {
    return std::nullopt;
  }
  return membership;
}

}  // namespace quorate::consensus
