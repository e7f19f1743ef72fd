#include "group/contact_book.h"

#include "codec/reader.h"
#include "codec/writer.h"
#include "consensus/contract/membership_codec.h"

namespace quorate::group {

bool ContactBook::learn(const consensus::Contact& contact) {
  consensus::Contact& known = contacts_[contact.node];
  const bool is_news = known != contact;
  known = contact;
  return is_news;
}

std::vector<consensus::Contact> ContactBook::all() const {
  std::vector<consensus::Contact> result;
  for (const auto& [node, contact] : contacts_) {
    result.push_back(contact);
  }
  return result;
}

std::string address_of(const consensus::Contact& contact) {
  const std::string first = contact.urls.substr(0, contact.urls.find(','));
  const std::size_t scheme = first.find("://");
  return scheme == std::string::npos ? first : first.substr(scheme + 3);
}

namespace {

/// Stands where a configuration would begin, and is no version of one.
constexpr char kSizesFollow = 's';

}  // namespace

Buffer encode_members_answer(const MembersAnswer& answer) {
  codec::Writer writer;
  writer.u64(answer.cluster.value());
  if (!answer.quorum_sizes.are_majorities()) {
    writer.u8(kSizesFollow);
    writer.u32(answer.quorum_sizes.phase_1);
    writer.u32(answer.quorum_sizes.phase_2);
  }
  writer.bytes(consensus::encode_configuration(answer.configuration).view());
  return writer.take_buffer();
}

std::optional<MembersAnswer> decode_members_answer(ByteView bytes) {
  codec::Reader reader(bytes);
  const ClusterId cluster(reader.u64());
  if (!reader.ok() || cluster.is_none()) {
    return std::nullopt;
  }
  quorum::PhaseSizes sizes;
  if (bytes.substr(sizeof(std::uint64_t)).starts_with(kSizesFollow)) {
    (void)reader.u8();
    sizes.phase_1 = reader.u32();
    sizes.phase_2 = reader.u32();
  }
  std::optional<consensus::Configuration> configuration =
      consensus::decode_configuration(reader.bytes(reader.remaining()));
  if (!configuration) {
    return std::nullopt;
  }
  return MembersAnswer{cluster, std::move(*configuration), sizes};
}

}  // namespace quorate::group
