#include "server/readiness.h"

#include <algorithm>

#include "server/damage_report.h"

namespace quorate::server {
namespace {

constexpr Duration kPublishTimeout = std::chrono::seconds(2);
constexpr Duration kRetryPause = std::chrono::milliseconds(20);
constexpr Duration kExplainAfter = std::chrono::milliseconds(2500);
constexpr Duration kProbePatience = std::chrono::milliseconds(500);

}  // namespace

Readiness::Readiness(const ClusterIdentity& identity, group::Host& host, service::KvService& service, env::Loop& loop,
                     const env::Clock& clock, PeerProbes& probes, EventLog& log, std::function<void()> ready)
    : identity_(identity),
      host_(host),
      service_(service),
      loop_(loop),
      clock_(clock),
      probes_(probes),
      log_(log),
      ready_(std::move(ready)) {}

Readiness::~Readiness() {
  loop_.cancel(retry_timer_);
  loop_.cancel(explain_timer_);
}

void Readiness::start(Buffer member) {
  member_ = std::move(member);
  explain_timer_ = loop_.arm(clock_.now() + kExplainAfter, Callback<>::to<&Readiness::ask_absent_peers>(this));
  publish(0);
}

void Readiness::publish(std::uint64_t) {
  retry_timer_ = 0;
  service_.publish_member(member_, clock_.now() + kPublishTimeout,
                          service::AnswerTo::to<&Readiness::on_published>(this));
}

void Readiness::on_published(std::uint64_t, const service::Answer& answer) {
  if (answer.outcome == service::Outcome::stopped) {
    return;
  }
  if (answer.outcome != service::Outcome::ok) {
    // Publishing twice changes nothing, so an unknown outcome may be tried again.
    retry_timer_ = loop_.arm(clock_.now() + kRetryPause, Callback<>::to<&Readiness::publish>(this));
    return;
  }
  ready_done_ = true;
  loop_.cancel(explain_timer_);
  explain_timer_ = 0;
  probes_.end();
  ready_();
}

void Readiness::ask_absent_peers(std::uint64_t) {
  explain_timer_ = loop_.arm(clock_.now() + kProbePatience, Callback<>::to<&Readiness::explain>(this));
  for (const peer::LinkStatus& link : host_.links()) {
    if (!link.up) {
      probes_.ask(link.node);
    }
  }
}

void Readiness::explain(std::uint64_t) {
  explain_timer_ = loop_.arm(clock_.now() + kExplainAfter, Callback<>::to<&Readiness::ask_absent_peers>(this));
  log_.warn("waiting for a majority", {{"reachable", missing_majority()}});
  if (const consensus::CoreStatus status = service_.status(); status.loss.kind != consensus::Loss::Kind::none) {
    report_loss(GroupId(1), status, log_);
  }
}

std::string Readiness::missing_majority() const {
  const std::size_t voters = service_.status().membership.voters.size();
  const std::size_t members = voters == 0 ? identity_.members.size() : voters;
  std::size_t reachable = 1;
  std::vector<std::string> absent;
  for (const peer::LinkStatus& link : host_.links()) {
    if (link.up) {
      ++reachable;
      continue;
    }
    const auto member = std::find_if(identity_.members.begin(), identity_.members.end(),
                                     [&](const MemberIdentity& known) { return known.id == link.node; });
    const bool says_why = !link.last_error.empty() && !link.last_error.ends_with("not connected yet");
    const bool has_name = member != identity_.members.end() && !member->name.empty();
    absent.push_back((has_name ? member->name : hex_id(link.node.value())) + " " +
                     (says_why ? link.last_error : std::string(probes_.found(link.node))));
  }
  std::ranges::sort(absent);
  std::string text = std::to_string(reachable) + " of " + std::to_string(members) + ", need " +
                     std::to_string(identity_.quorum_sizes.larger_of(members));
  for (const std::string& peer : absent) {
    text += (&peer == absent.data() ? ": " : ", ") + peer;
  }
  return text;
}

}  // namespace quorate::server
