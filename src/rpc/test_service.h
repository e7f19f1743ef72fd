#pragma once
// A small gRPC service and HTTP page for tests, fuzzing and benchmarks of the server.
//
// Methods of test.Service: Echo answers at once, Hold when the test says so, Chat streams both ways, Fail fails.
// Not part of the server. Owned by a test.

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/server.h"

namespace quorate::rpc::testing {

class TestHandler : public Handler {
 public:
  enum MethodId : std::uint32_t { echo = 1, hold = 2, chat = 3, fail = 4 };

  const Method* find(std::string_view path) const override {
    const auto found = methods.find(path);
    return found == methods.end() ? nullptr : &found->second;
  }
  bool serves(std::string_view service) const override { return service == "test.Service"; }
  void on_call(Call& call) override {
    ++begun;
    deadline = call.deadline();
    seen_metadata = call.metadata("hasleader");
    if (call.method().id == chat) {
      streams.push_back(&call);
    }
  }
  void on_message(Call& call, Buffer message) override {
    if (keeps_messages) {
      messages.emplace_back(message.view());
    }
    switch (call.method().id) {
      case echo:
        call.send({&message, 1});
        call.finish(Code::ok);
        break;
      case fail: call.finish(Code::not_found, "no such thing: 100 %\n"); break;
      case hold: held.push_back(&call); break;
      default: {
        const Buffer parts[] = {Buffer::copy_of("re: "), message};
        call.send(parts);
      }
    }
  }
  void on_half_close(Call& call) override {
    ++half_closed;
    std::erase(streams, &call);
    call.finish(Code::ok);
  }
  void on_call_gone(Call& call) override {
    ++gone;
    std::erase(held, &call);
    std::erase(streams, &call);
  }
  void on_writable(Call& call) override {
    ++writable;
    unsent_when_writable = call.unsent_bytes();
  }

  std::map<std::string, Method, std::less<>> methods = {
      {"/test.Service/Echo", {"/test.Service/Echo", false, false, echo}},
      {"/test.Service/Hold", {"/test.Service/Hold", false, false, hold}},
      {"/test.Service/Chat", {"/test.Service/Chat", true, true, chat}},
      {"/test.Service/Fail", {"/test.Service/Fail", false, false, fail}},
  };
  bool keeps_messages = true;
  std::vector<std::string> messages;
  std::vector<Call*> held;
  std::vector<Call*> streams;
  Instant deadline = Instant::max();
  std::string seen_metadata;
  int begun = 0;
  int gone = 0;
  int half_closed = 0;
  int writable = 0;
  std::size_t unsent_when_writable = 0;
};

/// Answers with what it was asked; "/later" when the test says so.
class TestHttp : public HttpHandler {
 public:
  void on_request(HttpRequest request, std::shared_ptr<HttpResponder> responder) override {
    requests.push_back(request);
    if (request.target == "/later") {
      later.push_back(std::move(responder));
      return;
    }
    responder->respond({.body = request.method + " " + request.target + " " + request.body + "\n"});
  }
  std::vector<HttpRequest> requests;
  std::vector<std::shared_ptr<HttpResponder>> later;
};

}  // namespace quorate::rpc::testing
