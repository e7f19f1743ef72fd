// Links that take their time: whatever goes to a listener's target, and whatever comes back, arrives so much later.
//
//   relay MICROSECONDS LISTEN TARGET [LISTEN TARGET]...     "host:port" each; runs until it is killed
//
// One process for all links of a cluster, with the server's own loop and sockets, so that what a benchmark measures is
// the way and not the relay. Each piece has its own delay: the way is long, not narrow.

#include <charconv>
#include <cstdio>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "env_posix/loop.h"
#include "env_posix/tcp_transport.h"

namespace quorate {
namespace {

class Relay {
 public:
  Relay(env_posix::EventLoop& loop, Duration delay) : loop_(loop), transport_(loop), delay_(delay) {}

  [[nodiscard]] Status add(std::string_view listen, std::string target) {
    listeners_.push_back(std::make_unique<Listener>(*this, std::move(target)));
    return transport_.listen(listen, *listeners_.back());
  }

 private:
  class Pair;

  /// One end of a pair: what it hears goes to the other end.
  class End final : public env::StreamEvents {
   public:
    End(Relay& relay, Pair& pair) : relay_(relay), pair_(pair) {}
    ~End() override { relay_.loop_.cancel(timer_); }
    End(const End&) = delete;
    End& operator=(const End&) = delete;

    void on_opened() override { is_open_ = true; }
    void on_bytes(Buffer bytes) override;
    void on_drained() override {}
    void on_closed(env::CloseReason, std::string_view) override;

    /// Sends what is due and has come so far.
    void send_due(std::uint64_t) {
      timer_ = 0;
      while (is_open_ && !pieces_.empty() && pieces_.front().first <= relay_.loop_.now()) {
        stream->send({&pieces_.front().second, 1});
        pieces_.pop_front();
      }
      if (!pieces_.empty()) {
        const Instant due = is_open_ ? pieces_.front().first : relay_.loop_.now() + kRetry;
        timer_ = relay_.loop_.arm(due, Callback<>::to<&End::send_due>(this));
      }
    }
    void queue(Instant due, Buffer bytes) {
      pieces_.emplace_back(due, std::move(bytes));
      if (timer_ == 0) {
        timer_ = relay_.loop_.arm(pieces_.front().first, Callback<>::to<&End::send_due>(this));
      }
    }
    void set_open() { is_open_ = true; }

    std::unique_ptr<env::Stream> stream;

   private:
    static constexpr Duration kRetry = std::chrono::milliseconds(1);  ///< while the target is being connected

    Relay& relay_;
    Pair& pair_;
    bool is_open_ = false;
    std::deque<std::pair<Instant, Buffer>> pieces_;
    env::TimerId timer_ = 0;
  };

  class Pair {
   public:
    explicit Pair(Relay& relay) : near(relay, *this), far(relay, *this) {}
    End near;
    End far;
    bool is_over = false;
  };

  class Listener final : public env::AcceptEvents {
   public:
    Listener(Relay& relay, std::string target) : relay_(relay), target_(std::move(target)) {}
    env::StreamEvents& on_accepted(std::unique_ptr<env::Stream> stream, std::string_view) override {
      Pair& pair = relay_.pairs_.emplace_back(relay_);
      pair.near.stream = std::move(stream);
      pair.near.set_open();
      pair.far.stream = relay_.transport_.connect(target_, pair.far);
      return pair.near;
    }

   private:
    Relay& relay_;
    std::string target_;
  };

  void end(Pair& pair) {
    if (!std::exchange(pair.is_over, true)) {
      loop_.defer(Callback<>::to<&Relay::forget_ended>(this));
    }
  }
  void forget_ended(std::uint64_t) {
    std::erase_if(pairs_, [](const Pair& pair) { return pair.is_over; });
  }

  env_posix::EventLoop& loop_;
  env_posix::TcpTransport transport_;
  Duration delay_;
  std::list<std::unique_ptr<Listener>> listeners_;
  std::list<Pair> pairs_;
};

void Relay::End::on_bytes(Buffer bytes) {
  End& other = this == &pair_.near ? pair_.far : pair_.near;
  other.queue(relay_.loop_.now() + relay_.delay_, std::move(bytes));
}

void Relay::End::on_closed(env::CloseReason, std::string_view) { relay_.end(pair_); }

int run(int argc, char** argv) {
  std::uint64_t delay_us = 0;
  const std::string_view delay = argc < 4 || argc % 2 != 0 ? std::string_view() : argv[1];
  if (std::from_chars(delay.data(), delay.data() + delay.size(), delay_us).ptr != delay.data() + delay.size() ||
      delay.empty()) {
    std::fputs("usage: relay MICROSECONDS LISTEN TARGET [LISTEN TARGET]...\n", stderr);
    return 2;
  }
  Result<std::unique_ptr<env_posix::EventLoop>> loop = env_posix::EventLoop::make();
  if (!loop) {
    std::fprintf(stderr, "relay: %s\n", loop.error().text.c_str());
    return 1;
  }
  Relay relay(**loop, std::chrono::microseconds(delay_us));
  for (int i = 2; i < argc; i += 2) {
    if (const Status added = relay.add(argv[i], argv[i + 1]); !added) {
      std::fprintf(stderr, "relay: %s\n", added.error().text.c_str());
      return 1;
    }
  }
  (*loop)->run();
  return 0;
}

}  // namespace
}  // namespace quorate

int main(int argc, char** argv) { return quorate::run(argc, argv); }
