#include "api/http/pages.h"

#include <gtest/gtest.h>

#include "service/fake_service_for_test.h"

namespace quorate::http {
namespace {

using service::Outcome;

class Responder : public rpc::HttpResponder {
 public:
  void respond(rpc::HttpResponse answer) override {
    ++answers;
    response = std::move(answer);
  }
  rpc::HttpResponse response;
  int answers = 0;
};

class PagesTest : public ::testing::Test {
 protected:
  PagesTest()
      : pages(std::make_unique<Pages>(
            service, time, [] { return std::string("up 1\n"); }, Versions{"3.6.14", "3.6.0", "3.6.0"})) {
    service.core.leader = NodeId(1);
  }
  std::shared_ptr<Responder> ask(std::string_view target, std::string_view method = "GET") {
    auto responder = std::make_shared<Responder>();
    pages->on_request({.method = std::string(method), .target = std::string(target)}, responder);
    return responder;
  }

  service::testing::FakeTime time;
  service::testing::FakeService service;
  std::unique_ptr<Pages> pages;
};

TEST_F(PagesTest, HealthReadsThroughTheService) {
  const auto page = ask("/health");
  EXPECT_EQ(page->answers, 0);
  ASSERT_EQ(service.asked.size(), 1U);
  EXPECT_EQ(service.asked[0].request, std::string_view("\x0A\x06health\x18\x01"));
  service.answer(0, {});
  EXPECT_EQ(page->response.status, 200);
  EXPECT_EQ(page->response.body, R"({"health":"true","reason":""})");
  const auto failing = ask("/health?serializable=true");
  EXPECT_EQ(service.asked[1].request, std::string_view("\x0A\x06health\x18\x01\x38\x01"));
  service.answer(1, {.outcome = Outcome::timed_out});
  EXPECT_EQ(failing->response.status, 503);
  EXPECT_EQ(failing->response.body,
            "{\"health\":\"false\",\"reason\":\"RANGE ERROR:etcdserver: request timed out\"}\n");
}

TEST_F(PagesTest, HealthNamesAlarmsAndTheMissingLeader) {
  service.fake_store.alarms_now = {{1, 1}};
  EXPECT_EQ(ask("/health")->response.body, "{\"health\":\"false\",\"reason\":\"ALARM NOSPACE\"}\n");
  EXPECT_EQ(ask("/health?exclude=NOSPACE")->answers, 0);  // goes on to read
  service.fake_store.alarms_now = {{1, 1}, {2, 2}};
  EXPECT_EQ(ask("/health?exclude=NOSPACE")->response.body, "{\"health\":\"false\",\"reason\":\"ALARM CORRUPT\"}\n");
  service.fake_store.alarms_now = {};
  service.core.leader = NodeId();
  EXPECT_EQ(ask("/health")->response.body, "{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}\n");
  const std::size_t before = service.asked.size();
  ask("/health?serializable=true");
  EXPECT_EQ(service.asked.size(), before + 1);
  service.core.loss.kind = consensus::Loss::Kind::promises;
  EXPECT_EQ(ask("/health?serializable=true")->response.body,
            "{\"health\":\"false\",\"reason\":\"LOG DAMAGED: WAITS FOR REPAIR BY THE OTHER MEMBERS\"}\n");
}

TEST_F(PagesTest, ReadinessListsItsChecks) {
  const auto page = ask("/readyz?verbose");
  ASSERT_EQ(service.asked.size(), 2U);
  service.answer(1, {});
  EXPECT_EQ(page->answers, 0);
  service.answer(0, {});
  EXPECT_EQ(page->response.body,
            "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n");
  const auto failing = ask("/readyz");
  service.answer(2, {});
  service.answer(3, {.outcome = Outcome::no_leader});
  EXPECT_EQ(failing->response.status, 503);
  EXPECT_NE(failing->response.body.find("[-]linearizable_read failed: etcdserver: no leader\n"), std::string::npos);
  const auto excluded = ask("/readyz?exclude=linearizable_read&exclude=serializable_read");
  EXPECT_EQ(excluded->response.body, "ok\n");
  service.fake_store.alarms_now = {{1, 2}};
  EXPECT_EQ(ask("/readyz/data_corruption")->response.status, 503);
  EXPECT_EQ(ask("/readyz/non_learner")->response.body, "ok\n");
  EXPECT_EQ(ask("/readyz/nothing")->response.status, 404);
}

TEST_F(PagesTest, LivenessNeedsNoLeader) {
  service.core.leader = NodeId();
  const auto page = ask("/livez");
  ASSERT_EQ(service.asked.size(), 1U);
  service.answer(0, {});
  EXPECT_EQ(page->response.status, 200);
  EXPECT_EQ(page->response.body, "ok\n");
  EXPECT_EQ(ask("/livez/linearizable_read")->response.status, 404);
}

TEST_F(PagesTest, TellsVersionsAndMetrics) {
  EXPECT_EQ(ask("/version")->response.body, R"({"etcdserver":"3.6.14","etcdcluster":"3.6.0","storage":"3.6.0"})");
  EXPECT_EQ(ask("/version")->response.content_type, "application/json");
  EXPECT_EQ(ask("/metrics")->response.body, "up 1\n");
}

TEST_F(PagesTest, RefusesOtherMethodsAndPages) {
  const auto post = ask("/health", "POST");
  EXPECT_EQ(post->response.status, 405);
  EXPECT_EQ(post->response.headers.at(0), (std::pair<std::string, std::string>("Allow", "GET")));
  EXPECT_EQ(ask("/nothing")->response.status, 404);
  EXPECT_EQ(ask("/v3/kv/range", "POST")->response.status, 404);
  EXPECT_NE(ask("/v3/kv/range", "POST")->response.body.find("use gRPC"), std::string::npos);
}

TEST_F(PagesTest, BoundsWhatWaitsAndAbandonsItAtTheEnd) {
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(ask("/health")->answers, 0);
  }
  EXPECT_EQ(ask("/health")->response.status, 503);
  service.answer(0, {});
  EXPECT_EQ(ask("/health")->answers, 0);
  pages.reset();
  EXPECT_GE(service.abandoned.size(), 64U);
}

TEST(Target, IsTakenApart) {
  const Target target = parse_target("/a%2Fb?x=1&flag&y=a+b%21&x=2&&=");
  EXPECT_EQ(target.path, "/a/b");
  EXPECT_TRUE(target.has("flag"));
  EXPECT_TRUE(target.has_value("x", "1") && target.has_value("x", "2"));
  EXPECT_TRUE(target.has_value("y", "a b!"));
  EXPECT_FALSE(target.is_true("flag"));
  EXPECT_EQ(parse_target("/%zz%4").path, "/%zz%4");
}

}  // namespace
}  // namespace quorate::http
