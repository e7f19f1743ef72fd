#include "env_posix/tcp_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"

namespace quorate::env_posix {
namespace {

constexpr std::size_t kChunksPerWrite = 256;
constexpr std::size_t kKeptChunks = 64;  // of the queue's memory, while nothing waits

env::CloseReason reason_of(int system_error) {
  switch (system_error) {
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE: return env::CloseReason::reset;
    case ECONNREFUSED: return env::CloseReason::refused;
    default: return env::CloseReason::unreachable;
  }
}

}  // namespace

TcpStream::TcpStream(EventLoop& loop, std::shared_ptr<ReceiveBlocks> blocks, env::StreamEvents& events,
                     std::string name)
    : loop_(loop), blocks_(std::move(blocks)), events_(&events), id_(loop.attach(*this)), name_(std::move(name)) {}

TcpStream::TcpStream(EventLoop& loop, std::shared_ptr<ReceiveBlocks> blocks, int descriptor, std::string name)
    : loop_(loop),
      blocks_(std::move(blocks)),
      id_(loop.attach(*this)),
      descriptor_(descriptor),
      state_(State::open),
      name_(std::move(name)) {}

TcpStream::~TcpStream() {
  if (state_ == State::open && !blocked_ && write_error_ == 0) {
    write_some();
  }
  loop_.detach(id_);
  close_descriptor();
}

TcpStream* TcpStream::find(const EventLoop& loop, SourceId id) {
  return static_cast<TcpStream*>(loop.find(id));  // only streams give out ids of streams
}

void TcpStream::start(env::StreamEvents& events) {
  events_ = &events;
  if (const Status watched = loop_.watch(id_, descriptor_); !watched) {
    give_up(env::CloseReason::unreachable, watched.error().text);
  }
}

void TcpStream::give_up(env::CloseReason reason, std::string detail) {
  state_ = State::closing;
  pending_reason_ = reason;
  detail_ = std::move(detail);
  loop_.request_ready(id_);
}

// Connecting.

void TcpStream::connect_to(std::vector<SocketAddress> addresses) {
  QUORATE_ASSERT(state_ == State::connecting && descriptor_ < 0 && !addresses.empty(), "connects once");
  std::reverse(addresses.begin(), addresses.end());
  addresses_ = std::move(addresses);
  try_next_address();
}

void TcpStream::try_next_address() {
  env::CloseReason reason = env::CloseReason::unreachable;
  while (!addresses_.empty()) {
    const SocketAddress address = addresses_.back();
    addresses_.pop_back();
    close_descriptor();
    descriptor_ = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (descriptor_ >= 0 && ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        (::connect(descriptor_, address.get(), address.size) == 0 || errno == EINPROGRESS)) {
      // Watched only now: a socket that never tried to connect reports a hang-up.
      if (const Status watched = loop_.watch(id_, descriptor_); !watched) {
        give_up(env::CloseReason::unreachable, watched.error().text);
      }
      return;
    }
    reason = reason_of(errno);
    detail_ = name_ + ": " + std::strerror(errno);
  }
  give_up(reason, std::move(detail_));
}

void TcpStream::finish_connecting() {
  int failure = 0;
  socklen_t size = sizeof failure;
  ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &failure, &size);
  if (failure == 0) {
    state_ = State::open;
    addresses_ = {};
    if (unsent_bytes_ > 0 && !flush_requested_) {
      flush_requested_ = true;
      loop_.request_flush(id_);
    }
    events_->on_opened();
    return;
  }
  detail_ = name_ + ": " + std::strerror(failure);
  if (addresses_.empty()) {
    close(reason_of(failure), std::move(detail_));
  } else {
    try_next_address();
  }
}

// Receiving.

void TcpStream::on_ready(Readiness readiness) {
  const SourceId id = id_;
  EventLoop& loop = loop_;
  if (state_ == State::closing) {
    close(pending_reason_, std::move(detail_));
    return;
  }
  if (state_ == State::connecting) {
    if (!readiness.writable && !readiness.hung_up) {
      return;
    }
    finish_connecting();
    if (loop.find(id) != this || state_ != State::open) {
      return;
    }
  }
  hung_up_ |= readiness.hung_up;
  if (readiness.writable && blocked_) {
    blocked_ = false;
    flush();
    if (loop.find(id) != this || state_ != State::open) {
      return;
    }
  }
  if (readiness.readable || hung_up_) {
    receive();
  }
}

void TcpStream::receive() {
  const SourceId id = id_;
  EventLoop& loop = loop_;
  std::size_t taken = 0;
  while (true) {
    const std::span<char> space = blocks_->space();
    const ssize_t got = ::recv(descriptor_, space.data(), space.size(), 0);
    if (got > 0) {
      const auto size = static_cast<std::size_t>(got);
      events_->on_bytes(blocks_->take(size));
      if (loop.find(id) != this || state_ != State::open) {
        return;
      }
      taken += size;
      if (size < space.size() && !hung_up_) {
        return;  // the system has no more: the next byte is a new edge
      }
      if (taken >= kReceiveBudget) {
        loop.request_ready(id);
        return;
      }
    } else if (got < 0 && errno == EINTR) {
      continue;
    } else if (write_error_ != 0) {
      fail_with(write_error_);  // everything that came before the end was read
      return;
    } else if (got == 0) {
      close(env::CloseReason::remote, name_ + ": closed by the other side");
      return;
    } else if (errno == EAGAIN) {
      return;
    } else {
      fail_with(errno);
      return;
    }
  }
}

// Sending.

void TcpStream::send(std::span<const Buffer> chunks) {
  if (state_ == State::closing || state_ == State::closed || write_error_ != 0) {
    return;
  }
  for (const Buffer& chunk : chunks) {
    if (!chunk.empty()) {
      out_.push_back(chunk);
      unsent_bytes_ += chunk.size();
    }
  }
  if (state_ == State::open && !blocked_ && !flush_requested_ && unsent_bytes_ > 0) {
    flush_requested_ = true;
    loop_.request_flush(id_);
  }
}

void TcpStream::on_turn_end() {
  flush_requested_ = false;
  if (state_ == State::open && !blocked_) {
    flush();
  }
}

void TcpStream::flush() {
  if (!write_some()) {
    write_error_ = errno;
    // What the other side sent before it went away comes first: receive() reports the end when it gets there.
    out_.clear();
    first_out_ = sent_of_first_ = unsent_bytes_ = 0;
    hung_up_ = true;
    loop_.request_ready(id_);
    return;
  }
  if (unsent_bytes_ == 0) {
    events_->on_drained();
  }
}

bool TcpStream::write_some() {
  while (unsent_bytes_ > 0) {
    std::array<iovec, kChunksPerWrite> parts;
    std::size_t count = 0;
    std::size_t offered = 0;
    for (std::size_t i = first_out_; i < out_.size() && count < parts.size(); ++i) {
      const std::size_t skipped = i == first_out_ ? sent_of_first_ : 0;
      // sendmsg() only reads; its interface has no const.
      parts[count++] = {const_cast<char*>(out_[i].data()) + skipped, out_[i].size() - skipped};  // NOLINT
      offered += out_[i].size() - skipped;
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent < 0 && errno != EAGAIN) {
      return false;
    }
    if (sent > 0) {
      consume(static_cast<std::size_t>(sent));
    }
    if (sent < 0 || static_cast<std::size_t>(sent) < offered) {
      blocked_ = true;
      return true;
    }
  }
  return true;
}

void TcpStream::consume(std::size_t size) {
  unsent_bytes_ -= size;
  if (unsent_bytes_ == 0) {
    out_.clear();
    first_out_ = sent_of_first_ = 0;
    if (out_.capacity() > kKeptChunks) {
      out_.shrink_to_fit();
    }
    return;
  }
  sent_of_first_ += size;
  while (sent_of_first_ >= out_[first_out_].size()) {
    sent_of_first_ -= out_[first_out_].size();
    out_[first_out_++] = {};  // its block may go
  }
  if (first_out_ > kKeptChunks && first_out_ > out_.size() / 2) {
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(first_out_));
    first_out_ = 0;
  }
}

// Closing.

void TcpStream::fail_with(int system_error) {
  close(reason_of(system_error), name_ + ": " + std::strerror(system_error));
}

void TcpStream::close(env::CloseReason reason, std::string detail) {
  state_ = State::closed;
  close_descriptor();
  out_ = {};
  first_out_ = sent_of_first_ = unsent_bytes_ = 0;
  events_->on_closed(reason, detail);  // may destroy this
}

void TcpStream::close_descriptor() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);  // leaves epoll by itself: no copy of the descriptor exists
    descriptor_ = -1;
  }
}

}  // namespace quorate::env_posix
