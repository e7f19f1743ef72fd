#pragma once
// The simulated network: byte streams between nodes whose chunks are delayed, and, where a fault says so, lost,
// repeated, reordered or held by a partition, one-way too.
//
// Invariants: 1. chunks (one send() call each) arrive whole or not at all. 2. without reordering a stream is FIFO.
//             3. a process crash resets its streams at the other side; a power loss or partition is silent.
// Addresses are "nN:port" for node N; one listener a node. Owned by the world.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "env/transport.h"
#include "sim/event_queue.h"
#include "sim/random.h"

namespace quorate::sim {

struct NetworkCounters {
  std::uint64_t chunks = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t blocked = 0;   ///< by a partition
  std::uint64_t replayed = 0;  ///< an old chunk of the same direction, delivered again much later
  std::uint64_t corrupted = 0;
  std::uint64_t resets = 0;
};

/// What the network does to chunks; changed by the fault injector while a run goes on.
struct NetworkBehaviour {
  Duration delay_min = std::chrono::microseconds(100);
  Duration delay_max = std::chrono::microseconds(500);
  std::uint64_t loss_per_mille = 0;
  std::uint64_t duplicate_per_mille = 0;
  std::uint64_t reorder_per_mille = 0;  ///< chunk gets up to ten times the delay and overtakes nobody's order
  std::uint64_t replay_per_mille = 0;
  std::uint64_t corrupt_per_mille = 0;
};

class Network {
 public:
  Network(EventQueue& queue, Random random) : queue_(queue), random_(random) {}
  ~Network();

  /// The transport of one life of a node.
  [[nodiscard]] std::unique_ptr<env::Transport> transport(Owner owner);
  [[nodiscard]] static std::string address_of(std::uint32_t node);

  /// From now on nothing goes from `from` to `to` (one direction).
  void block(std::uint32_t from, std::uint32_t to);
  /// Nor does what is sent, but connections stay open, and new ones are accepted.
  void swallow(std::uint32_t from, std::uint32_t to);
  void heal_all();
  /// Everything goes to and from `node` again.
  void heal(std::uint32_t node);
  [[nodiscard]] bool is_blocked(std::uint32_t from, std::uint32_t to) const;
  /// Cuts every stream between the two, with resets on both sides.
  void reset_streams(std::uint32_t a, std::uint32_t b);

  void on_process_crash(std::uint32_t node);
  void on_power_loss(std::uint32_t node);

  NetworkBehaviour behaviour;
  NetworkCounters counters;

 private:
  friend class SimStream;
  friend class SimTransport;

  /// One side of a connection.
  struct Side {
    Owner owner;
    env::StreamEvents* events = nullptr;  ///< null: not accepted yet, closed or dead
    bool closed = false;                  ///< by its user, or because its life ended
    Instant last_arrival{};               ///< of what travels to this side: keeps FIFO
  };
  struct Link {
    Side sides[2];
    std::vector<Buffer> history[2];  ///< some past chunks to side i, for replays
  };
  struct Flight {
    enum class Kind : std::uint8_t { connect, opened, chunk, closed } kind = Kind::chunk;
    std::uint64_t link = 0;
    int to = 0;
    Buffer bytes;
    env::CloseReason reason = env::CloseReason::remote;
    std::string address;
  };
  struct Listener {
    Owner owner;
    env::AcceptEvents* events = nullptr;
  };

  std::uint64_t connect(Owner owner, std::string_view address, env::StreamEvents& events);
  void send(std::uint64_t link, int from, std::span<const Buffer> chunks);
  void close(std::uint64_t link, int side);
  void launch(Flight flight, Instant at);
  void arrive(std::uint64_t number);
  void arrive_connect(const Flight& flight);
  void deliver_chunk(std::uint64_t link, int to, Buffer bytes);
  void tell_closed(std::uint64_t link, int side, env::CloseReason reason);
  [[nodiscard]] Duration draw_delay();
  [[nodiscard]] Link* find(std::uint64_t link);

  EventQueue& queue_;
  Random random_;
  std::map<std::uint64_t, Link> links_;
  std::map<std::uint64_t, Flight> flights_;
  std::map<std::uint32_t, Listener> listeners_;
  using Ways = std::set<std::pair<std::uint32_t, std::uint32_t>>;
  Ways blocked_;
  Ways swallowing_;
  std::uint64_t next_link_ = 1;
  std::uint64_t next_flight_ = 1;
};

}  // namespace quorate::sim
