#include "sim/watched_core.h"

#include <utility>
#include <variant>
#include <vector>

namespace quorate::sim {
namespace {

class WatchedCore final : public consensus::Core {
 public:
  WatchedCore(std::unique_ptr<consensus::Core> core, const ReplicaName& replica, CoreObserver& observer)
      : core_(std::move(core)), replica_(replica), observer_(observer) {}

  void step(Instant now, const consensus::Input& input) override {
    if (const auto* persisted = std::get_if<consensus::Persisted>(&input)) {
      observer_.on_core_durable(replica_, persisted->io);
    } else if (const auto* receive = std::get_if<consensus::Receive>(&input)) {
      observer_.on_core_receive(replica_, *receive);
    }
    core_->step(now, input);
  }
  void take_effects(std::vector<consensus::Effect>& out) override {
    const std::size_t before = out.size();
    core_->take_effects(out);
    for (std::size_t i = before; i < out.size(); ++i) {
      observer_.on_core_effect(replica_, out[i], *core_);
    }
  }
  [[nodiscard]] consensus::CoreStatus status() const override { return core_->status(); }
  [[nodiscard]] std::unique_ptr<consensus::Core> clone() const override {
    return std::make_unique<WatchedCore>(core_->clone(), replica_, observer_);
  }
  void hash_into(Hasher& hasher) const override { core_->hash_into(hasher); }

 private:
  std::unique_ptr<consensus::Core> core_;
  ReplicaName replica_;
  CoreObserver& observer_;
};

}  // namespace

consensus::CoreFactory watched(const consensus::CoreFactory& factory, const ReplicaName& replica,
                               CoreObserver& observer) {
  consensus::CoreFactory result = factory;
  result.make = [make = factory.make, replica, &observer](const consensus::CoreConfig& config,
                                                          consensus::PersistedState state) {
    observer.on_core_start(replica, state);
    return std::make_unique<WatchedCore>(make(config, std::move(state)), replica, observer);
  };
  return result;
}

}  // namespace quorate::sim
