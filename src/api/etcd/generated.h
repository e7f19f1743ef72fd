#pragma once
// Generated protobuf for the calls that are too rare to have a codec of their own.
//
// Messages live in an arena of the function that makes them. Included by .cc files only: the header behind it is heavy.

#include <google/protobuf/arena.h>
#include <google/protobuf/message.h>

#include "base/bytes.h"

namespace quorate::etcd {

template <class Message>
[[nodiscard]] Message& make(google::protobuf::Arena& arena) {
  return *google::protobuf::Arena::CreateMessage<Message>(&arena);
}

[[nodiscard]] inline Buffer encode(const google::protobuf::Message& message) {
  return Buffer::adopt(message.SerializeAsString());
}

/// False: the bytes are no such message.
[[nodiscard]] inline bool parse(google::protobuf::Message& message, ByteView bytes) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace quorate::etcd
