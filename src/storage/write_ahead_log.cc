#include "storage/write_ahead_log.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "codec/crc32c.h"

namespace quorate::storage {
namespace {

/// A batch never takes more than this part of a segment, so that little space is lost at a segment's end.
constexpr std::uint64_t kBatchesPerSegment = 4;
/// A segment with less than this part of it left is closed together with a batch, which saves a write.
constexpr std::uint64_t kNearlyFull = 16;
/// The oldest segment is emptied by moving its records if they are at most this part of it.
constexpr std::uint64_t kFewRecords = 8;
/// While everything is read again: so much at once, and so long a pause behind it.
constexpr std::size_t kVerifiedAtOnce = 256U << 10;
constexpr Duration kVerifyPause = std::chrono::milliseconds(10);

}  // namespace

WriteAheadLog::WriteAheadLog(env::FileSystem& files, env::Loop& loop, env::Clock& clock, std::string directory,
                             LogOptions options)
    : loop_(loop),
      clock_(clock),
      options_(options),
      batch_bytes_(std::min(options.max_batch_bytes, options.segment_bytes / kBatchesPerSegment)),
      index_(liveness_, options.cache_bytes),
      segments_(files, std::move(directory), options_,
                Callback<Status>::to<&WriteAheadLog::on_segments_changed>(this)) {}

WriteAheadLog::~WriteAheadLog() {
  loop_.cancel(quiet_timer_);
  if (verification_) {
    loop_.cancel(verification_->pause);
  }
}

Status WriteAheadLog::recover(env::FileSystem& files, env::Entropy& entropy, const std::string& directory,
                              Recovery& recovery) {
  const Result<LogTail> tail = recover_log(files, entropy, directory, options_, segments_, liveness_, index_, recovery);
  if (!tail.has_value()) {
    return std::unexpected(tail.error());
  }
  first_live_ = tail->first_live;
  uncertain_ = tail->uncertain;
  pinned_from_ =
      tail->first_damaged == 0 || QUORATE_PLANT(damage_forgotten_before_noted) ? kNoSegment : tail->first_damaged;
  durable_serial_ = liveness_.last_serial();
  index_.evict(durable_serial_);
  segments_.prepare(first_live_);
  stats_.live_segments = segments_.live_count();
  if (recovery.frames != 0) {
    marked_ = false;  // what was read is durable now: let a mark say so
    note_activity();
  }
  return {};
}

void WriteAheadLog::set_events(LogEvents* events) {
  events_ = events;
  if (failure_.has_value()) {
    loop_.defer(Callback<>::to<&WriteAheadLog::on_tell_failure>(this));
  }
}

// ---- writing --------------------------------------------------------------------------------------------

void WriteAheadLog::append(GroupId group, Io io, std::vector<LogOp> ops) {
  if (failure_.has_value()) {
    return;  // nothing is confirmed any more
  }
  std::uint64_t bytes = kFrameHeadBytes;
  Generation generation = index_.generation_of(group);
  for (LogOp& op : ops) {
    if (op.kind == LogOp::Kind::discard_below && op.generation.is_none()) {
      op.generation = generation;  // the base record is whole: the frame of the last reset may go
    } else if (op.kind == LogOp::Kind::discard_below || op.kind == LogOp::Kind::reset_to ||
               op.kind == LogOp::Kind::restore_base) {
      generation = op.generation;
    }
    bytes += op.entry.payload.size() + op.blob.size() + op.key.size() + 32;
  }
  LogBatch& batch = open_batch(bytes);
  const std::uint64_t serial = liveness_.new_frame();
  const std::uint64_t before = batch.frame_bytes();
  index_.apply(group, ops, serial, batch.add(group, io, serial, ops));
  unsynced_bytes_ += batch.frame_bytes() - before;
  ++stats_.frames;
  schedule();
}

/// The batch that takes a frame of about so many bytes.
LogBatch& WriteAheadLog::open_batch(std::uint64_t more_bytes) {
  if (queue_.empty()) {
    queue_.emplace_back();
  } else if (queue_.back().has_frames() && queue_.back().frame_bytes() + more_bytes > batch_bytes_) {
    seal_newest();
    queue_.emplace_back();
  }
  return queue_.back();
}

/// Says in the newest batch what is needed after it. Must come before any frame of a later batch is applied.
void WriteAheadLog::seal_newest() {
  std::uint64_t needed = std::min(liveness_.first_needed(), pinned_from_);
  if (QUORATE_PLANT(recycle_too_early)) {
    needed = std::max(needed, segments_.active().header.sequence);
  }
  queue_.back().set_end({.first_live = std::max(needed, first_live_), .uncertain_tail = uncertain_});
}

void WriteAheadLog::schedule(bool gives_way) {
  if (!scheduled_) {
    scheduled_ = true;
    loop_.defer(Callback<>::to<&WriteAheadLog::on_turn_end>(this, gives_way ? 1 : 0));
  }
}

/// What a frame's owner sends in the same turn leaves before the disk is woken: the followers' disks are the longer way
/// (thesis 10.2.1). So this gives way, once, to what was deferred behind it.
void WriteAheadLog::on_turn_end(std::uint64_t gives_way) {
  if (gives_way != 0) {
    loop_.defer(Callback<>::to<&WriteAheadLog::on_turn_end>(this, 0));
    return;
  }
  scheduled_ = false;
  try_write();
}

bool WriteAheadLog::fits(std::uint64_t bytes) {
  const SegmentFile& active = segments_.active();
  return active.end + bytes + 2 * kEndRoom <= active.size;  // the second one is for closing the segment
}

void WriteAheadLog::try_write() {
  if (failure_.has_value() || writing_ != nullptr || queue_.empty()) {
    return;
  }
  const bool segment_empty = segments_.active().end == kSegmentHeaderBytes;
  if (!fits(queue_.front().frame_bytes()) && !segment_empty) {
    if (!segments_.next_ready()) {
      waiting_ = true;  // on_segments_changed() goes on
      segments_.prepare(first_live_, true);
      return;
    }
    LogBatch closing;
    closing.set_end({.first_live = first_live_, .uncertain_tail = uncertain_});
    start_write(std::move(closing), FrameKind::segment_end);
    return;
  }
  if (queue_.size() == 1) {
    seal_newest();
  }
  LogBatch batch = std::move(queue_.front());
  queue_.pop_front();
  const std::uint64_t size = segments_.active().size;
  const bool nearly_full = !fits(batch.frame_bytes() + size / kNearlyFull);
  start_write(std::move(batch), nearly_full && segments_.next_ready() ? FrameKind::segment_end : FrameKind::batch_end);
}

void WriteAheadLog::start_write(LogBatch batch, FrameKind end_kind) {
  SegmentFile& active = segments_.active();
  batch.place({active.header.log_id, active.header.sequence}, active.end, end_kind);
  if (batch.has_frames()) {
    liveness_.place_up_to(batch.last_serial());
  }
  for (const LogBatch::PutRef& put : batch.puts()) {
    index_.place(put.group, put.position, put.serial, static_cast<std::uint32_t>(batch.start() + put.offset));
  }
  active.end = batch.end_offset();
  writing_ = std::make_unique<LogBatch>(std::move(batch));
  if (QUORATE_PLANT(ack_before_sync_in_log)) {
    confirm(*writing_);
  }
  active.file->write_durably(writing_->start(), writing_->parts(),
                             Callback<Status>::to<&WriteAheadLog::on_written>(this));
}

void WriteAheadLog::on_written(std::uint64_t, Status status) {
  if (failure_.has_value()) {
    return;
  }
  if (!status.has_value()) {
    fail_log(status.error());
    return;
  }
  const std::unique_ptr<LogBatch> batch = std::move(writing_);
  ++stats_.syncs;
  stats_.bytes_written += batch->written_bytes();
  for (const LogBatch::FrameRef& frame : batch->frames()) {
    unsynced_bytes_ -= frame.size;
  }
  if (batch->has_frames()) {
    durable_serial_ = batch->last_serial();
    index_.evict(durable_serial_);
  }
  // A batch without frames only says what is durable: after one nothing is left to say.
  marked_ = !batch->has_frames() && batch->end().uncertain_tail == uncertain_;
  if (batch->end_kind() == FrameKind::segment_end) {
    segments_.activate_next();
    liveness_.open_segment(segments_.active().header.sequence);
    move_old_records();
  }
  release_segments(batch->end().first_live);
  if (!queue_.empty()) {
    schedule(false);  // the disk has waited for this turn long enough
  }
  note_activity();
  if (!QUORATE_PLANT(ack_before_sync_in_log)) {
    confirm(*batch);
  }
}

void WriteAheadLog::confirm(const LogBatch& batch) {
  if (events_ == nullptr) {
    return;
  }
  const std::vector<LogBatch::FrameRef>& frames = batch.frames();
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const bool last_of_run =
        i + 1 == frames.size() || frames[i + 1].group != frames[i].group || frames[i + 1].io.is_none();
    if (!frames[i].io.is_none() && last_of_run) {
      events_->on_durable(frames[i].group, frames[i].io);
    }
  }
}

void WriteAheadLog::fail_log(const Error& error) {
  if (failure_.has_value()) {
    return;
  }
  failure_ = error;
  loop_.cancel(quiet_timer_);
  on_tell_failure(0);
}

void WriteAheadLog::on_tell_failure(std::uint64_t) {
  if (events_ != nullptr) {
    events_->on_log_failed(*failure_);
  }
}

void WriteAheadLog::on_segments_changed(std::uint64_t, Status status) {
  // A full disk is no failure while the active segment has room: a segment may be released before it is used up.
  if (!status.has_value() && (waiting_ || segments_.header_failed())) {
    fail_log(status.error());
  } else if (status.has_value() && waiting_) {
    waiting_ = false;
    schedule();
  }
}

// ---- idle marks -------------------------------------------------------------------------------------------

void WriteAheadLog::note_activity() {
  last_activity_ = clock_.now();
  if (!marked_ && quiet_timer_ == 0) {
    quiet_timer_ = loop_.arm(last_activity_ + options_.idle_mark_after, Callback<>::to<&WriteAheadLog::on_quiet>(this));
  }
}

/// One timer runs through busy times: it is armed again for the rest of the quiet time, so a write costs none.
void WriteAheadLog::on_quiet(std::uint64_t) {
  quiet_timer_ = 0;
  if (failure_.has_value() || marked_ || writing_ != nullptr || !queue_.empty()) {
    return;  // the write's end arms the timer
  }
  const Instant due = last_activity_ + options_.idle_mark_after;
  if (clock_.now() < due) {
    quiet_timer_ = loop_.arm(due, Callback<>::to<&WriteAheadLog::on_quiet>(this));
    return;
  }
  queue_.emplace_back();
  try_write();
}

void WriteAheadLog::tail_settled() {
  if (!uncertain_) {
    return;
  }
  uncertain_ = false;
  marked_ = false;  // the next end frame says it: that of a batch, or of a mark
  note_activity();
}

// ---- reading ----------------------------------------------------------------------------------------------

std::optional<Tag> WriteAheadLog::tag_of(GroupId group, Position position) const {
  return index_.tag_of(group, position);
}

bool WriteAheadLog::cached(GroupId group, Position first, Position last, std::size_t max_bytes,
                           std::vector<LogEntry>& out) const {
  return index_.cached(group, first, last, max_bytes, out);
}

bool WriteAheadLog::is_payload_of(GroupId group, EntryId id, ByteView payload) const {
  return index_.is_payload_of(group, id, payload);
}

void WriteAheadLog::fetch(GroupId group, Position first, Position last, std::size_t max_bytes, Callback<Status> done) {
  start_fetch(group, index_.plan_fetch(group, first, last, max_bytes), done);
}

void WriteAheadLog::start_fetch(GroupId group, FetchPlan plan, Callback<Status> done) {
  const std::uint64_t token = ++last_fetch_;
  const auto callback = Callback<Result<Buffer>>::to<&WriteAheadLog::on_fetched>(this, token);
  SegmentFile* segment = plan.items.empty() ? nullptr : segments_.find(plan.sequence);
  const std::uint64_t offset = plan.offset;
  const auto size = static_cast<std::size_t>(plan.size);
  fetches_.emplace(token, Fetch{group, std::move(plan), done});
  if (segment == nullptr) {
    loop_.arm(clock_.now(), Callback<>::to<&WriteAheadLog::on_nothing_to_fetch>(this, token));
    return;
  }
  ++segment->reads;
  segment->file->read_async(offset, size, callback);
}

/// A payload that recovery found damaged is never moved either: `moving_` stays, until a restart without it.
void WriteAheadLog::on_nothing_to_fetch(std::uint64_t token) {
  auto node = fetches_.extract(token);
  const Fetch& fetch = node.mapped();
  if (!fetch.done) {
    return;
  }
  if (fetch.plan.damaged) {
    fetch.done(fail(ErrorCode::corrupt,
                    "The write-ahead log is damaged: an entry's payload did not have its checksum "
                    "when the log was opened"));
  } else {
    fetch.done(Status{});
  }
}

void WriteAheadLog::on_fetched(std::uint64_t token, Result<Buffer> bytes) {
  auto node = fetches_.extract(token);
  QUORATE_ASSERT(!node.empty(), "a read ends once", token);
  const Fetch& fetch = node.mapped();
  if (SegmentFile* segment = segments_.find(fetch.plan.sequence)) {
    --segment->reads;
  }
  if (fetch.done) {
    index_.evict(durable_serial_);  // before, so that what was asked for stays
  }  // else it is to be moved, and stays in memory until all that moves with it is there
  const Status status = install(fetch, bytes);
  if (fetch.done) {
    fetch.done(status);
    return;
  }
  moving_ = false;
  if (status.has_value()) {
    move_old_records();
  } else if (status.error().code == ErrorCode::corrupt) {
    fail_log(status.error());  // a restart has it repaired; what else failed to be read is tried again later
  }
}

Status WriteAheadLog::install(const Fetch& fetch, const Result<Buffer>& bytes) {
  QUORATE_TRY(check(fetch.plan, bytes));
  for (const FetchPlan::Item& item : fetch.plan.items) {
    const ByteView all = bytes->view();
    const ByteView payload = all.substr(std::min<std::size_t>(item.offset, all.size()), item.size);
    index_.install(fetch.group, item.position, item.serial, Buffer::copy_of(payload));
  }
  return {};
}

Status WriteAheadLog::check(const FetchPlan& plan, const Result<Buffer>& bytes) {
  if (!bytes.has_value()) {
    return std::unexpected(bytes.error());
  }
  for (const FetchPlan::Item& item : plan.items) {
    const ByteView all = bytes->view();
    const ByteView payload = all.substr(std::min<std::size_t>(item.offset, all.size()), item.size);
    const bool whole = payload.size() == item.size && codec::crc32c(payload) == item.checksum;
    if (!whole && !QUORATE_PLANT(skip_crc_check)) {
      return fail(ErrorCode::corrupt, "The write-ahead log is damaged: segment " + std::to_string(plan.sequence) +
                                          ", offset " + std::to_string(plan.offset + item.offset) +
                                          ": the payload of an entry does not have its checksum. After a restart "
                                          "the node has it from the other members");
    }
  }
  return {};
}

// ---- reading everything again -----------------------------------------------------------------------------------

void WriteAheadLog::verify(Callback<Status> done) {
  QUORATE_ASSERT(!verification_, "the log is verified once at a time");
  verification_.emplace(Verification{.done = done, .behind = {}, .read = {}});
  verification_->pause = loop_.arm(clock_.now(), Callback<>::to<&WriteAheadLog::verify_next>(this));
}

void WriteAheadLog::verify_next(std::uint64_t) {
  verification_->pause = 0;
  LogIndex::CheckPlan plan = index_.plan_check(verification_->behind, kVerifiedAtOnce, durable_serial_);
  if (!plan.last) {
    end_verification(Status());
    return;
  }
  verification_->behind = *plan.last;
  verification_->read = std::move(plan.read);
  SegmentFile* segment = segments_.find(verification_->read.sequence);
  QUORATE_ASSERT(segment != nullptr, "a segment that is needed is there", verification_->read.sequence);
  ++segment->reads;
  segment->file->read_async(verification_->read.offset, static_cast<std::size_t>(verification_->read.size),
                            Callback<Result<Buffer>>::to<&WriteAheadLog::on_verified>(this));
}

void WriteAheadLog::on_verified(std::uint64_t, Result<Buffer> bytes) {
  if (SegmentFile* segment = segments_.find(verification_->read.sequence)) {
    --segment->reads;
  }
  if (const Status status = check(verification_->read, bytes); !status) {
    end_verification(status);
    return;
  }
  verification_->pause = loop_.arm(clock_.now() + kVerifyPause, Callback<>::to<&WriteAheadLog::verify_next>(this));
}

void WriteAheadLog::end_verification(const Status& status) {
  const Callback<Status> done = verification_->done;
  verification_.reset();
  done(status);
}

// ---- segments that are no longer needed -------------------------------------------------------------------------

void WriteAheadLog::release_segments(std::uint64_t first_live) {
  first_live_ = std::max(first_live_, first_live);
  liveness_.drop_below(first_live_);
  stats_.recycled_segments += segments_.release_below(first_live_);
  stats_.live_segments = segments_.live_count();
  segments_.prepare(first_live_);
}

/// Index of the oldest segment that is needed, if it is one of many and only for a few records.
std::optional<std::size_t> WriteAheadLog::oldest_to_empty() const {
  if (pinned_from_ != kNoSegment) {
    return std::nullopt;
  }
  const auto& segments = liveness_.segments();
  const std::uint64_t needed = liveness_.first_needed();
  const auto oldest = std::ranges::find_if(segments, [needed](const auto& each) { return each.sequence == needed; });
  const auto count = static_cast<std::size_t>(segments.end() - oldest);
  const bool few = oldest->live.bytes <= options_.segment_bytes / kFewRecords;
  if (!few || count < std::max(options_.rewrite_from_segments, 2U)) {
    return std::nullopt;
  }
  return segments.size() - count;
}

/// Writes the few live records of the oldest segments again, so that idle groups do not pin the log.
void WriteAheadLog::move_old_records() {
  std::uint64_t budget = options_.segment_bytes / kBatchesPerSegment;
  std::uint64_t emptied = 0;  // the segment that `from` is about
  GroupId from;
  while (!failure_.has_value() && !moving_ && budget > 0) {
    const std::optional<std::size_t> oldest = oldest_to_empty();
    if (!oldest.has_value()) {
      return;
    }
    const Liveness::Segment& segment = liveness_.segments()[*oldest];
    if (segment.sequence != emptied) {
      emptied = segment.sequence;
      from = GroupId(0);
    }
    std::optional<RewritePlan> plan = index_.plan_rewrite(from, liveness_.segments()[*oldest + 1].first_serial);
    QUORATE_ASSERT(plan.has_value(), "a segment that is needed holds a record", segment.sequence, segment.live.records);
    if (plan->missing.has_value()) {
      moving_ = true;
      start_fetch(plan->group, index_.plan_fetch(plan->group, *plan->missing, *plan->missing, 1), {});
      return;
    }
    from = plan->group.next();
    budget -= std::min(budget, plan->bytes + kFrameHeadBytes);
    stats_.rewritten_bytes += plan->bytes;
    append(plan->group, Io(0), std::move(plan->ops));
  }
}

Result<std::unique_ptr<Log>> Log::open(env::FileSystem& files, env::Loop& loop, env::Clock& clock,
                                       env::Entropy& entropy, std::string directory, LogOptions options,
                                       Recovery& recovery) {
  auto log = std::make_unique<WriteAheadLog>(files, loop, clock, directory, options);
  QUORATE_TRY(log->recover(files, entropy, directory, recovery));
  return log;
}

}  // namespace quorate::storage
