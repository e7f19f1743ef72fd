// Hostile messages to etcd's API: whatever a client sends as the message of any method, it gets an answer or an error,
// and nothing is left behind when it goes. Input: method, then messages, each behind its length in one byte.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/etcd/api.h"
#include "base/assert.h"
#include "service/fake_service_for_test.h"

namespace {

using namespace quorate;

class FakeCall final : public rpc::Call {
 public:
  explicit FakeCall(const rpc::Method& method) : method_(method) {}
  const rpc::Method& method() const override { return method_; }
  std::string_view metadata(std::string_view) const override { return {}; }
  Instant deadline() const override { return Instant::max(); }
  void send(std::span<const Buffer>) override {}
  std::size_t unsent_bytes() const override { return 0; }
  void finish(rpc::Code, std::string_view) override { is_finished = true; }
  bool is_finished = false;

 private:
  const rpc::Method& method_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) {
    return 0;
  }
  service::testing::FakeTime time;
  service::testing::FakeService service;
  etcd::Api api({.cluster = ClusterId(1), .self = NodeId(1)}, time, time);
  api.add_group(GroupId(1), service);
  const auto rows = api.method_stats();
  const etcd::MethodStats& row = rows[data[0] % rows.size()];
  const rpc::Method* method = api.find("/" + std::string(row.service) + "/" + std::string(row.method));
  QUORATE_ASSERT(method != nullptr, "every method is found by its path");

  FakeCall call(*method);
  api.on_call(call);
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool is_first = true;
  while (!call.is_finished && !rest.empty() && (is_first || method->client_streams)) {
    const std::size_t length = std::min<std::size_t>(static_cast<unsigned char>(rest[0]), rest.size() - 1);
    const std::string_view message = rest.substr(1, length);
    rest.remove_prefix(1 + length);
    api.on_message(call, Buffer::copy_of(message));
    is_first = false;
  }
  if (!call.is_finished) {
    api.on_call_gone(call);
  }
  QUORATE_ASSERT(service.hub.watchers.empty(), "a stream's watchers go with it");
  QUORATE_ASSERT(api.watch_stream_count() == 0, "no stream is left");
  return 0;
}
