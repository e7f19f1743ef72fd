#include "storage/memory_records.h"

#include <algorithm>
#include <string>

#include "base/assert.h"

namespace quorate::storage {

/// Walks the live map; what writers overwrite ahead of it is put aside in `before_` and read from there.
class MemoryRecords::Cursor final : public env::RecordCursor {
 public:
  Cursor(MemoryRecords& owner, ByteView from, ByteView to) : owner_(owner), next_from_(from), to_(to) {
    owner_.cursors_.push_back(this);
    seek();
  }
  ~Cursor() override { std::erase(owner_.cursors_, this); }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  [[nodiscard]] bool valid() const override { return valid_; }
  [[nodiscard]] ByteView key() const override { return key_.view(); }
  [[nodiscard]] ByteView value() const override { return value_.view(); }
  [[nodiscard]] Status status() const override { return {}; }
  void next() override {
    QUORATE_ASSERT(valid_, "next() needs a valid cursor");
    next_from_ = key_.view();
    next_from_.push_back('\0');  // the smallest key behind this one
    seek();
  }

  /// A record is about to change: `before` is what this cursor must still see.
  void keep(const Buffer& key, const std::optional<Buffer>& before) {
    if (valid_ && key.view() > key_.view() && key.view() < ByteView(to_)) {
      before_.try_emplace(key, before);
    }
  }

 private:
  void seek() {
    ByteView from = next_from_;
    auto live = owner_.records_.lower_bound(from);
    auto kept = before_.lower_bound(from);
    valid_ = false;
    while (true) {
      const bool has_live = live != owner_.records_.end() && live->first.view() < ByteView(to_);
      const bool has_kept = kept != before_.end();
      if (!has_live && !has_kept) {
        return;
      }
      if (has_kept && (!has_live || kept->first.view() <= live->first.view())) {
        if (has_live && kept->first == live->first) {
          ++live;
        }
        if (kept->second.has_value()) {
          set(kept->first, *kept->second);
          return;
        }
        ++kept;  // there was no such record when the cursor was opened
        continue;
      }
      set(live->first, live->second);
      return;
    }
  }
  void set(const Buffer& key, const Buffer& value) {
    key_ = key;
    value_ = value;
    valid_ = true;
  }

  MemoryRecords& owner_;
  std::string next_from_;
  std::string to_;
  std::map<Buffer, std::optional<Buffer>, Less> before_;
  Buffer key_;
  Buffer value_;
  bool valid_ = false;
};

MemoryRecords::~MemoryRecords() { QUORATE_ASSERT(cursors_.empty(), "a cursor outlives its records"); }

std::optional<Buffer> MemoryRecords::find(ByteView key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? std::nullopt : std::optional(found->second);
}

std::unique_ptr<env::RecordCursor> MemoryRecords::scan(ByteView from, ByteView to) {
  return std::make_unique<Cursor>(*this, from, to);
}

void MemoryRecords::apply(const env::RecordBatch& batch) {
  using Kind = env::RecordBatch::Op::Kind;
  Undo& undo = undo_.emplace_back();
  undo.reserve(batch.ops.size());
  for (const env::RecordBatch::Op& op : batch.ops) {
    switch (op.kind) {
      case Kind::put: put(op.key, op.value, undo); break;
      case Kind::erase:
        if (const auto found = records_.find(op.key); found != records_.end()) {
          erase(found, undo);
        }
        break;
      case Kind::erase_range:
        for (auto at = records_.lower_bound(op.key); at != records_.end() && at->first.view() < op.value.view();) {
          at = erase(at, undo);
        }
        break;
    }
  }
  ++applied_;
}

void MemoryRecords::put(const Buffer& key, const Buffer& value, Undo& undo) {
  const auto place = records_.lower_bound(key);
  if (place != records_.end() && place->first == key) {
    tell_cursors(key, place->second);
    bytes_ += value.size();
    bytes_ -= place->second.size();
    undo.emplace_back(place->first, std::exchange(place->second, value));
    return;
  }
  tell_cursors(key, std::nullopt);
  bytes_ += key.size() + value.size();
  undo.emplace_back(key, std::nullopt);
  records_.emplace_hint(place, key, value);
}

MemoryRecords::Map::iterator MemoryRecords::erase(Map::iterator record, Undo& undo) {
  tell_cursors(record->first, record->second);
  bytes_ -= record->first.size() + record->second.size();
  undo.emplace_back(record->first, std::move(record->second));
  return records_.erase(record);
}

void MemoryRecords::tell_cursors(const Buffer& key, const std::optional<Buffer>& before) {
  for (Cursor* cursor : cursors_) {
    cursor->keep(key, before);
  }
}

void MemoryRecords::set_flushed(std::uint64_t batches) {
  QUORATE_ASSERT(batches <= applied_, "a flush covers only what was written", batches, applied_);
  while (applied_ - undo_.size() < batches) {
    undo_.pop_front();
  }
}

std::unique_ptr<MemoryRecords> MemoryRecords::copy() const {
  auto result = std::make_unique<MemoryRecords>();
  result->records_ = records_;
  result->bytes_ = bytes_;
  return result;
}

void MemoryRecords::crash(std::size_t surviving) {
  QUORATE_ASSERT(cursors_.empty(), "no cursor may be open in a crash");
  QUORATE_ASSERT(surviving <= undo_.size(), "only unflushed batches can be lost", surviving, undo_.size());
  while (undo_.size() > surviving) {
    Undo& undo = undo_.back();
    for (auto change = undo.rbegin(); change != undo.rend(); ++change) {
      auto& [key, before] = *change;
      const auto found = records_.find(key);
      if (found != records_.end()) {
        bytes_ -= key.size() + found->second.size();
        records_.erase(found);
      }
      if (before.has_value()) {
        bytes_ += key.size() + before->size();
        records_.emplace(key, std::move(*before));
      }
    }
    undo_.pop_back();
    --applied_;
  }
  undo_.clear();
}

}  // namespace quorate::storage
