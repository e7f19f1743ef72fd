#pragma once
// A thread that does one blocking call of the engine after the other.
//
// Invariants: 1. jobs run in order. 2. the destructor drops what has not begun and waits for the job that runs.
// Owned by the store; add() is called on the loop.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace quorate::engine_rocksdb {

class JobThread {
 public:
  /// `name` is what tools show, at most 15 characters.
  explicit JobThread(const char* name);
  ~JobThread();
  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;

  void add(std::function<void()> job);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace quorate::engine_rocksdb
