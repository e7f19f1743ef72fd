#include "api/http/pages.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::http {
namespace {

constexpr std::size_t kMaxInquiries = 64;
constexpr Duration kReadTimeout = std::chrono::seconds(5);
constexpr std::uint64_t kTokenShift = 8;  // slot above, index of the check below

constexpr std::int32_t kNoSpaceAlarm = 1;
constexpr std::int32_t kCorruptAlarm = 2;

constexpr std::string_view kGateway =
    "quorate: the JSON gateway (/v3/...) is not supported yet; use gRPC on this same port\n";

// etcdserverpb.RangeRequest{key: "health", limit: 1}, and the same with serializable.
constexpr std::string_view kLinearizableRead = "\x0A\x06health\x18\x01";
constexpr std::string_view kSerializableRead = "\x0A\x06health\x18\x01\x38\x01";

std::string_view text_of(service::Outcome outcome) {
  using service::Outcome;
  switch (outcome) {
    case Outcome::ok: return {};
    case Outcome::no_leader: return "etcdserver: no leader";
    case Outcome::leader_changed: return "etcdserver: leader changed";
    case Outcome::timed_out:
    case Outcome::timed_out_leader_lost:
    case Outcome::timed_out_connection: return "etcdserver: request timed out";
    case Outcome::too_many_requests: return "etcdserver: too many requests";
    case Outcome::corrupt: return "etcdserver: corrupt cluster";
    case Outcome::stopped: return "etcdserver: server stopped";
    default: break;  // outcomes of other requests
  }
  return "the read failed";
}

}  // namespace

Pages::Pages(service::KvService& service, const env::Clock& clock, std::function<std::string()> metrics,
             Versions versions)
    : service_(service), clock_(clock), metrics_(std::move(metrics)), versions_(std::move(versions)) {}

Pages::~Pages() {
  for (const std::unique_ptr<Inquiry>& inquiry : inquiries_) {
    if (inquiry != nullptr) {
      for (const service::Ticket ticket : inquiry->tickets) {
        service_.abandon(ticket);
      }
    }
  }
}

void Pages::on_request(rpc::HttpRequest request, std::shared_ptr<rpc::HttpResponder> responder) {
  const Target target = parse_target(request.target);
  const std::string& path = target.path;
  if (path.starts_with("/v3/")) {
    responder->respond({.status = 404, .body = std::string(kGateway)});
    return;
  }
  const bool is_page = path == "/health" || path == "/version" || path == "/metrics" || path == "/livez" ||
                       path == "/readyz" || path.starts_with("/livez/") || path.starts_with("/readyz/");
  if (!is_page) {
    responder->respond({.status = 404, .body = "404 page not found\n"});
    return;
  }
  if (request.method != "GET" && !(request.method == "HEAD" && path == "/metrics")) {
    responder->respond({.status = 405, .body = "Method Not Allowed\n", .headers = {{"Allow", "GET"}}});
    return;
  }
  if (path == "/version") {
    responder->respond({.content_type = "application/json",
                        .body = R"({"etcdserver":")" + versions_.server + R"(","etcdcluster":")" + versions_.cluster +
                                R"(","storage":")" + versions_.storage + "\"}"});
  } else if (path == "/metrics") {
    responder->respond({.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_()});
  } else if (path == "/health") {
    begin_health(target, std::move(responder));
  } else if (path.starts_with("/livez")) {
    begin_checks(target, "/livez", {Check::serializable_read}, std::move(responder));
  } else {
    begin_checks(target, "/readyz",
                 {Check::data_corruption, Check::serializable_read, Check::linearizable_read, Check::non_learner},
                 std::move(responder));
  }
}

std::string_view Pages::name_of(Check check) {
  switch (check) {
    case Check::data_corruption: return "data_corruption";
    case Check::serializable_read: return "serializable_read";
    case Check::linearizable_read: return "linearizable_read";
    case Check::non_learner: break;
  }
  return "non_learner";
}

bool Pages::has_alarm(std::int32_t type) const {
  const std::vector<kv::Alarm> alarms = service_.store().alarms();
  return std::any_of(alarms.begin(), alarms.end(), [&](const kv::Alarm& alarm) { return alarm.type == type; });
}

void Pages::begin_health(const Target& target, std::shared_ptr<rpc::HttpResponder> responder) {
  const bool is_serializable = target.is_true("serializable");
  std::string failure;
  if (has_alarm(kNoSpaceAlarm) && !target.has_value("exclude", "NOSPACE")) {
    failure = "ALARM NOSPACE";
  } else if (has_alarm(kCorruptAlarm) && !target.has_value("exclude", "CORRUPT")) {
    failure = "ALARM CORRUPT";
  } else if (service_.status().loss.kind != consensus::Loss::Kind::none) {
    failure = "LOG DAMAGED: WAITS FOR REPAIR BY THE OTHER MEMBERS";
  } else if (!is_serializable && service_.status().leader.is_none()) {
    failure = "RAFT NO LEADER";
  }
  if (!failure.empty()) {
    responder->respond(health_page(failure));
    return;
  }
  auto inquiry = std::make_unique<Inquiry>();
  inquiry->responder = std::move(responder);
  inquiry->is_health = true;
  inquiry->outcomes.push_back({.check = is_serializable ? Check::serializable_read : Check::linearizable_read});
  run(std::move(inquiry));
}

void Pages::begin_checks(const Target& target, std::string_view root, std::vector<Check> checks,
                         std::shared_ptr<rpc::HttpResponder> responder) {
  std::string_view wanted = std::string_view(target.path).substr(root.size());
  if (wanted.starts_with('/')) {
    wanted.remove_prefix(1);
  }
  auto inquiry = std::make_unique<Inquiry>();
  inquiry->responder = std::move(responder);
  inquiry->verbose = target.has("verbose");
  for (const Check check : checks) {
    if (wanted.empty() || name_of(check) == wanted) {
      inquiry->outcomes.push_back(
          {.check = check, .excluded = wanted.empty() && target.has_value("exclude", name_of(check))});
    }
  }
  if (inquiry->outcomes.empty()) {
    inquiry->responder->respond({.status = 404, .body = "404 page not found\n"});
    return;
  }
  run(std::move(inquiry));
}

void Pages::run(std::unique_ptr<Inquiry> inquiry) {
  std::size_t slot = 0;
  while (slot < inquiries_.size() && inquiries_[slot] != nullptr) {
    ++slot;
  }
  if (slot >= kMaxInquiries) {
    inquiry->responder->respond({.status = 503, .body = "quorate: too many health checks wait already\n"});
    return;
  }
  if (slot == inquiries_.size()) {
    inquiries_.emplace_back();
  }
  inquiries_[slot] = std::move(inquiry);
  Inquiry& running = *inquiries_[slot];
  for (std::size_t i = 0; i < running.outcomes.size(); ++i) {
    Outcome& outcome = running.outcomes[i];
    if (outcome.excluded || outcome.check == Check::non_learner) {
      continue;  // every member votes: there are no learners yet
    }
    if (outcome.check == Check::data_corruption) {
      outcome.failure = has_alarm(kCorruptAlarm) ? "alarm activated: CORRUPT" : "";
      continue;
    }
    const std::string_view read = outcome.check == Check::serializable_read ? kSerializableRead : kLinearizableRead;
    running.tickets.push_back(service_.range(Buffer::copy_of(read), clock_.now() + kReadTimeout,
                                             service::AnswerTo::to<&Pages::on_read>(this, slot << kTokenShift | i)));
    ++running.waiting;
  }
  if (running.waiting == 0) {
    complete(slot);
  }
}

void Pages::on_read(std::uint64_t token, const service::Answer& answer) {
  const std::size_t slot = token >> kTokenShift;
  QUORATE_ASSERT(slot < inquiries_.size() && inquiries_[slot] != nullptr, "the inquiry waits", slot);
  Inquiry& inquiry = *inquiries_[slot];
  inquiry.outcomes[token & ((1U << kTokenShift) - 1)].failure = text_of(answer.outcome);
  if (--inquiry.waiting == 0) {
    complete(slot);
  }
}

void Pages::complete(std::size_t slot) {
  const std::unique_ptr<Inquiry> inquiry = std::move(inquiries_[slot]);
  if (!inquiry->is_health) {
    inquiry->responder->respond(checks_page(*inquiry));
    return;
  }
  const std::string& failure = inquiry->outcomes.front().failure;
  inquiry->responder->respond(health_page(failure.empty() ? "" : "RANGE ERROR:" + failure));
}

rpc::HttpResponse Pages::health_page(std::string_view failure) {
  if (failure.empty()) {
    return {.body = R"({"health":"true","reason":""})"};
  }
  return {.status = 503, .body = R"({"health":"false","reason":")" + std::string(failure) + "\"}\n"};
}

rpc::HttpResponse Pages::checks_page(const Inquiry& inquiry) {
  std::string lines;
  bool has_failed = false;
  for (const Outcome& outcome : inquiry.outcomes) {
    const std::string name(name_of(outcome.check));
    if (outcome.excluded) {
      lines += "[+]" + name + " excluded: ok\n";
    } else if (outcome.failure.empty()) {
      lines += "[+]" + name + " ok\n";
    } else {
      lines += "[-]" + name + " failed: " + outcome.failure + "\n";
      has_failed = true;
    }
  }
  if (has_failed) {
    return {.status = 503, .body = std::move(lines)};
  }
  return {.body = inquiry.verbose ? lines + "ok\n" : "ok\n"};
}

}  // namespace quorate::http
