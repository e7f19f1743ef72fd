// Watch streams against etcd's rules (facts, section 2.7): ids, refusals, events, fragments, progress, endings.

#include "api/etcd/watch_stream.h"

#include <gtest/gtest.h>

#include "api/etcd/api_fixture_for_test.h"

namespace quorate::etcd {
namespace {

class WatchTest : public ApiTest {
 protected:
  void open(const rpc::testing::Headers& extra = {}) {
    stream = wire->client.open("/etcdserverpb.Watch/Watch", extra);
    run();
  }
  void send(const pb::WatchRequest& request) {
    wire->client.send(stream, request.SerializeAsString());
    run();
  }
  static pb::WatchRequest create_of(std::string_view key) {
    pb::WatchRequest request;
    request.mutable_create_request()->set_key(std::string(key));
    return request;
  }
  void cancel(std::int64_t id) {
    pb::WatchRequest request;
    request.mutable_cancel_request()->set_watch_id(id);
    send(request);
  }
  void ask_progress() {
    pb::WatchRequest request;
    request.mutable_progress_request();
    send(request);
  }
  std::size_t count() { return response(stream).messages.size(); }
  pb::WatchResponse last() { return message<pb::WatchResponse>(stream, count() - 1); }
  /// An event as the hub hands it over.
  static service::WatchEvent event(std::int64_t revision, std::size_t value_size = 5) {
    mvccpb::Event encoded;
    encoded.mutable_kv()->set_key("k");
    encoded.mutable_kv()->set_mod_revision(revision);
    encoded.mutable_kv()->set_value(std::string(value_size, 'v'));
    return {.encoded = Buffer::copy_of(encoded.SerializeAsString())};
  }
  void deliver(std::size_t watcher, std::int64_t revision, const std::vector<service::WatchEvent>& events) {
    const auto& target = service.hub.watchers.at(watcher);
    target.sink->on_events(target.id, revision, events);
    run();
  }

  std::int32_t stream = 0;
};

TEST_F(WatchTest, CreatesWatchersAndPassesWhatTheyAskFor) {
  service.fake_store.revision_now = 12;
  open();
  pb::WatchRequest request = create_of("a");
  auto& create = *request.mutable_create_request();
  create.set_range_end("b");
  create.set_start_revision(5);
  create.set_prev_kv(true);
  create.set_progress_notify(true);
  create.add_filters(pb::WatchCreateRequest::NODELETE);
  send(request);
  ASSERT_EQ(count(), 1U);
  EXPECT_TRUE(last().created());
  EXPECT_FALSE(last().canceled());
  EXPECT_EQ(last().watch_id(), 0);
  EXPECT_EQ(last().header().revision(), 12);
  EXPECT_EQ(last().header().member_id(), 7U);
  ASSERT_EQ(service.hub.watchers.size(), 1U);
  const service::WatchSpec& spec = service.hub.watchers[0].spec;
  EXPECT_EQ(spec.key.view(), "a");
  EXPECT_EQ(spec.range_end.view(), "b");
  EXPECT_EQ(spec.start_revision, 5);
  EXPECT_TRUE(spec.prev_kv);
  EXPECT_TRUE(spec.progress_notify);
  EXPECT_TRUE(spec.no_delete);
  EXPECT_FALSE(spec.no_put);
  send(create_of(""));
  EXPECT_EQ(service.hub.watchers[1].spec.key.view(), ByteView("\0", 1));
  EXPECT_EQ(last().watch_id(), 1);
}

TEST_F(WatchTest, ReadsFiltersInBothEncodings) {
  open();
  wire->client.send(stream, std::string("\x0A\x07\x0A\x01k\x28\x00\x28\x01", 9));  // one by one
  wire->client.send(stream, std::string("\x0A\x07\x0A\x01k\x2A\x02\x01\x01", 9));  // packed
  run();
  ASSERT_EQ(service.hub.watchers.size(), 2U);
  EXPECT_TRUE(service.hub.watchers[0].spec.no_put && service.hub.watchers[0].spec.no_delete);
  EXPECT_TRUE(!service.hub.watchers[1].spec.no_put && service.hub.watchers[1].spec.no_delete);
}

TEST_F(WatchTest, GivesTheLowestUnusedIdsThatOnlyGrow) {
  open();
  pb::WatchRequest chosen = create_of("k");
  chosen.mutable_create_request()->set_watch_id(1);
  send(create_of("k"));
  EXPECT_EQ(last().watch_id(), 0);
  send(chosen);
  EXPECT_EQ(last().watch_id(), 1);
  send(create_of("k"));
  EXPECT_EQ(last().watch_id(), 2);
  cancel(0);
  EXPECT_TRUE(last().canceled());
  EXPECT_EQ(last().watch_id(), 0);
  EXPECT_EQ(last().cancel_reason(), "");
  send(create_of("k"));
  EXPECT_EQ(last().watch_id(), 3);
  cancel(1);
  send(chosen);  // a client may take a cancelled id again
  EXPECT_TRUE(last().created());
  EXPECT_EQ(last().watch_id(), 1);
  EXPECT_EQ(service.hub.watchers.size(), 3U);
}

TEST_F(WatchTest, RefusesWithIdMinusOne) {
  open();
  pb::WatchRequest taken = create_of("k");
  taken.mutable_create_request()->set_watch_id(9);
  send(taken);
  struct Row {
    std::string key, range_end;
    std::int64_t start, id;
    const char* reason;
  };
  for (const Row& row :
       {Row{"b", "a", 0, 0, "mvcc: watcher range is empty"}, Row{"b", "b", 0, 0, "mvcc: watcher range is empty"},
        Row{"k", "", 0, 9, "mvcc: duplicate watch ID provided on the WatchStream"},
        Row{"k", "", -1, 0, "mvcc: required revision has been compacted"}}) {
    pb::WatchRequest request = create_of(row.key);
    request.mutable_create_request()->set_range_end(row.range_end);
    request.mutable_create_request()->set_start_revision(row.start);
    request.mutable_create_request()->set_watch_id(row.id);
    send(request);
    EXPECT_TRUE(last().created() && last().canceled()) << row.reason;
    EXPECT_EQ(last().watch_id(), -1);
    EXPECT_EQ(last().cancel_reason(), row.reason);
  }
  pb::WatchRequest open_ended = create_of("b");
  open_ended.mutable_create_request()->set_range_end(std::string("\0", 1));
  send(open_ended);
  EXPECT_FALSE(last().canceled());
  EXPECT_FALSE(response(stream).is_closed);
  EXPECT_EQ(service.hub.watchers.size(), 2U);
}

TEST_F(WatchTest, SendsEventsWithTheirHeader) {
  open();
  send(create_of("k"));
  send(create_of("k"));
  deliver(1, 8, {event(8)});
  EXPECT_EQ(last().watch_id(), 1);
  EXPECT_EQ(last().header().revision(), 8);
  EXPECT_EQ(last().header().raft_term(), 3U);
  ASSERT_EQ(last().events_size(), 1);
  EXPECT_EQ(last().events(0).kv().mod_revision(), 8);
  const int asked_before = service.status_calls;
  deliver(0, 8, {event(8)});  // the same header: not made again
  EXPECT_EQ(service.status_calls, asked_before);
  EXPECT_EQ(last().watch_id(), 0);
  deliver(0, 20, {event(9), event(10, 5000), event(10, 300)});
  ASSERT_EQ(last().events_size(), 3);
  EXPECT_EQ(last().events(1).kv().value().size(), 5000U);
  EXPECT_EQ(last().events(2).kv().value().size(), 300U);
  EXPECT_EQ(last().header().revision(), 20);
}

TEST_F(WatchTest, SplitsLargeResponsesOnlyIfAsked) {
  open();
  pb::WatchRequest request = create_of("k");
  send(request);
  request.mutable_create_request()->set_fragment(true);
  send(request);
  const std::vector<service::WatchEvent> events(5, event(8, 900'000));
  deliver(0, 8, events);
  EXPECT_EQ(last().events_size(), 5);
  EXPECT_FALSE(last().fragment());
  const std::size_t before = count();
  deliver(1, 8, events);  // two fit into max-request-bytes + 512 KiB
  ASSERT_EQ(count(), before + 3);
  EXPECT_EQ(message<pb::WatchResponse>(stream, before).events_size(), 2);
  EXPECT_TRUE(message<pb::WatchResponse>(stream, before).fragment());
  EXPECT_TRUE(message<pb::WatchResponse>(stream, before + 1).fragment());
  EXPECT_EQ(last().events_size(), 1);
  EXPECT_FALSE(last().fragment());
}

TEST_F(WatchTest, TellsOfCompactedRevisions) {
  open();
  send(create_of("k"));
  const auto& watcher = service.hub.watchers[0];
  watcher.sink->on_compacted(watcher.id, 44);
  run();
  EXPECT_TRUE(last().canceled());
  EXPECT_FALSE(last().created());
  EXPECT_EQ(last().watch_id(), 0);
  EXPECT_EQ(last().compact_revision(), 44);
  EXPECT_EQ(last().cancel_reason(), "");
  EXPECT_EQ(last().header().revision(), 0);
  EXPECT_FALSE(response(stream).is_closed);
  cancel(0);  // unknown by now: no reply at all
  EXPECT_EQ(count(), 2U);
}

TEST_F(WatchTest, AnswersProgressRequestsOnlyWhenAllIsDelivered) {
  open();
  ask_progress();  // no watchers: no answer
  EXPECT_EQ(count(), 0U);
  send(create_of("k"));
  service.hub.is_synced = false;
  ask_progress();
  EXPECT_EQ(count(), 1U);
  service.hub.is_synced = true;
  service.hub.synced_revision = 30;
  ask_progress();
  ASSERT_EQ(count(), 2U);
  EXPECT_EQ(last().watch_id(), -1);
  EXPECT_EQ(last().header().revision(), 30);
  EXPECT_EQ(last().events_size(), 0);
  pb::WatchRequest future = create_of("k");
  future.mutable_create_request()->set_start_revision(31);
  send(future);
  ask_progress();
  EXPECT_EQ(count(), 3U);
  service.hub.synced_revision = 31;
  ask_progress();
  EXPECT_EQ(last().header().revision(), 31);
}

TEST_F(WatchTest, PassesProgressNotices) {
  open();
  send(create_of("k"));
  const auto& watcher = service.hub.watchers[0];
  watcher.sink->on_progress(watcher.id, 50);
  run();
  EXPECT_EQ(last().watch_id(), 0);
  EXPECT_EQ(last().header().revision(), 50);
  EXPECT_FALSE(last().created() || last().canceled());
}

TEST_F(WatchTest, IgnoresWhatItDoesNotKnowAndEndsAtGarbage) {
  open();
  send(pb::WatchRequest());
  wire->client.send(stream, "\x4A\x01x");  // field 9
  run();
  EXPECT_FALSE(response(stream).is_closed);
  wire->client.send(stream, "\x0A\x7Fx");
  run();
  EXPECT_EQ(response(stream).status(), "13");
}

TEST_F(WatchTest, CancelsItsWatchersWhenTheClientGoes) {
  open();
  send(create_of("a"));
  send(create_of("b"));
  EXPECT_EQ(service.hub.watchers.size(), 2U);
  wire->client.reset(stream);
  run();
  EXPECT_TRUE(service.hub.watchers.empty());
  EXPECT_EQ(api.watch_stream_count(), 0U);
}

TEST_F(WatchTest, GoesOnWhenTheClientOnlyListens) {
  open();
  send(create_of("k"));
  wire->client.half_close(stream);
  run();
  deliver(0, 8, {event(8)});
  EXPECT_EQ(last().events_size(), 1);
}

TEST_F(WatchTest, IsFullWhileTheClientDoesNotRead) {
  open();
  send(create_of("k"));
  wire->output.holds_back = true;
  service::WatchSink& sink = *service.hub.watchers[0].sink;
  int sent = 0;
  while (sink.can_take() && sent < 1000) {
    const service::WatchEvent one = event(8, 10'000);
    sink.on_events(service.hub.watchers[0].id, 8, {&one, 1});
    ++sent;
  }
  EXPECT_LT(sent, 30);
  wire->flush();
  EXPECT_EQ(service.hub.ready, 0);
  wire->output.holds_back = false;
  run();
  EXPECT_EQ(service.hub.ready, 1);
  EXPECT_TRUE(sink.can_take());
  EXPECT_EQ(count(), static_cast<std::size_t>(sent) + 1);
}

TEST_F(WatchTest, EndsStreamsThatNeedALeaderAfterThreeElectionTimeouts) {
  open({{"hasleader", "true"}});
  const auto needs = stream;
  open();
  const auto other = stream;
  service.core.leader = NodeId();
  for (int i = 0; i < 2; ++i) {
    time.pass(std::chrono::seconds(1));
    run();
  }
  EXPECT_FALSE(response(needs).is_closed);
  time.pass(std::chrono::seconds(1));
  run();
  EXPECT_EQ(response(needs).status(), "14");
  EXPECT_EQ(response(needs).text(), "etcdserver: no leader");
  EXPECT_FALSE(response(other).is_closed);
  EXPECT_TRUE(time.timers.empty());
  open({{"hasleader", "true"}});
  EXPECT_EQ(response(stream).text(), "etcdserver: no leader");
}

}  // namespace
}  // namespace quorate::etcd
