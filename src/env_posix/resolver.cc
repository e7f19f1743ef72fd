#include "env_posix/resolver.h"

#include <deque>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace quorate::env_posix {

struct Resolver::Shared {
  struct Request {
    HostPort host;
    Answer answer;
  };

  std::shared_ptr<Poster> poster;
  std::mutex mutex;
  std::deque<Request> waiting;  // guarded by mutex
  std::size_t threads = 0;      // guarded by mutex

  void reply(Answer answer, Result<std::vector<SocketAddress>> result) const {
    poster->post([answer = std::move(answer), result = std::move(result)]() mutable { answer(std::move(result)); });
  }
};

Resolver::Resolver(std::shared_ptr<Poster> poster) : shared_(std::make_shared<Shared>()) {
  shared_->poster = std::move(poster);
}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->waiting.clear();
}

void Resolver::look_up(HostPort host, Answer answer) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->waiting.size() >= kMaxWaiting) {
    shared_->reply(std::move(answer), fail(ErrorCode::busy, "'" + host.host + "' does not resolve (too many lookups)"));
    return;
  }
  shared_->waiting.push_back({std::move(host), std::move(answer)});
  if (shared_->threads == kMaxThreads) {
    return;
  }
  try {
    std::thread([shared = shared_] { work(shared); }).detach();
    ++shared_->threads;
  } catch (const std::system_error& refused) {
    if (shared_->threads == 0) {  // nobody else would answer
      Shared::Request request = std::move(shared_->waiting.back());
      shared_->waiting.pop_back();
      shared_->reply(std::move(request.answer),
                     fail(ErrorCode::io, "'" + request.host.host + "' does not resolve (" + refused.what() + ")"));
    }
  }
}

void Resolver::work(const std::shared_ptr<Shared>& shared) {
  while (true) {
    Shared::Request request;
    {
      const std::lock_guard lock(shared->mutex);
      if (shared->waiting.empty()) {
        --shared->threads;
        return;
      }
      request = std::move(shared->waiting.front());
      shared->waiting.pop_front();
    }
    shared->reply(std::move(request.answer), env_posix::look_up(request.host, Lookup::full));
  }
}

}  // namespace quorate::env_posix
