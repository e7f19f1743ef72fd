#include "api/register/api.h"

#include <algorithm>
#include <utility>

#include "codec/proto_fields.h"
#include "codec/writer.h"

namespace quorate::register_api {
namespace {

using Outcome = service::RegisterAnswer::Outcome;

constexpr Duration kPatience = std::chrono::seconds(5);
constexpr std::size_t kMaxHealthChecks = 64;
constexpr ByteView kHealthKey("\0health", 7);

constexpr std::string_view kNotEtcd =
    "quorate: this cluster runs a protocol without a log, which serves a register of keys that are written once, not "
    "etcd's API; use `quorate paxos propose` and `quorate paxos learn`";
constexpr std::string_view kNoMajority =
    "quorate: no majority answered in time, or others competed all the while; what was proposed may still be chosen, "
    "and "
    "asking again is harmless";

enum MethodId : std::uint32_t { kPropose, kLearn, kForeign };

struct Fields {
  ByteView key;
  ByteView value;
  bool ok = false;
};

Fields read(ByteView message) {
  Fields fields;
  codec::FieldReader reader(message);
  while (reader.next()) {
    if (reader.is_bytes(1)) {
      fields.key = reader.bytes();
    } else if (reader.is_bytes(2)) {
      fields.value = reader.bytes();
    }
  }
  fields.ok = reader.ok();
  return fields;
}

void write_bytes(codec::Writer& writer, std::uint32_t number, ByteView bytes) {
  if (!bytes.empty()) {
    writer.varint(number << 3 | 2U);
    writer.sized_bytes(bytes);
  }
}

void write_flag(codec::Writer& writer, std::uint32_t number, bool flag) {
  if (flag) {
    writer.varint(number << 3);
    writer.varint(1);
  }
}

void finish(rpc::Call& call, codec::Writer& writer) {
  const Buffer body = writer.take_buffer();
  call.send({&body, 1});
  call.finish(rpc::Code::ok);
}

/// Of an answer without a value.
void refuse(rpc::Call& call, Outcome why) {
  switch (why) {
    case Outcome::timed_out: call.finish(rpc::Code::unavailable, kNoMajority); return;
    case Outcome::busy:
      call.finish(rpc::Code::resource_exhausted, "quorate: too many requests; nothing was done");
      return;
    default:
      call.finish(rpc::Code::invalid_argument,
                  "quorate: a key has 1 to 4,096 bytes, the first of them not zero, and a value at most 1.5 MiB");
  }
}

}  // namespace

Api::Api(service::RegisterService& keys, const env::Clock& clock, std::function<std::string()> metrics,
         std::string version)
    : keys_(keys),
      clock_(clock),
      metrics_(std::move(metrics)),
      version_(std::move(version)),
      propose_{.path = "/quorate.v1.Register/Propose", .id = kPropose},
      learn_{.path = "/quorate.v1.Register/Learn", .id = kLearn},
      foreign_{.path = "/etcdserverpb", .client_streams = true, .server_streams = true, .id = kForeign} {}

// ---- gRPC -----------------------------------------------------------------------------------------------

const rpc::Method* Api::find(std::string_view path) const {
  return path == propose_.path ? &propose_
         : path == learn_.path ? &learn_
         : path.starts_with("/etcdserverpb.") || path.starts_with("/v3lockpb.") || path.starts_with("/v3electionpb.")
             ? &foreign_
             : nullptr;
}

bool Api::serves(std::string_view service) const { return service == "quorate.v1.Register"; }

void Api::on_call(rpc::Call& call) {
  if (call.method().id == kForeign) {
    call.finish(rpc::Code::unimplemented, kNotEtcd);
  }
}

void Api::on_message(rpc::Call& call, Buffer message) {
  const Fields fields = read(message.view());
  if (!fields.ok || fields.key.empty() || fields.key.front() == '\0') {
    refuse(call, Outcome::refused);
    return;
  }
  const std::uint64_t token = ++last_token_;
  const Instant deadline = std::min(call.deadline(), clock_.now() + kPatience);
  call.user = reinterpret_cast<void*>(token);
  if (call.method().id == kPropose) {
    const Buffer wish = fields.value.empty() ? Buffer() : message.slice_of(fields.value);
    waiting_[token] = {&call, wish};
    keys_.propose(message.slice_of(fields.key), wish, deadline,
                  service::RegisterAnswerTo::to<&Api::on_proposed>(this, token));
  } else {
    waiting_[token] = {&call, {}};
    keys_.learn(message.slice_of(fields.key), deadline, service::RegisterAnswerTo::to<&Api::on_learnt>(this, token));
  }
}

void Api::on_call_gone(rpc::Call& call) { waiting_.erase(reinterpret_cast<std::uint64_t>(call.user)); }

/// No call if its client is gone.
Api::Waiting Api::take(std::uint64_t token) {
  const auto found = waiting_.find(token);
  if (found == waiting_.end()) {
    return {};
  }
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  return waiting;
}

void Api::on_proposed(std::uint64_t token, const service::RegisterAnswer& answer) {
  const Waiting waiting = take(token);
  if (waiting.call == nullptr) {
    return;
  }
  if (answer.outcome != Outcome::decided) {
    refuse(*waiting.call, answer.outcome);
    return;
  }
  codec::Writer writer;
  write_bytes(writer, 1, answer.value.view());
  write_flag(writer, 2, answer.value == waiting.wish);
  finish(*waiting.call, writer);
}

void Api::on_learnt(std::uint64_t token, const service::RegisterAnswer& answer) {
  const Waiting waiting = take(token);
  if (waiting.call == nullptr) {
    return;
  }
  if (answer.outcome != Outcome::decided && answer.outcome != Outcome::not_decided) {
    refuse(*waiting.call, answer.outcome);
    return;
  }
  codec::Writer writer;
  write_flag(writer, 1, answer.outcome == Outcome::decided);
  write_bytes(writer, 2, answer.value.view());
  finish(*waiting.call, writer);
}

// ---- pages ----------------------------------------------------------------------------------------------

void Api::ask_majority(Duration patience, service::RegisterAnswerTo to) {
  keys_.learn(Buffer::copy_of(kHealthKey), clock_.now() + patience, to);
}

void Api::on_request(rpc::HttpRequest request, std::shared_ptr<rpc::HttpResponder> responder) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (request.method != "GET") {
    responder->respond({.status = 405, .body = "Method Not Allowed\n", .headers = {{"Allow", "GET"}}});
  } else if (path == "/version") {
    responder->respond({.content_type = "application/json", .body = "{\"quorate\":\"" + version_ + "\"}"});
  } else if (path == "/metrics") {
    responder->respond({.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_()});
  } else if (path == "/livez") {
    responder->respond({.body = "ok\n"});
  } else if ((path == "/health" || path == "/readyz") && health_.size() < kMaxHealthChecks) {
    const std::uint64_t token = ++last_token_;
    health_[token] = std::move(responder);
    ask_majority(kPatience, service::RegisterAnswerTo::to<&Api::on_health>(this, token));
  } else if (path == "/health" || path == "/readyz") {
    responder->respond({.status = 503, .body = "too many health checks wait\n"});
  } else {
    responder->respond({.status = 404, .body = "404 page not found\n"});
  }
}

void Api::on_health(std::uint64_t token, const service::RegisterAnswer& answer) {
  const bool is_well = answer.outcome == Outcome::not_decided || answer.outcome == Outcome::decided;
  const auto found = health_.find(token);
  found->second->respond({.status = is_well ? 200 : 503,
                          .content_type = "application/json",
                          .body = is_well ? R"({"health":"true","reason":""})"
                                          : R"({"health":"false","reason":"no majority answered in time"})"});
  health_.erase(found);
}

}  // namespace quorate::register_api
