#include "backup/file_cursor.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::backup {

void FileCursor::next() {
  if (status_) {
    status_ = advance();
  }
}

Status FileCursor::advance() {
  piece_.clear();
  switch (stage_) {
    case Stage::measuring: return measure();
    case Stage::writing: return write();
    case Stage::summing: stage_ = Stage::ended; return {};
    case Stage::ended: break;
  }
  QUORATE_UNREACHABLE("a walk does not go on behind its end", stage_);
}

Status FileCursor::add_record(const env::RecordCursor& records) {
  const ByteView key = records.key();
  QUORATE_ASSERT(key.size() > state::kSpaceBytes, "a record lies in its group's space", key.size());
  return exporter_.add(key.substr(state::kSpaceBytes), records.value());
}

Status FileCursor::measure() {
  for (std::size_t bytes = 0; bytes < kStepBytes; measured_->next()) {
    if (!measured_->valid()) {
      QUORATE_TRY(measured_->status());
      const Result<bbolt::Totals> totals = exporter_.finish();
      QUORATE_TRY(totals);
      totals_ = *totals;
      exporter_ = Exporter(totals_);
      measured_.reset();
      stage_ = Stage::writing;
      return {};
    }
    bytes += measured_->key().size() + measured_->value().size();
    QUORATE_TRY(add_record(*measured_));
    static_cast<void>(exporter_.take());
  }
  return {};
}

Status FileCursor::write() {
  while (pending_.size() - offset_ < kPieceBytes && written_ != nullptr) {
    pending_.erase(0, offset_);
    offset_ = 0;
    if (written_->valid()) {
      QUORATE_TRY(add_record(*written_));
      written_->next();
    } else {
      QUORATE_TRY(written_->status());
      QUORATE_TRY(exporter_.finish());
      written_.reset();
    }
    pending_ += exporter_.take();
  }
  if (offset_ == pending_.size()) {
    piece_ = sum_.finish();
    stage_ = Stage::summing;
    return {};
  }
  piece_ = pending_.substr(offset_, kPieceBytes);
  offset_ += piece_.size();
  sum_.add(piece_);
  return {};
}

}  // namespace quorate::backup
