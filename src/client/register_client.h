#pragma once
// The library's door to a register of keys that are written once (docs/register.md): what `quorate paxos` is made of.
//
//   client::RegisterClient keys({"10.0.0.1:2379", "10.0.0.2:2379", "10.0.0.3:2379"});
//   Result<client::Decision> colour = keys.propose("colour", "red");   // blocks until a majority has decided
//   if (colour && !colour->is_yours) { ... colour->value is what somebody else proposed first ... }
//
// Invariants: 1. a key that was decided has that value for ever, whoever asks. 2. one endpoint after the other is asked
//                until one answers, from the one that answered last on: asking again is harmless.
// Blocking; not to be used by two threads at once. Wire: proto/quorate/register.proto.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace quorate::client {

struct Decision {
  std::string value;
  bool is_yours = false;  ///< the value is the one that was proposed here, also if somebody proposed the same
};

class RegisterClient {
 public:
  static constexpr Duration kPatience = std::chrono::seconds(10);

  /// `endpoints`: the nodes' client addresses, "host:port". `patience`: for each call of one node.
  explicit RegisterClient(std::vector<std::string> endpoints, Duration patience = kPatience)
      : endpoints_(std::move(endpoints)), patience_(patience) {}

  /// Has `value` chosen for `key` unless another is. Key: 1 to 4,096 bytes, the first not zero; value: at most the
  /// nodes' --max-request-bytes (1.5 MiB). ErrorCode::invalid: no endpoint, or not an address. ErrorCode::io: no node
  /// answered, or each refused, and the text says why; the value may still be chosen, later too.
  [[nodiscard]] Result<Decision> propose(std::string_view key, std::string_view value);

  /// What `key` is; nothing: it was not decided when a majority was asked. A proposal that was left half done is
  /// finished first. Errors as of propose().
  [[nodiscard]] Result<std::optional<std::string>> learn(std::string_view key);

 private:
  [[nodiscard]] Result<std::string> ask(std::string_view path, std::string_view message);

  std::vector<std::string> endpoints_;
  Duration patience_;
  std::size_t first_ = 0;  ///< who is asked first
};

}  // namespace quorate::client
