#include "env_posix/file_worker.h"

#include <csignal>
#include <future>
#include <utility>

#include <pthread.h>

namespace quorate::env_posix {

FileWorker::FileWorker(const std::string& name) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread(&FileWorker::run, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

FileWorker::~FileWorker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

void FileWorker::add(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
  if (jobs_.size() == 1) {
    wake_.notify_one();
  }
}

void FileWorker::drain() {
  std::promise<void> reached;
  add([&reached] { reached.set_value(); });
  reached.get_future().wait();
}

void FileWorker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
    if (stop_) {
      return;
    }
    const std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

}  // namespace quorate::env_posix
