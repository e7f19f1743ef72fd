#pragma once
// The HTTP pages beside the gRPC API: health, liveness, readiness, version and metrics, as etcd answers them.
//
// Invariants: 1. a check does what a client's request would do: it reads through the service. 2. at most kMaxInquiries
//                checks wait at a time; more are answered 503 at once. 3. a page that is not there says what to use.
// Owned by `server`, on the node's loop; outlives its connections. Facts: etcd's HTTP, section 6.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/target.h"
#include "env/clock.h"
#include "env/loop.h"
#include "rpc/server.h"
#include "service/kv_service.h"

namespace quorate::http {

/// What /version tells.
struct Versions {
  std::string server;
  std::string cluster;
  std::string storage;
};

class Pages : public rpc::HttpHandler {
 public:
  /// `metrics` gives the text of /metrics.
  Pages(service::KvService& service, const env::Clock& clock, std::function<std::string()> metrics, Versions versions);
  ~Pages() override;
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  void on_request(rpc::HttpRequest request, std::shared_ptr<rpc::HttpResponder> responder) override;

 private:
  enum class Check : std::uint8_t { data_corruption, serializable_read, linearizable_read, non_learner };
  struct Outcome {
    Check check;
    bool excluded = false;
    std::string failure;  ///< empty: fine
  };
  /// One request that waits for reads.
  struct Inquiry {
    std::shared_ptr<rpc::HttpResponder> responder;
    bool is_health = false;  ///< /health, else /livez and /readyz
    bool verbose = false;
    std::vector<Outcome> outcomes;
    std::vector<service::Ticket> tickets;
    std::size_t waiting = 0;
  };

  [[nodiscard]] static std::string_view name_of(Check check);
  void begin_health(const Target& target, std::shared_ptr<rpc::HttpResponder> responder);
  void begin_checks(const Target& target, std::string_view root, std::vector<Check> checks,
                    std::shared_ptr<rpc::HttpResponder> responder);
  void run(std::unique_ptr<Inquiry> inquiry);
  void on_read(std::uint64_t token, const service::Answer& answer);
  void complete(std::size_t slot);
  [[nodiscard]] static rpc::HttpResponse health_page(std::string_view failure);
  [[nodiscard]] static rpc::HttpResponse checks_page(const Inquiry& inquiry);
  [[nodiscard]] bool has_alarm(std::int32_t type) const;

  service::KvService& service_;
  const env::Clock& clock_;
  std::function<std::string()> metrics_;
  Versions versions_;
  std::vector<std::unique_ptr<Inquiry>> inquiries_;  ///< by slot; null: free
};

}  // namespace quorate::http
