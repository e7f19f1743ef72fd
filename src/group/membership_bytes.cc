#include "group/membership_bytes.h"

#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::group {
namespace {

void write_nodes(codec::Writer& writer, const std::vector<NodeId>& nodes) {
  writer.varint(nodes.size());
  for (const NodeId node : nodes) {
    writer.varint(node.value());
  }
}

bool read_nodes(codec::Reader& reader, std::vector<NodeId>& nodes) {
  const std::uint64_t count = reader.varint();
  if (count > reader.remaining()) {
    return false;
  }
  nodes.reserve(static_cast<std::size_t>(count));
  NodeId last;
  for (std::uint64_t i = 0; i < count; ++i) {
    const NodeId node(reader.varint());
    if (!reader.ok() || node <= last) {
      return false;
    }
    nodes.push_back(node);
    last = node;
  }
  return true;
}

}  // namespace

Buffer encode_membership(const consensus::Membership& membership) {
  codec::Writer writer;
  write_nodes(writer, membership.voters);
  write_nodes(writer, membership.outgoing_voters);
  write_nodes(writer, membership.learners);
  return writer.take_buffer();
}

Result<consensus::Membership> decode_membership(ByteView bytes) {
  consensus::Membership membership;
  if (bytes.empty()) {
    return membership;
  }
  codec::Reader reader(bytes);
  if (!read_nodes(reader, membership.voters) || !read_nodes(reader, membership.outgoing_voters) ||
      !read_nodes(reader, membership.learners) || !reader.finished()) {
    return fail(ErrorCode::corrupt, "the membership kept with the log's beginning is damaged");
  }
  return membership;
}

}  // namespace quorate::group
