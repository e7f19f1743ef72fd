#pragma once
// Maintenance.Snapshot: the state of this node as an etcd snapshot file, sent while it is being made.
//
// Invariants: 1. what is sent is the state of one moment, with everything that was answered before the call here. 2. of
// a file a page and what flow control holds back are in memory; nothing is on a disk. 3. a client that takes nothing
// for kPatience is given up: its view keeps the engine from freeing space. 4. at most kMaxStreams at a time. Facts:
// section 2.12, Snapshot. Owned by the Api, on the loop; the file's bytes are made on the engine's thread.

#include <cstdint>
#include <memory>
#include <vector>

#include "api/etcd/api.h"
#include "backup/file_cursor.h"

namespace quorate::etcd {

class SnapshotService {
 public:
  static constexpr std::size_t kMaxStreams = 4;
  static constexpr std::size_t kPageBytes = 128U << 10;
  static constexpr std::size_t kMaxUnsentBytes = 256U << 10;
  static constexpr Duration kPatience = std::chrono::minutes(10);

  explicit SnapshotService(Api& api) : api_(api) {}
  ~SnapshotService();
  SnapshotService(const SnapshotService&) = delete;
  SnapshotService& operator=(const SnapshotService&) = delete;

  void begin(rpc::Call& call, Group& group);
  /// The client went away.
  void forget(const rpc::Call& call);
  void on_writable(const rpc::Call& call);
  void shut_down();

 private:
  struct Stream {
    std::uint64_t number = 0;
    rpc::Call* call = nullptr;
    env::RecordStore* store = nullptr;
    std::shared_ptr<backup::FileCursor> file;
    std::uint64_t sent_bytes = 0;
    bool is_reading = false;       ///< the file is the store's
    env::TimerId stall_timer = 0;  ///< armed while the client holds the stream back
  };

  [[nodiscard]] Stream* find(std::uint64_t number);
  [[nodiscard]] Stream* find(const rpc::Call& call);
  void on_pinned(std::uint64_t number, group::PinnedRecords records);
  void on_page(std::uint64_t number, Result<env::RecordPage> page);
  void on_stalled(std::uint64_t number);
  void go_on(Stream& stream);
  void send(Stream& stream, env::RecordPage page);
  void finish(Stream& stream, RpcStatus status);
  void erase(Stream& stream);

  Api& api_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::uint64_t last_number_ = 0;
};

}  // namespace quorate::etcd
