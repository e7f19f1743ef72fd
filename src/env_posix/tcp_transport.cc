#include "env_posix/tcp_transport.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "env_posix/port_owner.h"
#include "env_posix/tcp_stream.h"

namespace quorate::env_posix {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr Duration kRetryAccept = std::chrono::milliseconds(100);

void set_option(int descriptor, int level, int option, int value) {
  ::setsockopt(descriptor, level, option, &value, sizeof value);  // a refusal costs speed only
}

/// A listening socket on `address`, or -1 with errno set. Accepted sockets inherit the options.
int open_listener(const SocketAddress& address) {
  const int descriptor = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) {
    return -1;
  }
  set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3);
  if (::bind(descriptor, address.get(), address.size) != 0 || ::listen(descriptor, SOMAXCONN) != 0) {
    const int failure = errno;
    ::close(descriptor);
    errno = failure;
    return -1;
  }
  return descriptor;
}

Error why_not_listening(std::string_view text, const SocketAddress& address, int failure) {
  const std::string prefix = "cannot listen on " + std::string(text) + ": ";
  if (failure != EADDRINUSE) {
    return {ErrorCode::io, prefix + std::strerror(failure)};
  }
  const std::string owner = owner_of_port(address);
  return {ErrorCode::busy, prefix + "port " + std::to_string(address.port()) + " is in use" +
                               (owner.empty() ? std::string() : " by " + owner)};
}

}  // namespace

class TcpTransport::Listener final : private Source {
 public:
  Listener(EventLoop& loop, std::shared_ptr<ReceiveBlocks> blocks, int descriptor, env::AcceptEvents& events)
      : loop_(loop), blocks_(std::move(blocks)), events_(events), descriptor_(descriptor), id_(loop.attach(*this)) {
    reserve();
  }
  ~Listener() override {
    loop_.detach(id_);
    loop_.cancel(retry_);
    ::close(descriptor_);
    if (reserve_ >= 0) {
      ::close(reserve_);
    }
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] Status start() { return loop_.watch(id_, descriptor_); }

 private:
  void on_ready(Readiness /*readiness*/) override {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      SocketAddress remote;
      remote.size = sizeof remote.storage;
      const int accepted = ::accept4(descriptor_, remote.get(), &remote.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted >= 0) {
        adopt(accepted, remote);
      } else if (errno == EMFILE || errno == ENFILE) {
        if (!shed_one()) {
          loop_.cancel(retry_);
          retry_ = loop_.arm(loop_.now() + kRetryAccept, Callback<>::to<&Listener::retry>(this));
          return;
        }
      } else if (errno == EAGAIN) {
        return;
      }  // else this one connection failed before it was accepted
    }
    loop_.request_ready(id_);
  }

  void adopt(int accepted, const SocketAddress& remote) {
    std::string name = remote.text();
    auto stream = std::make_unique<TcpStream>(loop_, blocks_, accepted, name);
    TcpStream* const raw = stream.get();
    const SourceId id = raw->id();
    env::StreamEvents& events = events_.on_accepted(std::move(stream), name);
    if (TcpStream::find(loop_, id) == raw) {  // else the user closed it at once
      raw->start(events);
    }
  }

  /// No descriptor is left: gives up the reserved one to accept and close a connection, so that its client learns at
  /// once that there is no room.
  bool shed_one() {
    if (reserve_ < 0) {
      return false;
    }
    ::close(reserve_);
    const int accepted = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted >= 0) {
      ::close(accepted);
    }
    reserve();
    return accepted >= 0;
  }
  void retry(std::uint64_t /*token*/) { on_ready({}); }
  void reserve() { reserve_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

  EventLoop& loop_;
  const std::shared_ptr<ReceiveBlocks> blocks_;
  env::AcceptEvents& events_;
  const int descriptor_;
  const SourceId id_;
  int reserve_ = -1;
  env::TimerId retry_ = 0;
};

TcpTransport::TcpTransport(EventLoop& loop)
    : loop_(loop), blocks_(std::make_shared<ReceiveBlocks>()), resolver_(loop.shared_poster()) {}
TcpTransport::~TcpTransport() = default;

std::unique_ptr<env::Stream> TcpTransport::connect(std::string_view address, env::StreamEvents& events) {
  auto stream = std::make_unique<TcpStream>(loop_, blocks_, events, std::string(address));
  const Result<HostPort> host = parse_host_port(address);
  if (!host) {
    stream->give_up(env::CloseReason::unreachable, host.error().text);
    return stream;
  }
  if (Result<std::vector<SocketAddress>> numeric = look_up(*host, Lookup::numeric_only)) {
    stream->connect_to(std::move(*numeric));
    return stream;
  }
  resolver_.look_up(*host, [&loop = loop_, id = stream->id()](Result<std::vector<SocketAddress>> found) {
    TcpStream* const waiting = TcpStream::find(loop, id);  // null: destroyed meanwhile
    if (waiting == nullptr) {
      return;
    }
    if (found) {
      waiting->connect_to(std::move(*found));
    } else {
      waiting->give_up(env::CloseReason::unreachable, found.error().text);
    }
  });
  return stream;
}

Status TcpTransport::listen(std::string_view address, env::AcceptEvents& events) {
  const Result<HostPort> host = parse_host_port(address);
  if (!host) {
    return fail(host.error().code, "cannot listen: " + host.error().text);
  }
  const Result<std::vector<SocketAddress>> found = look_up(*host, Lookup::full);
  if (!found) {
    return fail(found.error().code, "cannot listen on " + std::string(address) + ": " + found.error().text);
  }
  const int descriptor = open_listener(found->front());
  if (descriptor < 0) {
    return std::unexpected<Error>(why_not_listening(address, found->front(), errno));
  }
  SocketAddress bound;
  bound.size = sizeof bound.storage;
  ::getsockname(descriptor, bound.get(), &bound.size);
  auto listener = std::make_unique<Listener>(loop_, blocks_, descriptor, events);
  QUORATE_TRY(listener->start());
  last_port_ = bound.port();
  listeners_.push_back(std::move(listener));
  return {};
}

}  // namespace quorate::env_posix
