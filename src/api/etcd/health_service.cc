#include "api/etcd/health_service.h"

#include <algorithm>
#include <utility>

#include "api/etcd/api.h"
#include "codec/proto_fields.h"

namespace quorate::etcd {
namespace {

enum ServingStatus : int { serving = 1, not_serving = 2, service_unknown = 3 };

constexpr RpcStatus kUnknownService = {rpc::Code::not_found, "unknown service"};

/// HealthCheckRequest.service; false if the request is not a message.
bool read_service(ByteView request, ByteView& service) {
  codec::FieldReader fields(request);
  while (fields.next()) {
    if (fields.is_bytes(1)) {
      service = fields.bytes();
    }
  }
  return fields.ok();
}

}  // namespace

void HealthService::send(rpc::Call& call, int serving_status) {
  const char bytes[] = {0x08, static_cast<char>(serving_status)};  // HealthCheckResponse.status
  const Buffer message = Buffer::copy_of(ByteView(bytes, sizeof bytes));
  api_.answer(call, {&message, 1});
}

void HealthService::check(rpc::Call& call, ByteView request) {
  ByteView service;
  if (!read_service(request, service)) {
    api_.finish(call, kMalformed);
  } else if (!service.empty()) {
    api_.finish(call, kUnknownService);
  } else {
    send(call, serving_ ? serving : not_serving);
    api_.finish(call, {});
  }
}

void HealthService::watch(rpc::Call& call, ByteView request) {
  ByteView service;
  if (!read_service(request, service)) {
    api_.finish(call, kMalformed);
    return;
  }
  if (std::find(watchers_.begin(), watchers_.end(), &call) != watchers_.end()) {
    return;
  }
  send(call, !service.empty() ? service_unknown : serving_ ? serving : not_serving);
  if (service.empty()) {
    watchers_.push_back(&call);
  }
}

void HealthService::forget(rpc::Call& call) { std::erase(watchers_, &call); }

void HealthService::set_serving(bool is_serving) {
  if (serving_ == is_serving) {
    return;
  }
  serving_ = is_serving;
  for (rpc::Call* call : watchers_) {
    send(*call, serving_ ? serving : not_serving);
  }
}

void HealthService::shut_down() {
  for (rpc::Call* call : std::exchange(watchers_, {})) {
    api_.finish(*call, kStopped);
  }
}

}  // namespace quorate::etcd
