#include "group/engine_writer.h"

#include <utility>

#include "base/assert.h"
#include "base/plant.h"

namespace quorate::group {

EngineWriter::EngineWriter(EngineWriterConfig config, env::Clock& clock, env::Loop& loop, env::RecordStore& records,
                           const storage::Log& log, TraceSink& traces, Callback<const Error&> failed)
    : config_(config),
      clock_(clock),
      loop_(loop),
      records_(records),
      log_(log),
      traces_(traces),
      failed_(failed),
      log_bytes_at_flush_(log.stats().bytes_written) {}

void EngineWriter::add(EngineClient& client, Position recovered) {
  client.account = {.written = recovered, .flushing = recovered, .durable = recovered};
  // What this life finds in the engine may be more than what is on its disk: one flush makes sure of it, and only then
  // the log may be discarded so far.
  client.account.durable = Position();
  if (!recovered.is_none()) {
    wait_flush(client);
  }
}

void EngineWriter::on_executed(EngineClient& client) {
  if (client.account.waits_write || stopped_) {
    return;
  }
  client.account.waits_write = true;
  to_write_.push_back(&client);
  arm_write();
}

void EngineWriter::arm_write() {
  if (write_timer_ == 0 && !stopped_) {
    write_timer_ = loop_.arm(clock_.now() + config_.write_interval, Callback<>::to<&EngineWriter::on_write_due>(this));
  }
}

void EngineWriter::arm_flush() {
  if (flush_timer_ == 0 && !flush_runs_ && !stopped_) {
    flush_timer_ = loop_.arm(clock_.now() + config_.flush_interval, Callback<>::to<&EngineWriter::on_flush_due>(this));
  }
}

void EngineWriter::on_write_due(std::uint64_t) {
  write_timer_ = 0;
  write();
  if (!flush_runs_ && log_.stats().bytes_written - log_bytes_at_flush_ >= config_.flush_after_log_bytes) {
    start_flush();
  }
}

void EngineWriter::write() {
  if (stopped_) {
    return;
  }
  env::RecordBatch batch;
  round_.swap(to_write_);
  for (EngineClient* client : round_) {
    const Position limit = QUORATE_PLANT(engine_ahead_of_log) ? client->executed() : client->writable();
    if (limit > client->account.written) {
      client->collect(limit, batch);
      client->account.written = limit;
      wait_flush(*client);
    }
    client->account.waits_write = client->account.written < client->executed();
    if (client->account.waits_write) {
      to_write_.push_back(client);  // its log is still being synced
    }
  }
  if (!to_write_.empty()) {
    arm_write();
  }
  if (!batch.empty()) {
    traces_.trace({"group.engine_written", batch.ops.size(), 0});
    if (const Status written = records_.write(std::move(batch)); !written) {
      round_.clear();
      fail(written.error());
      return;
    }
  }
  for (EngineClient* client : round_) {
    client->on_written();
  }
  round_.clear();
}

void EngineWriter::wait_flush(EngineClient& client) {
  if (!client.account.waits_flush) {
    client.account.waits_flush = true;
    to_flush_.push_back(&client);
  }
  arm_flush();
}

void EngineWriter::on_flush_due(std::uint64_t) {
  flush_timer_ = 0;
  write();
  start_flush();
}

void EngineWriter::start_flush() {
  if (stopped_ || flush_runs_ || to_flush_.empty()) {
    return;
  }
  if (flush_timer_ != 0) {
    loop_.cancel(flush_timer_);
    flush_timer_ = 0;
  }
  bool anything = false;
  for (EngineClient* client : to_flush_) {
    client->account.flushing = client->account.written;
    anything = anything || client->account.written > client->account.durable;
  }
  log_bytes_at_flush_ = log_.stats().bytes_written;
  flush_runs_ = true;
  if (!anything) {  // only logs that could not be discarded yet, because a member was behind
    on_flushed(0, Status());
    return;
  }
  if (QUORATE_PLANT(discard_too_early)) {
    on_flushed(0, Status());
    return;
  }
  records_.flush(Callback<Status>::to<&EngineWriter::on_flushed>(this));
}

void EngineWriter::on_flushed(std::uint64_t, Status flushed) {
  flush_runs_ = false;
  if (stopped_) {
    return;
  }
  if (!flushed) {
    fail(flushed.error());
    return;
  }
  traces_.trace({"group.engine_flushed", to_flush_.size(), 0});
  round_.swap(to_flush_);
  for (EngineClient* client : round_) {
    EngineClient::Account& account = client->account;
    account.durable = account.flushing > account.durable ? account.flushing : account.durable;
    const bool discarded = client->discard(account.durable);
    account.waits_flush = !discarded || account.written > account.durable;
    if (account.waits_flush) {
      to_flush_.push_back(client);
    }
  }
  round_.clear();
  if (!to_flush_.empty()) {
    arm_flush();
  }
}

void EngineWriter::fail(const Error& why) {
  const Error copy = why;
  stop();
  failed_(copy);
}

void EngineWriter::stop() {
  stopped_ = true;
  for (env::TimerId* timer : {&write_timer_, &flush_timer_}) {
    if (*timer != 0) {
      loop_.cancel(*timer);
      *timer = 0;
    }
  }
}

}  // namespace quorate::group
