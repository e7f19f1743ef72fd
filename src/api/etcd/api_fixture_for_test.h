#pragma once
// A gRPC client joined to an Api over a service that answers what a test says. Owned by a test.

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "api/etcd/api.h"
#include "etcd/rpc.pb.h"
#include "rpc/h2_test_client.h"
#include "rpc/test_service.h"
#include "service/fake_service_for_test.h"

namespace quorate::etcd {

namespace pb = etcdserverpb;

class ApiTest : public ::testing::Test {
 protected:
  explicit ApiTest(bool has_second_group = true) : api({.cluster = ClusterId(0xC1), .self = NodeId(7)}, time, time) {
    api.add_group(GroupId(1), service);
    if (has_second_group) {
      api.add_group(GroupId(5), second);
    }
    service.core.tag = Tag(3);
    service.core.leader = NodeId(7);
    service.core.commit = Position(42);
    service.core.membership.voters = {NodeId(7), NodeId(8), NodeId(9)};
    service.contacts_now = {{NodeId(7), "http://p1:1"}, {NodeId(8), "http://p2:1"}, {NodeId(9), "http://p3:1"}};
    second.core = service.core;
    wire = std::make_unique<rpc::testing::Wire>(api, http);
    run();
  }

  void run() {
    wire->now = time.instant;
    wire->run();
  }
  template <class Message>
  std::int32_t unary(std::string_view path, const Message& request, const rpc::testing::Headers& extra = {}) {
    const std::int32_t stream = wire->client.unary(path, request.SerializeAsString(), extra);
    run();
    return stream;
  }
  const rpc::testing::Response& response(std::int32_t stream) { return wire->client.response(stream); }
  /// The `index`-th message of a stream.
  template <class Message>
  Message message(std::int32_t stream, std::size_t index = 0) {
    Message result;
    EXPECT_GT(response(stream).messages.size(), index);
    if (response(stream).messages.size() > index) {
      EXPECT_TRUE(result.ParseFromString(response(stream).messages[index]));
    }
    return result;
  }
  service::Answer ok(std::int64_t revision, const google::protobuf::Message& body) {
    return {.revision = revision, .term = Tag(3), .body = Buffer::copy_of(body.SerializeAsString())};
  }
  void answer(std::size_t index, const service::Answer& answer) {
    service.answer(index, answer);
    run();
  }

  service::testing::FakeTime time;
  service::testing::FakeService service;
  service::testing::FakeService second;
  Api api;
  rpc::testing::TestHttp http;
  std::unique_ptr<rpc::testing::Wire> wire;
};

class OneGroupApiTest : public ApiTest {
 protected:
  OneGroupApiTest() : ApiTest(false) {}
};

}  // namespace quorate::etcd
