#pragma once
// Response headers, encoded once per revision and term; and small pieces of messages without an allocation each.
//
// Invariants: 1. a piece's bytes never change after commit(). 2. the header of the same revision, term and thread is
//                the same bytes. Owned by the Api, on the loop.

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"

namespace quorate::etcd {

/// Hands out small Buffers that share blocks.
class Pieces {
 public:
  /// Room for `size` bytes; the next commit() takes what was filled of it.
  [[nodiscard]] char* room(std::size_t size);
  [[nodiscard]] Buffer commit(const char* end);

 private:
  static constexpr std::size_t kBlockBytes = 4096;
  std::shared_ptr<char[]> block_;
  std::size_t used_ = 0;
  std::size_t size_ = 0;
};

class Headers {
 public:
  Headers(ClusterId cluster, NodeId member);

  /// Field 1 of a response, ResponseHeader, whole: tag, length and content. A zero revision is left out.
  [[nodiscard]] const Buffer& header(std::int64_t revision, Tag term);

  [[nodiscard]] Pieces& pieces() { return pieces_; }

 private:
  std::string identity_;  ///< cluster_id and member_id, encoded
  Pieces pieces_;
  bool is_set_ = false;
  std::int64_t revision_ = 0;
  Tag term_;
  Buffer header_;
};

/// Writes a varint; returns the first byte behind it.
char* put_varint(char* to, std::uint64_t value);

}  // namespace quorate::etcd
