#include "state/kv/command.h"

#include <string>

#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::kv {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderSize = 42;

}  // namespace

Buffer encode_command(const CommandHeader& header, ByteView request) {
  codec::Writer out;
  out.reserve(kHeaderSize + request.size());
  out.u8(kVersion);
  out.u8(static_cast<std::uint8_t>(header.kind));
  out.u64(header.request.origin.value());
  out.u64(header.request.incarnation.value());
  out.u64(header.request.number);
  out.u64(static_cast<std::uint64_t>(header.time.unix_ms));
  out.u64(header.expired_in.value());
  out.bytes(request);
  return out.take_buffer();
}

Result<Command> decode_command(ByteView bytes) {
  codec::Reader in(bytes);
  const std::uint8_t version = in.u8();
  const std::uint8_t kind = in.u8();
  if (in.ok() && version != kVersion) {
    return fail(version > kVersion ? ErrorCode::newer_format : ErrorCode::corrupt,
                "command has version " + std::to_string(version) + ", this program knows " + std::to_string(kVersion));
  }
  Command command;
  command.header.kind = static_cast<CommandKind>(kind);
  command.header.request.origin = NodeId(in.u64());
  command.header.request.incarnation = Incarnation(in.u64());
  command.header.request.number = in.u64();
  command.header.time.unix_ms = static_cast<std::int64_t>(in.u64());
  command.header.expired_in = Tag(in.u64());
  if (!in.ok()) {
    return fail(ErrorCode::corrupt, "command has " + std::to_string(bytes.size()) + " bytes, its header alone has " +
                                        std::to_string(kHeaderSize));
  }
  if (kind < static_cast<std::uint8_t>(CommandKind::put) ||
      kind > static_cast<std::uint8_t>(CommandKind::publish_member)) {
    return fail(ErrorCode::newer_format, "command is of the unknown kind " + std::to_string(kind));
  }
  command.request = in.rest();
  return command;
}

}  // namespace quorate::kv
