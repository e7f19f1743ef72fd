#pragma once
// What a front end calls: the write-once register of one group, on any node. No node leads: the one that is asked
// proposes.
//
// Invariants: 1. every accepted request is answered exactly once, by its deadline at the latest, never inside the call.
//             2. `decided` is told only with the value that a quorum has chosen, and that this node knows by then.
//             3. requests that wait are bounded: beyond them `busy`.
// A proposal that timed out may still be chosen: `timed_out` is unknown, and asking again is harmless, because a key is
// decided once. Owned by `server` or `sim`, on the node's loop.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/bytes.h"
#include "base/callback.h"
#include "base/ids.h"
#include "base/time.h"
#include "env/clock.h"
#include "env/loop.h"
#include "group/host.h"
#include "state/register/register.h"

namespace quorate::service {

struct RegisterAnswer {
  enum class Outcome : std::uint8_t {
    decided,      ///< the key is `value`, for ever; of a proposal: perhaps another's
    not_decided,  ///< of learn(): when it was asked, nothing was chosen
    timed_out,    ///< unknown for proposals: no quorum answered in time, or others competed for so long
    busy,         ///< nothing was done: the node has too much to do
    refused,      ///< nothing was done: key or value are too large, or there is no key
  };
  Outcome outcome = Outcome::decided;
  Buffer value;
};
using RegisterAnswerTo = Callback<const RegisterAnswer&>;

struct RegisterConfig {
  std::size_t max_key_bytes = 4096;
  std::size_t max_value_bytes = 1'572'864;
  std::size_t max_pending_requests = 20'000;
};

class RegisterService final : public group::GroupEvents, public write_once::RegisterObserver {
 public:
  RegisterService(RegisterConfig config, const env::Clock& clock, env::Loop& loop)
      : config_(config), clock_(clock), loop_(loop) {}
  ~RegisterService() override;
  RegisterService(const RegisterService&) = delete;
  RegisterService& operator=(const RegisterService&) = delete;

  /// Wires the service to its replica and state machine; before Host::start().
  void attach(group::Replica& replica, const write_once::Register& keys);

  /// Has `value` chosen for `key`, unless another is.
  void propose(Buffer key, Buffer value, Instant deadline, RegisterAnswerTo to);
  /// What `key` is, of a state that includes all that was decided when it was asked.
  void learn(Buffer key, Instant deadline, RegisterAnswerTo to);

  [[nodiscard]] std::size_t pending() const { return requests_.size(); }

  // GroupEvents
  void on_role_changed(const consensus::RoleChanged& /*change*/) override {}
  void on_dropped(Context context, consensus::Dropped::Outcome outcome) override;
  void on_read_ready(Context context) override;
  void on_service_message(NodeId /*from*/, Buffer /*message*/) override {}
  void on_peer_down(NodeId /*node*/) override {}
  // RegisterObserver
  void on_decided(const Buffer& key, const Buffer& value) override;

 private:
  struct Request {
    Buffer key;
    bool is_proposal = false;
    Instant deadline;
    RegisterAnswerTo to;
    std::optional<RegisterAnswer::Outcome> refusal;  ///< is told at the end of the turn
  };

  [[nodiscard]] Context add(Request request);
  [[nodiscard]] std::optional<RegisterAnswer::Outcome> objection_to(ByteView key, std::size_t value_bytes) const;
  void refuse(Context context, RegisterAnswer::Outcome why);
  void answer(Context context, const RegisterAnswer& answer);
  void arm();
  void on_deadline(std::uint64_t);
  void tell_refused(std::uint64_t context);

  RegisterConfig config_;
  const env::Clock& clock_;
  env::Loop& loop_;
  group::Replica* replica_ = nullptr;
  const write_once::Register* keys_ = nullptr;
  std::uint64_t last_context_ = 0;
  std::map<Context, Request> requests_;
  std::set<std::pair<Instant, Context>> deadlines_;
  std::map<std::string, std::set<Context>, std::less<>> proposals_;  ///< that wait, by key
  env::TimerId timer_ = 0;
  Instant armed_for_;
};

}  // namespace quorate::service
