// Feeds our reader of requests and protobuf's the same bytes: both must accept them or refuse them, and find the same
// value in every field. The first byte chooses the message.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "codec/etcd_test_same.h"

namespace quorate::codec {
namespace {

namespace pb = etcdserverpb;

template <class Ours, class Theirs>
void compare(std::string_view bytes) {
  Ours ours;
  Theirs theirs;
  const bool we_accept = read_request(bytes, ours);
  const bool they_accept = theirs.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  // We refuse nesting beyond 64 levels, protobuf beyond 100: of a message that deep each level takes two bytes.
  const bool may_be_deep = bytes.size() >= 2 * kMaxMessageDepth;
  QUORATE_ASSERT(we_accept == they_accept || (they_accept && may_be_deep), "both accept the bytes or both refuse them",
                 we_accept, they_accept);
  QUORATE_ASSERT(!we_accept || test::same(ours, theirs), "both find the same values", bytes.size());
}

}  // namespace
}  // namespace quorate::codec

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quorate::codec;
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: compare<RangeRequest, pb::RangeRequest>(bytes); break;
    case 1: compare<PutRequest, pb::PutRequest>(bytes); break;
    case 2: compare<DeleteRangeRequest, pb::DeleteRangeRequest>(bytes); break;
    case 3: compare<CompactionRequest, pb::CompactionRequest>(bytes); break;
    case 4: compare<LeaseGrantRequest, pb::LeaseGrantRequest>(bytes); break;
    case 5: compare<LeaseRevokeRequest, pb::LeaseRevokeRequest>(bytes); break;
    case 6: compare<AlarmRequest, pb::AlarmRequest>(bytes); break;
    default: compare<TxnRequest, pb::TxnRequest>(bytes); break;
  }
  return 0;
}
