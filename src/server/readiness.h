#pragma once
// From "started" to "ready to serve client requests": a first write of this member must commit and be executed here,
// which proves a majority. Until then a person is told what is missing.
//
// Owned by the node, on the loop.

#include <functional>
#include <string>

#include "env/clock.h"
#include "env/loop.h"
#include "group/host.h"
#include "server/event_log.h"
#include "server/identity.h"
#include "server/peer_probes.h"
#include "service/kv_service.h"

namespace quorate::server {

class Readiness {
 public:
  /// `ready` is called once.
  Readiness(const ClusterIdentity& identity, group::Host& host, service::KvService& service, env::Loop& loop,
            const env::Clock& clock, PeerProbes& probes, EventLog& log, std::function<void()> ready);
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  /// Begins to publish `member` (an encoded etcdserverpb.Member) through consensus.
  void start(Buffer member);
  [[nodiscard]] bool is_ready() const { return ready_done_; }

 private:
  void publish(std::uint64_t);
  void on_published(std::uint64_t, const service::Answer& answer);
  void ask_absent_peers(std::uint64_t);
  void explain(std::uint64_t);
  [[nodiscard]] std::string missing_majority() const;

  const ClusterIdentity& identity_;
  group::Host& host_;
  service::KvService& service_;
  env::Loop& loop_;
  const env::Clock& clock_;
  PeerProbes& probes_;
  EventLog& log_;
  std::function<void()> ready_;
  Buffer member_;
  env::TimerId retry_timer_ = 0;
  env::TimerId explain_timer_ = 0;
  bool ready_done_ = false;
};

}  // namespace quorate::server
