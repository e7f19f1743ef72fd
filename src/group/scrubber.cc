#include "group/scrubber.h"

namespace quorate::group {

void Scrubber::start() {
  if (interval_ > Duration::zero() && !stopped_) {
    timer_ = loop_.arm(clock_.now() + interval_, Callback<>::to<&Scrubber::begin>(this));
  }
}

void Scrubber::stop() {
  stopped_ = true;
  if (timer_ != 0) {
    loop_.cancel(timer_);
    timer_ = 0;
  }
}

void Scrubber::begin(std::uint64_t) {
  timer_ = 0;
  log_.verify(Callback<Status>::to<&Scrubber::on_log_read>(this));
}

void Scrubber::on_log_read(std::uint64_t, Status status) {
  if (judge(status, false)) {
    records_.verify(Callback<Status>::to<&Scrubber::on_records_read>(this));
  }
}

void Scrubber::on_records_read(std::uint64_t, Status status) {
  if (judge(status, true)) {
    traces_.trace({"group.scrubbed"});
    start();
  }
}

bool Scrubber::judge(const Status& status, bool in_records) {
  if (stopped_) {
    return false;
  }
  if (status) {
    return true;
  }
  if (status.error().code != ErrorCode::corrupt) {
    traces_.trace({"group.scrub_given_up"});
    start();
    return false;
  }
  traces_.trace({"group.scrub_found_damage"});
  stop();
  damaged_({status.error(), in_records});
  return false;
}

}  // namespace quorate::group
