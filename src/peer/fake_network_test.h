#pragma once
// For the tests of this folder: several nodes on one virtual clock, and a network between them that a test bends.
//
// Every Stream::send is one chunk. Chunks travel when run() has nothing else to do at this instant.

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/trace.h"
#include "env/clock.h"
#include "env/entropy.h"
#include "env/loop.h"
#include "env/transport.h"

namespace quorate::peer {

/// Virtual time, timers and the end of the turn.
class FakeLoop : public env::Loop, public env::Clock {
 public:
  env::TimerId arm(Instant deadline, Callback<> fired) override {
    timers_.push_back({deadline, ++last_timer_, fired});
    return last_timer_;
  }
  void cancel(env::TimerId timer) override {
    std::erase_if(timers_, [&](const Timer& armed) { return armed.id == timer; });
  }
  void defer(Callback<> work) override { deferred_.push_back(work); }
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return {}; }

  void end_turn() {
    for (std::size_t i = 0; i < deferred_.size(); ++i) {
      const Callback<> work = deferred_[i];
      work();
    }
    deferred_.clear();
  }
  /// The deadline of the next timer, or max.
  [[nodiscard]] Instant next_deadline() const {
    Instant next = Instant::max();
    for (const Timer& timer : timers_) {
      next = std::min(next, timer.deadline);
    }
    return next;
  }
  /// Moves the clock and fires what is due.
  void advance_to(Instant instant) {
    now_ = instant;
    for (int bound = 0; next_deadline() <= now_; ++bound) {
      QUORATE_ASSERT(bound < 10'000, "timers do not arm each other for ever");
      const auto due = std::min_element(timers_.begin(), timers_.end(), [](const Timer& a, const Timer& b) {
        return std::pair(a.deadline, a.id) < std::pair(b.deadline, b.id);
      });
      const Callback<> fired = due->fired;
      timers_.erase(due);
      fired();
      end_turn();
    }
  }

 private:
  struct Timer {
    Instant deadline;
    env::TimerId id;
    Callback<> fired;
  };
  Instant now_{std::chrono::seconds(1000)};
  env::TimerId last_timer_ = 0;
  std::vector<Timer> timers_;
  std::vector<Callback<>> deferred_;
};

class CountingEntropy : public env::Entropy {
 public:
  std::uint64_t next() override { return state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL; }

 private:
  std::uint64_t state_ = 42;
};

class FakeNetwork;

class FakeStream : public env::Stream {
 public:
  explicit FakeStream(FakeNetwork& network) : network_(network) {}
  ~FakeStream() override;
  void send(std::span<const Buffer> chunks) override;
  [[nodiscard]] std::size_t unsent_bytes() const override { return unsent; }

  FakeNetwork& network_;
  env::StreamEvents* events = nullptr;
  FakeStream* other = nullptr;
  std::size_t unsent = 0;  ///< what a test claims
  std::size_t sends = 0;
};

class FakeNetwork : public env::Transport {
 public:
  explicit FakeNetwork(FakeLoop& loop) : loop_(loop) {}

  std::unique_ptr<env::Stream> connect(std::string_view address, env::StreamEvents& events) override {
    ++connects[std::string(address)];
    auto stream = std::make_unique<FakeStream>(*this);
    FakeStream* raw = stream.get();
    raw->events = &events;
    streams.push_back(raw);
    enqueue([this, raw, where = std::string(address)] { open(raw, where); });
    return stream;
  }
  Status listen(std::string_view address, env::AcceptEvents& events) override {
    listeners[std::string(address)] = &events;
    return {};
  }

  /// Runs for `span` of virtual time.
  void run(Duration span) {
    const Instant end = loop_.now() + span;
    while (true) {
      deliver();
      const Instant next = loop_.next_deadline();
      if (next > end) {
        break;
      }
      loop_.advance_to(std::max(next, loop_.now()));
    }
    loop_.advance_to(end);
    deliver();
  }
  /// Lets everything on the way arrive, without time.
  void deliver() {
    loop_.end_turn();
    for (int bound = 0; !queue_.empty() && bound < 100'000; ++bound) {
      const std::function<void()> next = std::move(queue_.front());
      queue_.pop_front();
      next();
      loop_.end_turn();
    }
  }
  void enqueue(std::function<void()> event) { queue_.push_back(std::move(event)); }
  [[nodiscard]] bool alive(const FakeStream* stream) const {
    return std::find(streams.begin(), streams.end(), stream) != streams.end();
  }

  /// Hands bytes to a stream's receiver as the network would.
  void arrive(FakeStream* at, const std::string& bytes) {
    if (alive(at) && at->events != nullptr && !bytes.empty()) {
      at->events->on_bytes(Buffer::copy_of(bytes));
    }
  }
  /// Ends both sides of a stream.
  void close(FakeStream* stream, env::CloseReason reason) {
    FakeStream* other = stream->other;
    for (FakeStream* side : {stream, other}) {
      if (side != nullptr && alive(side) && side->events != nullptr) {
        env::StreamEvents* events = std::exchange(side->events, nullptr);
        events->on_closed(reason, "fake");
      }
    }
    loop_.end_turn();
  }

  /// What becomes of a chunk: the chunks that arrive instead. Empty function: itself.
  std::function<std::vector<std::string>(const std::string&)> bend;
  bool black_hole = false;  ///< connections hang, chunks vanish, nothing closes
  std::map<std::string, env::AcceptEvents*> listeners;
  std::map<std::string, int> connects;
  std::vector<FakeStream*> streams;
  std::size_t chunks = 0;

 private:
  void open(FakeStream* from, const std::string& where) {
    if (!alive(from) || black_hole) {
      return;
    }
    const auto listener = listeners.find(where);
    if (listener == listeners.end()) {
      std::exchange(from->events, nullptr)->on_closed(env::CloseReason::refused, where + ": connection refused");
      return;
    }
    auto accepted = std::make_unique<FakeStream>(*this);
    FakeStream* raw = accepted.get();
    streams.push_back(raw);
    raw->other = from;
    from->other = raw;
    raw->events = &listener->second->on_accepted(std::move(accepted), "fake");
    from->events->on_opened();
  }

  FakeLoop& loop_;
  std::deque<std::function<void()>> queue_;
};

inline FakeStream::~FakeStream() {
  std::erase(network_.streams, this);
  if (other != nullptr && network_.alive(other)) {
    network_.enqueue([network = &network_, side = other] {
      if (network->alive(side) && side->events != nullptr && !network->black_hole) {
        std::exchange(side->events, nullptr)->on_closed(env::CloseReason::remote, "fake");
      }
    });
  }
}

inline void FakeStream::send(std::span<const Buffer> chunks) {
  ++sends;
  ++network_.chunks;
  std::string bytes;
  for (const Buffer& chunk : chunks) {
    bytes += chunk.view();
  }
  const std::vector<std::string> arriving = network_.bend ? network_.bend(bytes) : std::vector<std::string>{bytes};
  for (const std::string& one : arriving) {
    network_.enqueue([network = &network_, to = other, one] {
      if (!network->black_hole) {
        network->arrive(to, one);
      }
    });
  }
}

}  // namespace quorate::peer
