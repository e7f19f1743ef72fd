#include "client/register_client.h"

#include <utility>

#include "client/rpc_client.h"
#include "codec/proto_fields.h"
#include "codec/writer.h"

namespace quorate::client {
namespace {

constexpr std::string_view kPropose = "/quorate.v1.Register/Propose";
constexpr std::string_view kLearn = "/quorate.v1.Register/Learn";

std::string encode(std::string_view key, std::string_view value) {
  codec::Writer writer;
  for (const auto& [number, bytes] : {std::pair(1U, key), std::pair(2U, value)}) {
    if (!bytes.empty()) {
      writer.varint(number << 3 | 2U);
      writer.sized_bytes(bytes);
    }
  }
  return writer.take();
}

}  // namespace

Result<Decision> RegisterClient::propose(std::string_view key, std::string_view value) {
  const Result<std::string> answer = ask(kPropose, encode(key, value));
  if (!answer) {
    return std::unexpected(answer.error());
  }
  Decision decision;
  codec::FieldReader reader(*answer);
  while (reader.next()) {
    decision.value = reader.is_bytes(1) ? std::string(reader.bytes()) : std::move(decision.value);
    decision.is_yours = reader.is_varint(2) ? reader.boolean() : decision.is_yours;
  }
  return decision;
}

Result<std::optional<std::string>> RegisterClient::learn(std::string_view key) {
  const Result<std::string> answer = ask(kLearn, encode(key, {}));
  if (!answer) {
    return std::unexpected(answer.error());
  }
  std::string value;
  bool is_decided = false;
  codec::FieldReader reader(*answer);
  while (reader.next()) {
    is_decided = reader.is_varint(1) ? reader.boolean() : is_decided;
    value = reader.is_bytes(2) ? std::string(reader.bytes()) : std::move(value);
  }
  return is_decided ? std::optional(std::move(value)) : std::nullopt;
}

Result<std::string> RegisterClient::ask(std::string_view path, std::string_view message) {
  const auto patience_ms = std::chrono::duration_cast<std::chrono::milliseconds>(patience_).count();
  Result<std::string> answer = fail(ErrorCode::invalid, "no endpoint given");
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const std::size_t at = (first_ + i) % endpoints_.size();
    answer = call_node(endpoints_[at], path, message, static_cast<int>(patience_ms));
    if (answer) {
      first_ = at;
      return answer;
    }
  }
  return answer;
}

}  // namespace quorate::client
