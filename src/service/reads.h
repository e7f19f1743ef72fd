#pragma once
// Reads: what waits for a linearizable read in a turn shares one round through the leader; serializable ones are served
// at once. Questions about leases go through the same rounds, on the leader.
//
// Invariants: 1. a linearizable read is served from a state that includes everything committed when it was asked: its
//                round begins after it came (thesis 6.4). 2. a round that was dropped or not answered in time is asked
//                again until the requests' deadlines; reading twice harms nobody.
// Owned by the group's service, on the loop.

#include <deque>
#include <vector>

#include "service/parts.h"

namespace quorate::service {

class Reads {
 public:
  /// `confirmed` is told of each request whose round succeeded and that is no read of the store.
  Reads(Parts& parts, Callback<Request&> confirmed) : parts_(parts), confirmed_(confirmed) {}

  /// Joins this turn's round.
  void add(Request& request);
  /// Serves from the executed state as it is now; the answer leaves at the end of the turn.
  void serve(Request& request);

  /// False if `context` names no round.
  bool on_ready(Context context);
  bool on_dropped(Context context);
  /// Begins again what was dropped, or has waited too long for its round; nothing while there is no leader, because
  /// the core would drop it at once.
  void retry();
  [[nodiscard]] bool has_waiting() const { return !dropped_.empty() || !rounds_.empty(); }

 private:
  struct Round {
    Context context;
    Instant began;
    std::vector<Ticket> requests;
  };

  void begin_round(std::uint64_t);
  void on_fetched(std::uint64_t number);
  [[nodiscard]] bool take_round(Context context, std::vector<Ticket>& requests);

  Parts& parts_;
  Callback<Request&> confirmed_;
  std::vector<Ticket> next_;     ///< joins the round that begins at the end of this turn
  std::deque<Round> rounds_;     ///< in order of their beginning
  std::vector<Ticket> dropped_;  ///< until retry()
  bool is_scheduled_ = false;
};

}  // namespace quorate::service
