#include "group/put_stages.h"

namespace quorate::group {

void PutStages::count(Stage stage, Instant& since) {
  const Instant now = clock_.now();
  Sum& sum = sums_[static_cast<std::size_t>(stage)];
  ++sum.count;
  sum.total += now - since;
  since = now;
}

void PutStages::on_proposed() {
  if (phase_ == Phase::idle) {
    phase_ = Phase::proposed;
    since_ = clock_.now();
  }
}

void PutStages::on_placed(Position position) {
  if (phase_ == Phase::proposed) {
    count(Stage::receive, since_);
    phase_ = Phase::placed;
    position_ = position;
  }
}

void PutStages::on_turn_end() {
  if (phase_ == Phase::proposed) {
    phase_ = Phase::idle;
  }
}

void PutStages::on_write(Io io) {
  if (write_.is_none()) {
    write_ = io;
    write_began_ = clock_.now();
  }
}

void PutStages::on_durable(Io io) {
  if (!write_.is_none() && io >= write_) {
    count(Stage::sync, write_began_);
    write_ = Io();
  }
}

void PutStages::on_commit(Position up_to) {
  if (phase_ == Phase::placed && up_to >= position_) {
    count(Stage::replication, since_);
    phase_ = Phase::committed;
  }
}

void PutStages::on_executed(Position up_to) {
  if (phase_ == Phase::committed && up_to >= position_) {
    count(Stage::execution, since_);
    phase_ = Phase::idle;
  }
}

}  // namespace quorate::group
