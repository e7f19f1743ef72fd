#include "server/peer_probes.h"

#include <algorithm>

namespace quorate::server {

class PeerProbes::Probe : public env::StreamEvents {
 public:
  void begin(env::Transport& transport, std::string_view address) { stream_ = transport.connect(address, *this); }
  [[nodiscard]] std::string_view found() const { return found_; }

  void on_opened() override {
    found_ = "answers, but has not connected yet";
    opened_ = true;
  }
  void on_bytes(Buffer) override {}
  void on_drained() override {}
  void on_closed(env::CloseReason reason, std::string_view detail) override {
    if (!opened_) {  // once it was open, its end tells nothing: it waits for a hello that does not come
      found_ = reason == env::CloseReason::refused ? "refused" : detail;
    }
  }

 private:
  std::unique_ptr<env::Stream> stream_;
  std::string found_ = "timed out";
  bool opened_ = false;
};

PeerProbes::PeerProbes(env::Transport& transport, Contacts contacts)
    : transport_(transport), contacts_(std::move(contacts)) {}

PeerProbes::~PeerProbes() = default;

void PeerProbes::ask(NodeId node) {
  const std::vector<consensus::Contact> contacts = contacts_();
  const auto known = std::ranges::find(contacts, node, &consensus::Contact::node);
  if (known == contacts.end()) {
    return;
  }
  std::unique_ptr<Probe>& probe = probes_[node];
  probe = std::make_unique<Probe>();
  probe->begin(transport_, group::address_of(*known));
}

std::string_view PeerProbes::found(NodeId node) const {
  const auto probe = probes_.find(node);
  return probe == probes_.end() ? "has not connected yet" : probe->second->found();
}

void PeerProbes::end() { probes_.clear(); }

}  // namespace quorate::server
