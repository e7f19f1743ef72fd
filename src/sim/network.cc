#include "sim/network.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::sim {
namespace {

constexpr std::size_t kHistoryChunks = 8;
constexpr int kReplayDelayFactor = 200;
constexpr int kReorderDelayFactor = 10;

std::uint32_t node_of(std::string_view address) {
  std::uint32_t node = 0;
  for (const char c : address.substr(1)) {
    if (c < '0' || c > '9') {
      break;
    }
    node = node * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return node;
}

Buffer flip_one_bit(const Buffer& bytes, Random& random) {
  std::string copy(bytes.view());
  const std::uint64_t at = random.between(0, copy.size() - 1);
  copy[at] = static_cast<char>(copy[at] ^ static_cast<char>(1U << random.between(0, 7)));
  return Buffer::adopt(std::move(copy));
}

}  // namespace

/// One side's handle; closing it tells the other side.
class SimStream : public env::Stream {
 public:
  SimStream(Network& network, std::uint64_t link, int side) : network_(network), link_(link), side_(side) {}
  ~SimStream() override { network_.close(link_, side_); }
  SimStream(const SimStream&) = delete;
  SimStream& operator=(const SimStream&) = delete;

  void send(std::span<const Buffer> chunks) override { network_.send(link_, side_, chunks); }
  [[nodiscard]] std::size_t unsent_bytes() const override { return 0; }

 private:
  Network& network_;
  std::uint64_t link_;
  int side_;
};

class SimTransport : public env::Transport {
 public:
  SimTransport(Network& network, Owner owner) : network_(network), owner_(owner) {}

  std::unique_ptr<env::Stream> connect(std::string_view address, env::StreamEvents& events) override {
    return std::make_unique<SimStream>(network_, network_.connect(owner_, address, events), 0);
  }
  Status listen(std::string_view /*address*/, env::AcceptEvents& events) override {
    network_.listeners_[owner_.node] = {owner_, &events};
    return {};
  }

 private:
  Network& network_;
  Owner owner_;
};

Network::~Network() = default;

std::unique_ptr<env::Transport> Network::transport(Owner owner) { return std::make_unique<SimTransport>(*this, owner); }

std::string Network::address_of(std::uint32_t node) { return "n" + std::to_string(node) + ":1"; }

void Network::block(std::uint32_t from, std::uint32_t to) { blocked_.insert({from, to}); }
void Network::swallow(std::uint32_t from, std::uint32_t to) { swallowing_.insert({from, to}); }
void Network::heal_all() {
  blocked_.clear();
  swallowing_.clear();
}
void Network::heal(std::uint32_t node) {
  const auto touches = [node](const auto& way) { return way.first == node || way.second == node; };
  std::erase_if(blocked_, touches);
  std::erase_if(swallowing_, touches);
}
bool Network::is_blocked(std::uint32_t from, std::uint32_t to) const { return blocked_.contains({from, to}); }

Network::Link* Network::find(std::uint64_t link) {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : &found->second;
}

Duration Network::draw_delay() {
  const auto spread = static_cast<std::uint64_t>((behaviour.delay_max - behaviour.delay_min).count());
  return behaviour.delay_min + Duration(static_cast<std::int64_t>(random_.between(0, spread)));
}

void Network::launch(Flight flight, Instant at) {
  const std::uint64_t number = next_flight_++;
  const Owner receiver{links_.at(flight.link).sides[flight.to].owner.node, kAnyLife};
  flights_.emplace(number, std::move(flight));
  queue_.schedule(at, receiver, Callback<>::to<&Network::arrive>(this, number));
}

std::uint64_t Network::connect(Owner owner, std::string_view address, env::StreamEvents& events) {
  const std::uint64_t link = next_link_++;
  Link& made = links_[link];
  made.sides[0].owner = owner;
  made.sides[0].events = &events;
  made.sides[1].owner.node = node_of(address);
  Flight flight;
  flight.kind = Flight::Kind::connect;
  flight.link = link;
  flight.to = 1;
  flight.address = address;
  launch(std::move(flight), queue_.now() + draw_delay());
  return link;
}

void Network::send(std::uint64_t number, int from, std::span<const Buffer> chunks) {
  Link* link = find(number);
  if (link == nullptr || chunks.empty()) {
    return;
  }
  const int to = 1 - from;
  ++counters.chunks;
  if (random_.chance(behaviour.loss_per_mille, 1000)) {
    ++counters.lost;
    return;
  }
  std::vector<ByteView> parts;
  for (const Buffer& chunk : chunks) {
    parts.push_back(chunk.view());
  }
  Buffer bytes = chunks.size() == 1 ? chunks[0] : Buffer::concat(parts);
  if (bytes.empty()) {
    return;
  }
  if (random_.chance(behaviour.corrupt_per_mille, 1000)) {
    ++counters.corrupted;
    bytes = flip_one_bit(bytes, random_);
  }
  Side& side = link->sides[to];
  Instant at = std::max(queue_.now() + draw_delay(), side.last_arrival);
  if (random_.chance(behaviour.reorder_per_mille, 1000)) {
    ++counters.reordered;
    at = queue_.now() + kReorderDelayFactor * draw_delay();
  } else {
    side.last_arrival = at;
  }
  Flight flight;
  flight.link = number;
  flight.to = to;
  flight.bytes = bytes;
  if (random_.chance(behaviour.duplicate_per_mille, 1000)) {
    ++counters.duplicated;
    launch(flight, at + draw_delay());
  }
  if (behaviour.replay_per_mille > 0) {
    std::vector<Buffer>& history = link->history[to];
    if (history.size() < kHistoryChunks) {
      history.push_back(bytes);
    } else {
      history[random_.between(0, kHistoryChunks - 1)] = bytes;
    }
    if (random_.chance(behaviour.replay_per_mille, 1000)) {
      ++counters.replayed;
      Flight old = flight;
      old.bytes = history[random_.between(0, history.size() - 1)];
      launch(std::move(old), at + kReplayDelayFactor * draw_delay());
    }
  }
  launch(std::move(flight), at);
}

void Network::close(std::uint64_t number, int side) {
  Link* link = find(number);
  if (link == nullptr) {
    return;
  }
  link->sides[side].events = nullptr;
  link->sides[side].closed = true;
  if (link->sides[1 - side].closed) {
    links_.erase(number);
    return;
  }
  tell_closed(number, 1 - side, env::CloseReason::remote);
}

void Network::tell_closed(std::uint64_t number, int side, env::CloseReason reason) {
  Flight flight;
  flight.kind = Flight::Kind::closed;
  flight.link = number;
  flight.to = side;
  flight.reason = reason;
  launch(std::move(flight), queue_.now() + draw_delay());
}

void Network::arrive(std::uint64_t number) {
  const auto found = flights_.find(number);
  QUORATE_ASSERT(found != flights_.end(), "a flight arrives once", number);
  Flight flight = std::move(found->second);
  flights_.erase(found);
  Link* link = find(flight.link);
  if (link == nullptr) {
    return;
  }
  const std::uint32_t from = link->sides[1 - flight.to].owner.node;
  const std::uint32_t to = link->sides[flight.to].owner.node;
  if (is_blocked(from, to)) {
    ++counters.blocked;
    if (flight.kind == Flight::Kind::connect) {
      tell_closed(flight.link, 0, env::CloseReason::unreachable);
    }
    return;
  }
  if (flight.kind == Flight::Kind::chunk && swallowing_.contains({from, to})) {
    ++counters.blocked;
    return;
  }
  switch (flight.kind) {
    case Flight::Kind::connect: arrive_connect(flight); return;
    case Flight::Kind::chunk: deliver_chunk(flight.link, flight.to, std::move(flight.bytes)); return;
    case Flight::Kind::opened:
      if (env::StreamEvents* events = link->sides[flight.to].events; events != nullptr) {
        events->on_opened();
      }
      return;
    case Flight::Kind::closed:
      if (env::StreamEvents* events = link->sides[flight.to].events; events != nullptr) {
        link->sides[flight.to].events = nullptr;
        ++counters.resets;
        events->on_closed(flight.reason, "simulated");
      }
      return;
  }
}

void Network::arrive_connect(const Flight& flight) {
  Link* link = find(flight.link);
  const auto listener = listeners_.find(link->sides[1].owner.node);
  if (listener == listeners_.end() || link->sides[0].events == nullptr) {
    tell_closed(flight.link, 0, env::CloseReason::refused);
    return;
  }
  link->sides[1].owner = listener->second.owner;
  auto stream = std::make_unique<SimStream>(*this, flight.link, 1);
  env::StreamEvents& events =
      listener->second.events->on_accepted(std::move(stream), address_of(link->sides[0].owner.node));
  link = find(flight.link);
  if (link == nullptr || link->sides[1].closed) {
    return;  // refused at once
  }
  link->sides[1].events = &events;
  Flight opened;
  opened.kind = Flight::Kind::opened;
  opened.link = flight.link;
  opened.to = 0;
  launch(std::move(opened), queue_.now() + draw_delay());
}

void Network::deliver_chunk(std::uint64_t number, int to, Buffer bytes) {
  Link* link = find(number);
  if (env::StreamEvents* events = link->sides[to].events; events != nullptr) {
    events->on_bytes(std::move(bytes));
  }
}

void Network::reset_streams(std::uint32_t a, std::uint32_t b) {
  for (const auto& [number, link] : links_) {
    const std::uint32_t x = link.sides[0].owner.node;
    const std::uint32_t y = link.sides[1].owner.node;
    if ((x == a && y == b) || (x == b && y == a)) {
      tell_closed(number, 0, env::CloseReason::reset);
      tell_closed(number, 1, env::CloseReason::reset);
    }
  }
}

void Network::on_process_crash(std::uint32_t node) {
  for (auto& [number, link] : links_) {
    for (int side = 0; side < 2; ++side) {
      if (link.sides[side].owner.node == node) {
        link.sides[side].events = nullptr;
        link.sides[side].closed = true;
        tell_closed(number, 1 - side, env::CloseReason::reset);
      }
    }
  }
  listeners_.erase(node);
}

void Network::on_power_loss(std::uint32_t node) {
  for (auto& [number, link] : links_) {
    for (Side& side : link.sides) {
      if (side.owner.node == node) {
        side.events = nullptr;
        side.closed = true;
      }
    }
  }
  listeners_.erase(node);
}

}  // namespace quorate::sim
