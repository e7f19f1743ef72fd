#pragma once
// A thread that does one blocking job after the other, so that the loop never waits for a disk.
//
// Invariants: 1. jobs run in the order of their calls. 2. the destructor drops what has not begun and waits for the
// job that runs. 3. the thread takes no signals.
// Owned by PosixFiles; add() is called on any thread.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace quorate::env_posix {

class FileWorker {
 public:
  /// `name` is what tools show, at most 15 characters.
  explicit FileWorker(const std::string& name);
  ~FileWorker();
  FileWorker(const FileWorker&) = delete;
  FileWorker& operator=(const FileWorker&) = delete;

  void add(std::function<void()> job);
  /// Waits until everything added before has run.
  void drain();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace quorate::env_posix
