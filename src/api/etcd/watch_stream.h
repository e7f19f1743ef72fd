#pragma once
// One Watch call: the client's watchers on it, their ids, and what is sent to them.
//
// Invariants: 1. a watcher's created reply leaves before its first event. 2. a reply with created and canceled carries
//                watch_id -1, since clients then end the whole stream. 3. an event's bytes are shared by all watchers.
//             4. above kMaxUnsentBytes the hub is told that the stream is full; watchers then catch up from history.
// Facts: etcd's watch, section 2.7. Owned by the Api, on the loop.

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "api/etcd/api.h"
#include "service/watch_hub.h"

namespace quorate::etcd {

class WatchStream : public service::WatchSink {
 public:
  WatchStream(Api& api, rpc::Call& call, Group& group);
  ~WatchStream() override;
  WatchStream(const WatchStream&) = delete;
  WatchStream& operator=(const WatchStream&) = delete;

  /// False: not a WatchRequest; the caller ends the stream.
  [[nodiscard]] bool on_message(ByteView message);
  void on_writable();

  [[nodiscard]] rpc::Call& call() { return call_; }
  [[nodiscard]] Group& group() { return group_; }
  [[nodiscard]] bool needs_leader() const { return needs_leader_; }

  // service::WatchSink
  [[nodiscard]] bool can_take() const override;
  void on_events(service::WatcherId watcher, std::int64_t header_revision,
                 std::span<const service::WatchEvent> events) override;
  void on_compacted(service::WatcherId watcher, std::int64_t compact_revision) override;
  void on_progress(service::WatcherId watcher, std::int64_t revision) override;

 private:
  struct Watcher {
    std::int64_t id = 0;
    service::WatcherId hub_id = 0;
    std::size_t index = 0;  ///< in hub_ids_
    std::int64_t start_revision = 0;
    bool fragments = false;
  };
  struct CreateRequest {
    service::WatchSpec spec;
    std::int64_t watch_id = 0;
    bool fragments = false;
  };
  /// The fields of a response without events; zero ones are left out, as protobuf does.
  struct Control {
    std::int64_t header_revision = 0;
    std::int64_t watch_id = 0;
    bool created = false;
    bool canceled = false;
    std::int64_t compact_revision = 0;
    std::string_view reason = {};
  };

  [[nodiscard]] static bool parse_create(ByteView message, CreateRequest& out);
  void create(const CreateRequest& request);
  void cancel(std::int64_t id);
  void request_progress();
  void remove(const Watcher& watcher);
  void send_control(const Control& control);
  void send_events(const Watcher& watcher, std::int64_t header_revision, std::span<const service::WatchEvent> events,
                   bool is_fragment);
  void send_fragments(const Watcher& watcher, std::int64_t header_revision,
                      std::span<const service::WatchEvent> events);
  [[nodiscard]] std::int64_t revision() const { return group_.service->store().revision(); }

  Api& api_;
  rpc::Call& call_;
  Group& group_;
  bool needs_leader_;
  std::int64_t next_id_ = 0;
  std::map<std::int64_t, service::WatcherId> by_id_;
  std::unordered_map<service::WatcherId, Watcher> by_hub_id_;
  std::vector<service::WatcherId> hub_ids_;
  std::vector<Buffer> parts_;  ///< of the message being sent; only its memory is kept
};

}  // namespace quorate::etcd
