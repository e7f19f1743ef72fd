#pragma once
// An etcd snapshot file as a walk: its pieces one after the other, made from the records while they are asked for.
//
// The head of the file says what only its end knows, so the records are walked twice: first to measure, then to write.
// Nothing touches a disk or waits in memory: whoever reads slowly holds up nothing but its own walks.
// Invariants: 1. a piece is at most kPieceBytes; the last one is the SHA-256 of all others. 2. one step takes about
// kStepBytes of records. 3. memory is bounded by the database writer's and the largest record, whatever the size of the
// file. Owned by its reader, and by the record store while it reads a page: it is walked on any thread, one at a time.

#include <memory>
#include <optional>
#include <string>

#include "backup/exporter.h"
#include "codec/sha256.h"
#include "env/record_store.h"

namespace quorate::backup {

class FileCursor final : public env::RecordCursor {
 public:
  static constexpr std::size_t kPieceBytes = 32U << 10;
  static constexpr std::size_t kStepBytes = 1U << 20;

  /// Two walks over the same view of one group's records.
  FileCursor(std::shared_ptr<env::RecordCursor> measured, std::shared_ptr<env::RecordCursor> written)
      : measured_(std::move(measured)), written_(std::move(written)) {}

  /// A record without a value is a step of measuring; one with a value is the next piece of the file. A page of one
  /// byte is one record.
  [[nodiscard]] bool valid() const override { return stage_ != Stage::ended && status_.has_value(); }
  [[nodiscard]] ByteView key() const override { return "."; }
  [[nodiscard]] ByteView value() const override { return piece_; }
  void next() override;
  [[nodiscard]] Status status() const override { return status_; }

  /// Of the file without its sum; 0 while it is being measured.
  [[nodiscard]] std::uint64_t database_bytes() const { return totals_.bytes(); }

 private:
  enum class Stage : std::uint8_t { measuring, writing, summing, ended };

  [[nodiscard]] Status advance();
  [[nodiscard]] Status measure();
  [[nodiscard]] Status write();
  [[nodiscard]] Status add_record(const env::RecordCursor& records);

  std::shared_ptr<env::RecordCursor> measured_;
  std::shared_ptr<env::RecordCursor> written_;
  Exporter exporter_;
  bbolt::Totals totals_;
  codec::Sha256 sum_;
  std::string pending_;     ///< written and not yet given out
  std::size_t offset_ = 0;  ///< of what is next in it
  std::string piece_;
  Stage stage_ = Stage::measuring;
  Status status_;
};

}  // namespace quorate::backup
