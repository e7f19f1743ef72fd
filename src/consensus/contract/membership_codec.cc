#include "consensus/contract/membership_codec.h"

#include <algorithm>

#include "base/assert.h"
#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::consensus {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kVersionWithContacts = 2;
constexpr std::string_view kJoins = " joins";

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

void write_membership(codec::Writer& writer, const Membership& membership) {
  write_nodes(writer, membership.voters);
  write_nodes(writer, membership.outgoing_voters);
  write_nodes(writer, membership.learners);
}

bool read_membership(codec::Reader& reader, Membership& membership) {
  return read_nodes(reader, membership.voters) && read_nodes(reader, membership.outgoing_voters) &&
         read_nodes(reader, membership.learners);
}

bool is_readable(ByteView urls) {
  return !urls.empty() && urls.size() <= kMaxContactBytes &&
         std::ranges::all_of(urls, [](char c) { return c > 0x20 && c < 0x7F; });
}

bool read_contacts(codec::Reader& reader, std::vector<Contact>& contacts) {
  const std::uint64_t count = reader.varint();
  if (count == 0 || count > kMaxContacts || count > reader.remaining()) {
    return false;
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    const NodeId node(reader.varint());
    const std::uint8_t flags = reader.u8();
    const ByteView urls = reader.sized_bytes();
    if (!reader.ok() || node.is_none() || flags > 1 || !is_readable(urls) ||
        (!contacts.empty() && node <= contacts.back().node)) {
      return false;
    }
    contacts.push_back({node, std::string(urls), flags == 1});
  }
  return true;
}

}  // namespace

Buffer encode_membership(const Membership& membership) {
  codec::Writer writer;
  writer.u8(kVersion);
  write_membership(writer, membership);
  return writer.take_buffer();
}

std::optional<Membership> decode_membership(ByteView bytes) {
  codec::Reader reader(bytes);
  Membership membership;
  if (reader.u8() != kVersion || !read_membership(reader, membership) || !reader.finished()) {
    return std::nullopt;
  }
  return membership;
}

std::string contact_text(const Contact& contact) {
  return contact.urls + (contact.will_vote ? std::string(kJoins) : std::string());
}

Contact contact_from_text(NodeId node, std::string_view text) {
  const bool joins = text.ends_with(kJoins);
  return {node, std::string(text.substr(0, text.size() - (joins ? kJoins.size() : 0))), joins};
}

Buffer encode_configuration(const Configuration& configuration) {
  if (configuration.contacts.empty()) {
    return encode_membership(configuration.membership);
  }
  codec::Writer writer;
  writer.u8(kVersionWithContacts);
  write_membership(writer, configuration.membership);
  writer.varint(configuration.contacts.size());
  for (const Contact& contact : configuration.contacts) {
    QUORATE_ASSERT(is_readable(contact.urls), "a contact was checked before", contact.node, contact.urls.size());
    writer.varint(contact.node.value());
    writer.u8(contact.will_vote ? 1 : 0);
    writer.sized_bytes(contact.urls);
  }
  return writer.take_buffer();
}

std::optional<Configuration> decode_configuration(ByteView bytes) {
  codec::Reader reader(bytes);
  const std::uint8_t version = reader.u8();
  Configuration configuration;
  if ((version != kVersion && version != kVersionWithContacts) || !read_membership(reader, configuration.membership) ||
      (version == kVersionWithContacts && !read_contacts(reader, configuration.contacts)) || !reader.finished()) {
    return std::nullopt;
  }
  return configuration;
}

}  // namespace quorate::consensus
