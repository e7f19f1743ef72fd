#pragma once
// The register's gRPC service (proto/quorate/register.proto) and its HTTP pages: translation only.
//
// Invariants: 1. every call is answered exactly once, or its client is gone. 2. a call of etcd's API is answered with
//                UNIMPLEMENTED and a text that says what is served here instead. 3. keys that begin with a zero byte
//                are the server's own.
// Owned by `server`, on the node's loop; outlives its connections.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "env/clock.h"
#include "rpc/server.h"
#include "service/register_service.h"

namespace quorate::register_api {

class Api final : public rpc::Handler, public rpc::HttpHandler {
 public:
  /// `metrics` gives the text of /metrics, `version` that of /version.
  Api(service::RegisterService& keys, const env::Clock& clock, std::function<std::string()> metrics,
      std::string version);

  /// Asks a majority for a key of the server's own: what a health check does. `to` is told the outcome.
  void ask_majority(Duration patience, service::RegisterAnswerTo to);

  // rpc::Handler
  [[nodiscard]] const rpc::Method* find(std::string_view path) const override;
  [[nodiscard]] bool serves(std::string_view service) const override;
  void on_call(rpc::Call& call) override;
  void on_message(rpc::Call& call, Buffer message) override;
  void on_half_close(rpc::Call& /*call*/) override {}
  void on_call_gone(rpc::Call& call) override;
  // rpc::HttpHandler
  void on_request(rpc::HttpRequest request, std::shared_ptr<rpc::HttpResponder> responder) override;

 private:
  /// A call that waits for the service.
  struct Waiting {
    rpc::Call* call = nullptr;
    Buffer wish;  ///< of a proposal
  };

  void on_proposed(std::uint64_t token, const service::RegisterAnswer& answer);
  void on_learnt(std::uint64_t token, const service::RegisterAnswer& answer);
  void on_health(std::uint64_t token, const service::RegisterAnswer& answer);
  [[nodiscard]] Waiting take(std::uint64_t token);

  service::RegisterService& keys_;
  const env::Clock& clock_;
  std::function<std::string()> metrics_;
  std::string version_;
  rpc::Method propose_;
  rpc::Method learn_;
  rpc::Method foreign_;  ///< any of etcd's
  std::uint64_t last_token_ = 0;
  std::map<std::uint64_t, Waiting> waiting_;
  std::map<std::uint64_t, std::shared_ptr<rpc::HttpResponder>> health_;
};

}  // namespace quorate::register_api
