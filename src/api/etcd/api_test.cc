// Unary calls: requests pass unchanged, answers get their header, failures get etcd's codes and texts.

#include "api/etcd/api.h"

#include <gtest/gtest.h>

#include "api/etcd/api_fixture_for_test.h"

namespace quorate::etcd {
namespace {

using service::Outcome;

TEST_F(ApiTest, PassesARequestUnchangedAndPutsTheHeaderBeforeTheAnswer) {
  pb::RangeRequest request;
  request.set_key("k");
  request.set_limit(5);
  const auto stream = unary("/etcdserverpb.KV/Range", request);
  ASSERT_EQ(service.asked.size(), 1U);
  EXPECT_EQ(service.asked[0].what, "range");
  EXPECT_EQ(service.asked[0].request, request.SerializeAsString());
  EXPECT_EQ(service.asked[0].deadline, Instant::max());
  pb::RangeResponse body;
  body.set_count(1);
  auto& kv = *body.add_kvs();
  kv.set_key("k");
  kv.set_value("v");
  answer(0, ok(17, body));
  const auto got = message<pb::RangeResponse>(stream);
  EXPECT_EQ(got.header().cluster_id(), 0xC1U);
  EXPECT_EQ(got.header().member_id(), 7U);
  EXPECT_EQ(got.header().revision(), 17);
  EXPECT_EQ(got.header().raft_term(), 3U);
  EXPECT_EQ(got.kvs(0).value(), "v");
  EXPECT_EQ(got.count(), 1);
  EXPECT_EQ(response(stream).status(), "0");
}

TEST_F(ApiTest, AsksTheServiceForEachMethod) {
  const std::pair<const char*, const char*> rows[] = {
      {"/etcdserverpb.KV/Put", "put"},
      {"/etcdserverpb.KV/DeleteRange", "delete_range"},
      {"/etcdserverpb.KV/Txn", "txn"},
      {"/etcdserverpb.KV/Compact", "compact"},
      {"/etcdserverpb.Lease/LeaseGrant", "lease_grant"},
      {"/etcdserverpb.Lease/LeaseRevoke", "lease_revoke"},
      {"/etcdserverpb.Lease/LeaseTimeToLive", "lease_time_to_live"},
      {"/etcdserverpb.Lease/LeaseLeases", "lease_leases"},
      {"/etcdserverpb.Maintenance/Alarm", "alarm"},
      {"/etcdserverpb.Maintenance/HashKV", "hash_kv"},
      {"/etcdserverpb.Maintenance/Hash", "hash_kv"},
  };
  for (const auto& [path, what] : rows) {
    const std::size_t before = service.asked.size();
    const auto stream = unary(path, pb::StatusRequest());
    ASSERT_EQ(service.asked.size(), before + 1) << path;
    EXPECT_EQ(service.asked.back().what, what);
    answer(before, ok(static_cast<std::int64_t>(before) + 2, pb::StatusResponse()));
    EXPECT_EQ(response(stream).status(), "0") << path;
    EXPECT_EQ(message<pb::PutResponse>(stream).header().revision(), static_cast<std::int64_t>(before) + 2);
  }
}

TEST_F(ApiTest, GivesFailuresTheirExactCodesAndTexts) {
  struct Row {
    Outcome outcome;
    kv::Failure failure;
    const char* code;
    const char* text;
  };
  const Row rows[] = {
      {Outcome::failed, kv::Failure::empty_key, "3", "etcdserver: key is not provided"},
      {Outcome::failed, kv::Failure::key_not_found, "3", "etcdserver: key not found"},
      {Outcome::failed, kv::Failure::value_provided, "3", "etcdserver: value is provided"},
      {Outcome::failed, kv::Failure::lease_provided, "3", "etcdserver: lease is provided"},
      {Outcome::failed, kv::Failure::too_many_ops, "3", "etcdserver: too many operations in txn request"},
      {Outcome::failed, kv::Failure::duplicate_key, "3", "etcdserver: duplicate key given in txn request"},
      {Outcome::failed, kv::Failure::invalid_sort_option, "3", "etcdserver: invalid sort option"},
      {Outcome::failed, kv::Failure::compacted, "11", "etcdserver: mvcc: required revision has been compacted"},
      {Outcome::failed, kv::Failure::future_revision, "11", "etcdserver: mvcc: required revision is a future revision"},
      {Outcome::failed, kv::Failure::no_space, "8", "etcdserver: mvcc: database space exceeded"},
      {Outcome::failed, kv::Failure::lease_not_found, "5", "etcdserver: requested lease not found"},
      {Outcome::failed, kv::Failure::lease_exists, "9", "etcdserver: lease already exists"},
      {Outcome::failed, kv::Failure::lease_ttl_too_large, "11", "etcdserver: too large lease TTL"},
      {Outcome::failed, kv::Failure::member_not_found, "5", "etcdserver: member not found"},
      {Outcome::no_leader, kv::Failure::none, "14", "etcdserver: no leader"},
      {Outcome::leader_changed, kv::Failure::none, "14", "etcdserver: leader changed"},
      {Outcome::timed_out, kv::Failure::none, "14", "etcdserver: request timed out"},
      {Outcome::timed_out_leader_lost, kv::Failure::none, "14",
       "etcdserver: request timed out, possibly due to previous leader failure"},
      {Outcome::timed_out_connection, kv::Failure::none, "14",
       "etcdserver: request timed out, possibly due to connection lost"},
      {Outcome::too_many_requests, kv::Failure::none, "8", "etcdserver: too many requests"},
      {Outcome::request_too_large, kv::Failure::none, "3", "etcdserver: request is too large"},
      {Outcome::no_space, kv::Failure::none, "8", "etcdserver: mvcc: database space exceeded"},
      {Outcome::corrupt, kv::Failure::none, "15", "etcdserver: corrupt cluster"},
      {Outcome::not_leader, kv::Failure::none, "9", "etcdserver: not leader"},
      {Outcome::bad_transferee, kv::Failure::none, "9", "etcdserver: bad leader transferee"},
      {Outcome::timed_out_transfer, kv::Failure::none, "2",
       "etcdserver: request timed out, leader transfer took too long"},
      {Outcome::stopped, kv::Failure::none, "14", "etcdserver: server stopped"},
  };
  for (const Row& row : rows) {
    const auto stream = unary("/etcdserverpb.KV/Put", pb::PutRequest());
    answer(service.asked.size() - 1, {.outcome = row.outcome, .failure = row.failure});
    EXPECT_EQ(response(stream).status(), row.code) << row.text;
    EXPECT_EQ(response(stream).text(), row.text);
    EXPECT_TRUE(response(stream).messages.empty());
  }
}

TEST_F(ApiTest, PassesTheDeadlineAndNamesItWhenItWasTheClientsOwn) {
  const auto stream = unary("/etcdserverpb.KV/Put", pb::PutRequest(), {{"grpc-timeout", "500m"}});
  EXPECT_EQ(service.asked[0].deadline, time.instant + std::chrono::milliseconds(500));
  time.pass(std::chrono::milliseconds(500));
  answer(0, {.outcome = Outcome::timed_out});
  EXPECT_EQ(response(stream).status(), "4");
  EXPECT_EQ(response(stream).text(), "context deadline exceeded");
}

TEST_F(ApiTest, AbandonsTheRequestsOfClientsThatWent) {
  const auto stream = unary("/etcdserverpb.KV/Put", pb::PutRequest());
  unary("/etcdserverpb.KV/Range", pb::RangeRequest());
  wire->client.reset(stream);
  run();
  EXPECT_EQ(service.abandoned, std::vector<service::Ticket>{1});
  const auto third = unary("/etcdserverpb.KV/Put", pb::PutRequest());  // takes the place that became free
  answer(1, ok(5, pb::RangeResponse()));
  answer(2, ok(6, pb::PutResponse()));
  EXPECT_EQ(message<pb::PutResponse>(third).header().revision(), 6);
  unary("/etcdserverpb.KV/Put", pb::PutRequest());
  wire.reset();
  EXPECT_EQ(service.abandoned, (std::vector<service::Ticket>{1, 4}));
}

TEST_F(ApiTest, PicksTheGroupThatMetadataNames) {
  unary("/etcdserverpb.KV/Put", pb::PutRequest(), {{"quorate-group", "5"}});
  EXPECT_EQ(second.asked.size(), 1U);
  EXPECT_TRUE(service.asked.empty());
  for (const char* wrong : {"2", "x", "5x", "-1"}) {
    const auto stream = unary("/etcdserverpb.KV/Put", pb::PutRequest(), {{"quorate-group", wrong}});
    EXPECT_EQ(response(stream).status(), "3") << wrong;
  }
}

TEST_F(ApiTest, AnswersAtOnceWithoutALeaderIfTheClientWantsOne) {
  service.core.leader = NodeId();
  const auto stream = unary("/etcdserverpb.KV/Range", pb::RangeRequest(), {{"hasleader", "true"}});
  EXPECT_EQ(response(stream).status(), "14");
  EXPECT_EQ(response(stream).text(), "etcdserver: no leader");
  EXPECT_TRUE(service.asked.empty());
  unary("/etcdserverpb.KV/Range", pb::RangeRequest());
  EXPECT_EQ(service.asked.size(), 1U);
}

TEST_F(ApiTest, RefusesAnApiVersionThatIsNoText) {
  const auto stream = unary("/etcdserverpb.KV/Range", pb::RangeRequest(), {{"client-api-version", "3.\xC0\x80"}});
  EXPECT_EQ(response(stream).status(), "3");
  EXPECT_EQ(response(stream).text(), "etcdserver: invalid client api version");
  unary("/etcdserverpb.KV/Range", pb::RangeRequest(), {{"client-api-version", "3.6"}});
  EXPECT_EQ(service.asked.size(), 1U);
}

TEST_F(ApiTest, ListsTheMembersById) {
  const std::vector<std::string> urls = {"http://c1"};
  service.fake_store.members_now[NodeId(7)] = encode_published_member("n1", urls);
  const auto stream = unary("/etcdserverpb.Cluster/MemberList", pb::MemberListRequest());
  const auto list = message<pb::MemberListResponse>(stream);
  ASSERT_EQ(list.members_size(), 3);
  EXPECT_EQ(list.members(0).name(), "n1");
  EXPECT_EQ(list.members(0).clienturls(0), "http://c1");
  EXPECT_EQ(list.members(1).id(), 8U);
  EXPECT_EQ(list.members(2).peerurls(0), "http://p3:1");
  EXPECT_EQ(list.header().revision(), 0);
  EXPECT_EQ(list.header().raft_term(), 3U);
  pb::MemberListRequest linearizable;
  linearizable.set_linearizable(true);
  const auto later = unary("/etcdserverpb.Cluster/MemberList", linearizable);
  EXPECT_FALSE(response(later).is_closed);
  EXPECT_EQ(service.asked.at(0).what, "barrier_read");
  service.core.membership.voters = {NodeId(8)};
  answer(0, {.revision = 9, .term = Tag(4)});
  EXPECT_EQ(message<pb::MemberListResponse>(later).members_size(), 1);
  EXPECT_EQ(message<pb::MemberListResponse>(later).header().revision(), 0);
  EXPECT_EQ(message<pb::MemberListResponse>(later).header().raft_term(), 4U);
}

TEST_F(ApiTest, TellsItsStatus) {
  service.fake_store.revision_now = 33;
  service.fake_store.alarms_now = {{7, 1}};
  service.core.leader = NodeId();
  const auto status = message<pb::StatusResponse>(unary("/etcdserverpb.Maintenance/Status", pb::StatusRequest()));
  EXPECT_EQ(status.header().revision(), 33);
  EXPECT_EQ(status.version(), "3.6.14");
  EXPECT_EQ(status.dbsize(), 12'345);
  EXPECT_EQ(status.raftindex(), 42U);
  EXPECT_EQ(status.raftappliedindex(), 41U);
  EXPECT_EQ(status.raftterm(), 3U);
  EXPECT_EQ(status.leader(), 0U);
  ASSERT_EQ(status.errors_size(), 2);
  EXPECT_EQ(status.errors(0), "etcdserver: no leader");
  EXPECT_EQ(status.errors(1), "memberID:7 alarm:NOSPACE");
  EXPECT_EQ(status.dbsizequota(), 2LL << 30);
  EXPECT_TRUE(status.has_downgradeinfo());
}

TEST_F(ApiTest, AnswersHashAndDefragment) {
  const auto hash = unary("/etcdserverpb.Maintenance/Hash", pb::HashRequest());
  pb::HashKVResponse whole;
  whole.set_hash(77);
  whole.set_compact_revision(4);
  answer(0, ok(9, whole));
  EXPECT_EQ(message<pb::HashResponse>(hash).hash(), 77U);
  auto expected = message<pb::HashResponse>(hash);  // nothing but header and hash
  expected.set_hash(77);
  EXPECT_EQ(expected.SerializeAsString(), response(hash).messages[0]);
  EXPECT_EQ(message<pb::HashKVResponse>(hash).compact_revision(), 0);
  const auto defragment = unary("/etcdserverpb.Maintenance/Defragment", pb::DefragmentRequest());
  EXPECT_EQ(response(defragment).messages, std::vector<std::string>{""});
  EXPECT_EQ(response(defragment).status(), "0");
}

TEST_F(ApiTest, HandsLeadershipOver) {
  pb::MoveLeaderRequest request;
  request.set_targetid(77);
  const auto stream = unary("/etcdserverpb.Maintenance/MoveLeader", request);
  EXPECT_EQ(service.asked.at(0).what, "move_leader");
  EXPECT_EQ(service.asked.at(0).request, "77");
  answer(0, {});
  EXPECT_EQ(response(stream).messages, std::vector<std::string>{""});
  EXPECT_EQ(response(stream).status(), "0");
}

TEST_F(ApiTest, ChangesTheMembers) {
  pb::MemberAddRequest request;
  request.add_peerurls("http://e:1");
  request.set_islearner(true);
  const auto refused = unary("/etcdserverpb.Cluster/MemberAdd", request);
  EXPECT_EQ(response(refused).status(), "12") << "with two groups";
}

TEST_F(OneGroupApiTest, ChangesTheMembers) {
  pb::MemberAddRequest request;
  request.add_peerurls("http://e:1");
  request.set_islearner(true);
  const auto stream = unary("/etcdserverpb.Cluster/MemberAdd", request);
  ASSERT_EQ(service.asked.size(), 1U);
  const auto change = service::decode_member_change(service.asked[0].request);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->kind, service::MemberChange::Kind::add_learner);
  EXPECT_EQ(change->max_learners, 1U);
  EXPECT_EQ(change->urls, "http://e:1");
  service.core.membership.learners = {NodeId(9)};
  service.core.membership.voters = {NodeId(7), NodeId(8)};
  answer(0, {.term = Tag(3), .body = service::encode_member_answer(NodeId(9))});
  const auto added = message<pb::MemberAddResponse>(stream);
  EXPECT_EQ(added.member().id(), 9U);
  EXPECT_TRUE(added.member().islearner());
  EXPECT_EQ(added.members_size(), 3);
  EXPECT_FALSE(added.members(0).islearner());
}

TEST_F(OneGroupApiTest, RefusesMemberUrlsThatAreNone) {
  for (const auto& [url, words] : {std::pair("e:1", "etcdserver: given member URLs are invalid"),
                                   std::pair("http://e", "etcdserver: given member URLs are invalid"),
                                   std::pair("http://e:1/x", "etcdserver: given member URLs are invalid"),
                                   std::pair("http://e:99999", "etcdserver: given member URLs are invalid"),
                                   std::pair("https://e:1", "quorate: TLS between members")}) {
    pb::MemberAddRequest request;
    request.add_peerurls(url);
    const auto stream = unary("/etcdserverpb.Cluster/MemberAdd", request);
    EXPECT_EQ(response(stream).status(), "3") << url;
    EXPECT_TRUE(response(stream).text().starts_with(words)) << response(stream).text();
  }
  EXPECT_TRUE(service.asked.empty());
}

TEST_F(ApiTest, SaysWhatIsNotThereYet) {
  for (const char* path : {"/etcdserverpb.Auth/AuthStatus", "/etcdserverpb.Maintenance/Downgrade",
                           "/v3lockpb.Lock/Lock", "/v3electionpb.Election/Observe"}) {
    const auto stream = unary(path, pb::StatusRequest());
    EXPECT_EQ(response(stream).status(), "12") << path;
    EXPECT_TRUE(response(stream).text().starts_with("quorate: ")) << response(stream).text();
  }
  const auto stream = unary("/etcdserverpb.KV/RangeStream", pb::RangeRequest());
  EXPECT_EQ(response(stream).status(), "12");
  EXPECT_EQ(response(stream).text(), "unknown method RangeStream for service etcdserverpb.KV");
}

TEST_F(ApiTest, AnswersHealthChecks) {
  const auto good = unary("/grpc.health.v1.Health/Check", pb::StatusRequest());
  EXPECT_EQ(response(good).messages.at(0), "\x08\x01");
  const auto unknown = wire->client.unary("/grpc.health.v1.Health/Check", "\x0A\x01x");
  const auto watch = wire->client.unary("/grpc.health.v1.Health/Watch", "");
  run();
  EXPECT_EQ(response(unknown).status(), "5");
  EXPECT_EQ(response(unknown).text(), "unknown service");
  EXPECT_EQ(response(watch).messages.size(), 1U);
  api.set_serving(false);
  api.set_serving(false);
  run();
  ASSERT_EQ(response(watch).messages.size(), 2U);
  EXPECT_EQ(response(watch).messages[1], "\x08\x02");
  wire->client.reset(watch);
  run();
  api.set_serving(true);
}

TEST_F(ApiTest, EndsItsStreamsWhenItShutsDown) {
  const auto watch = wire->client.open("/etcdserverpb.Watch/Watch");
  const auto keep_alive = wire->client.open("/etcdserverpb.Lease/LeaseKeepAlive");
  run();
  api.shut_down();
  run();
  EXPECT_EQ(response(watch).text(), "etcdserver: server stopped");
  EXPECT_EQ(response(keep_alive).text(), "etcdserver: server stopped");
  const auto late = unary("/etcdserverpb.KV/Put", pb::PutRequest());
  EXPECT_EQ(response(late).text(), "etcdserver: server stopped");
}

TEST_F(ApiTest, CountsCallsByMethodAndCode) {
  unary("/etcdserverpb.KV/Put", pb::PutRequest());
  unary("/etcdserverpb.KV/Put", pb::PutRequest());
  answer(0, ok(2, pb::PutResponse()));
  answer(1, {.outcome = Outcome::no_leader});
  const auto stats = api.method_stats();
  const auto put = std::find_if(stats.begin(), stats.end(), [](const MethodStats& row) { return row.method == "Put"; });
  ASSERT_NE(put, stats.end());
  EXPECT_EQ(put->service, "etcdserverpb.KV");
  EXPECT_EQ(put->type, "unary");
  EXPECT_EQ(put->started, 2U);
  EXPECT_EQ(put->sent, 1U);
  EXPECT_EQ(put->handled[0], 1U);
  EXPECT_EQ(put->handled[14], 1U);
  EXPECT_EQ(name_of(rpc::Code::unavailable), "Unavailable");
}

// Leases: a stream of renewals.

std::string renewal(std::int64_t id) {
  pb::LeaseKeepAliveRequest request;
  request.set_id(id);
  return request.SerializeAsString();
}

TEST_F(ApiTest, AnswersRenewalsInTheOrderOfTheRequests) {
  const auto stream = wire->client.open("/etcdserverpb.Lease/LeaseKeepAlive");
  for (const std::int64_t id : {1, 2, 3}) {
    wire->client.send(stream, renewal(id));
  }
  run();
  ASSERT_EQ(service.asked.size(), 3U);
  EXPECT_EQ(service.asked[1].request, renewal(2));
  pb::LeaseKeepAliveResponse body;
  body.set_id(2);
  body.set_ttl(0);
  answer(1, ok(8, body));
  EXPECT_TRUE(response(stream).messages.empty());
  body.set_id(1);
  body.set_ttl(60);
  answer(0, ok(7, body));
  EXPECT_EQ(message<pb::LeaseKeepAliveResponse>(stream, 0).ttl(), 60);
  EXPECT_EQ(message<pb::LeaseKeepAliveResponse>(stream, 0).header().revision(), 7);
  EXPECT_EQ(message<pb::LeaseKeepAliveResponse>(stream, 1).id(), 2);
  wire->client.half_close(stream);
  run();
  EXPECT_FALSE(response(stream).is_closed);
  body.set_id(3);
  answer(2, ok(8, body));
  EXPECT_EQ(response(stream).messages.size(), 3U);
  EXPECT_EQ(response(stream).status(), "0");
}

TEST_F(ApiTest, EndsAStreamOfRenewalsAtAFailure) {
  const auto stream = wire->client.open("/etcdserverpb.Lease/LeaseKeepAlive");
  wire->client.send(stream, renewal(1));
  wire->client.send(stream, renewal(2));
  run();
  answer(0, {.outcome = Outcome::no_leader});
  EXPECT_EQ(response(stream).status(), "14");
  EXPECT_EQ(response(stream).text(), "etcdserver: no leader");
  EXPECT_EQ(service.abandoned, std::vector<service::Ticket>{2});
}

}  // namespace
}  // namespace quorate::etcd
