#include "api/etcd/headers.h"

#include <algorithm>

#include "base/assert.h"
#include "codec/varint.h"

namespace quorate::etcd {
namespace {

constexpr char kHeaderTag = 0x0A;    // field 1, bytes
constexpr char kRevisionTag = 0x18;  // ResponseHeader.revision, varint
constexpr char kTermTag = 0x20;      // ResponseHeader.raft_term, varint
constexpr std::size_t kMaxHeaderBytes = 2 + 4 * (1 + codec::kMaxVarintBytes);

void append_id(std::string& out, char tag, std::uint64_t id) {
  if (id != 0) {
    out.push_back(tag);
    codec::append_varint(out, id);
  }
}

}  // namespace

char* put_varint(char* to, std::uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<char>(static_cast<unsigned char>(value | 0x80));
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}

char* Pieces::room(std::size_t size) {
  if (block_ == nullptr || size_ - used_ < size) {
    size_ = std::max(size, kBlockBytes);
    block_ = std::make_shared_for_overwrite<char[]>(size_);
    used_ = 0;
  }
  return block_.get() + used_;
}

Buffer Pieces::commit(const char* end) {
  const char* begin = block_.get() + used_;
  const auto size = static_cast<std::size_t>(end - begin);
  QUORATE_ASSERT(size <= size_ - used_, "a piece lies in its room", size, size_, used_);
  used_ += size;
  return Buffer::share(block_, ByteView(begin, size));
}

Headers::Headers(ClusterId cluster, NodeId member) {
  append_id(identity_, 0x08, cluster.value());
  append_id(identity_, 0x10, member.value());
}

const Buffer& Headers::header(std::int64_t revision, Tag term) {
  if (is_set_ && revision == revision_ && term == term_) {
    return header_;
  }
  char* begin = pieces_.room(kMaxHeaderBytes);
  char* to = std::copy(identity_.begin(), identity_.end(), begin + 2);
  if (revision != 0) {
    *to++ = kRevisionTag;
    to = put_varint(to, static_cast<std::uint64_t>(revision));
  }
  if (!term.is_none()) {
    *to++ = kTermTag;
    to = put_varint(to, term.value());
  }
  begin[0] = kHeaderTag;
  begin[1] = static_cast<char>(to - begin - 2);  // at most 44 bytes: one byte of length
  header_ = pieces_.commit(to);
  revision_ = revision;
  term_ = term;
  is_set_ = true;
  return header_;
}

}  // namespace quorate::etcd
