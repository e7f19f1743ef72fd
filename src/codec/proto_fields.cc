#include "codec/proto_fields.h"

namespace quorate::codec {

bool FieldReader::skip_group() {
  const std::uint32_t outermost = number_;
  std::uint32_t open[kMaxMessageDepth];
  int depth = 0;
  open[depth++] = outermost;
  while (depth > 0) {
    if (!read_tag()) {
      return false;
    }
    if (type_ == WireType::group) {
      if (depth == kMaxMessageDepth) {
        return false;
      }
      open[depth++] = number_;
    } else if (type_ == WireType::end_group) {
      if (open[--depth] != number_) {
        return false;
      }
    } else if (!read_payload()) {
      return false;
    }
  }
  number_ = outermost;
  type_ = WireType::group;
  return true;
}

}  // namespace quorate::codec
