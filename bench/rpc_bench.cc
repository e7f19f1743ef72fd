// What a gRPC call costs the server, without sockets: recorded HTTP/2 frames of a client go into a Connection, a
// handler answers at once, and what comes out is dropped.
//
//   rpc_bench [calls]      default 200,000; prints CPU and heap allocations a call, by calls per turn
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include <time.h>

#include "rpc/h2_test_client.h"
#include "rpc/test_service.h"

namespace {

std::size_t allocations = 0;

using namespace quorate;

class DroppingOutput final : public rpc::Output {
 public:
  void write(std::span<const Buffer> chunks) override {
    ++writes;
    for (const Buffer& chunk : chunks) {
      bytes += chunk.size();
    }
  }
  std::size_t unsent_bytes() const override { return 0; }
  void request_flush() override {}
  std::size_t writes = 0;
  std::size_t bytes = 0;
};

/// Answers with a header and a body, as the API does.
class Answering final : public rpc::Handler {
 public:
  const rpc::Method* find(std::string_view path) const override { return path == put_.path ? &put_ : nullptr; }
  bool serves(std::string_view) const override { return true; }
  void on_call(rpc::Call&) override {}
  void on_message(rpc::Call& call, Buffer message) override {
    received += message.size();
    call.send(parts_);
    call.finish(rpc::Code::ok);
  }
  void on_half_close(rpc::Call&) override {}
  void on_call_gone(rpc::Call&) override {}
  std::size_t received = 0;

 private:
  rpc::Method put_{"/etcdserverpb.KV/Put", false, false, 1};
  std::vector<Buffer> parts_ = {Buffer::copy_of(std::string(28, 'h')), Buffer{}};
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// The bytes of `calls` puts of 256 bytes, `per_turn` in each piece, after the client's preface.
std::vector<Buffer> record(std::size_t calls, std::size_t per_turn) {
  rpc::testing::TestClient client;
  nghttp2_session_set_local_window_size(client.session(), NGHTTP2_FLAG_NONE, 0, 0x7FFF'0000);
  std::vector<Buffer> turns = {Buffer::copy_of(client.take_bytes())};
  // The server's SETTINGS, and a connection window that is never used up.
  client.receive(std::string("\0\0\0\x04\0\0\0\0\0", 9) + std::string("\0\0\x04\x08\0\0\0\0\0\x7F\xFF\0\0", 13));
  const std::string message(270, 'p');
  for (std::size_t sent = 0; sent < calls; sent += per_turn) {
    for (std::size_t i = 0; i < per_turn; ++i) {
      client.unary("/etcdserverpb.KV/Put", message, {{"user-agent", "bench/1.0"}});
    }
    turns.push_back(Buffer::copy_of(client.take_bytes()));
  }
  return turns;
}

void measure(std::size_t calls, std::size_t per_turn) {
  const std::vector<Buffer> turns = record(calls, per_turn);
  Answering handler;
  rpc::testing::TestHttp http;
  DroppingOutput output;
  const auto connection = rpc::Connection::make({}, handler, http, output);
  Instant now{};
  std::size_t allocations_before = 0;
  double began = 0;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (i == turns.size() / 4) {  // warm by now
      allocations_before = allocations;
      began = cpu_seconds();
    }
    now += std::chrono::microseconds(100);
    if (!connection->receive(turns[i], now) || !connection->flush()) {
      std::printf("the connection ended in turn %zu of %zu\n", i, turns.size());
      std::exit(1);
    }
  }
  const double spent = cpu_seconds() - began;
  const auto measured = static_cast<double>((turns.size() - turns.size() / 4) * per_turn);
  std::printf("%4zu calls a turn: %6.3f us a call, %.2f allocations, %.1f bytes out\n", per_turn,
              spent / measured * 1e6, static_cast<double>(allocations - allocations_before) / measured,
              static_cast<double>(output.bytes) / static_cast<double>(calls));
}

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size); memory != nullptr) {  // NOLINT(cppcoreguidelines-no-malloc)
    return memory;
  }
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }               // NOLINT(cppcoreguidelines-no-malloc)
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }  // NOLINT(cppcoreguidelines-no-malloc)

int main(int argc, char** argv) {
  const std::size_t calls = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200'000;
  for (const std::size_t per_turn : {std::size_t{1}, std::size_t{10}, std::size_t{100}}) {
    measure(calls, per_turn);
  }
  return 0;
}
