#include "sim/restored_node.h"

#include <string>
#include <utility>

#include "base/assert.h"
#include "bbolt/reader.h"
#include "codec/sha256.h"
#include "group/restored_log.h"
#include "sim/node_env.h"

namespace quorate::sim {
namespace {

class FileInMemory final : public bbolt::Source {
 public:
  explicit FileInMemory(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return bytes_.size(); }
  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t size) override {
    return std::string(bytes_.substr(offset, size));
  }

 private:
  std::string_view bytes_;
};

class Sink final : public backup::RecordSink {
 public:
  Status put(Buffer key, Buffer value) override {
    batch.put(std::move(key), std::move(value));
    return {};
  }
  env::RecordBatch batch;
};

Result<std::string_view> database_of(std::string_view file) {
  if (file.size() < codec::kSha256Bytes) {
    return fail(ErrorCode::corrupt, "the backup has no sum");
  }
  const std::string_view database = file.substr(0, file.size() - codec::kSha256Bytes);
  codec::Sha256 sum;
  sum.add(database);
  if (sum.finish() != file.substr(database.size())) {
    return fail(ErrorCode::corrupt, "the backup does not have the sum at its end");
  }
  return database;
}

Result<backup::Figures> import_records(std::string_view database, storage::MemoryRecords& records) {
  FileInMemory source(database);
  Result<bbolt::Reader> reader = bbolt::Reader::open(source);
  if (!reader) {
    return std::unexpected(reader.error());
  }
  Sink sink;
  backup::Importer importer({kRestoredGroup, state::kFirstGeneration}, group::kRestoredEntry.position, &sink);
  QUORATE_TRY(reader->walk(importer));
  Result<backup::Figures> figures = importer.finish();
  if (figures) {
    records.apply(sink.batch);
    records.set_flushed(records.applied());
  }
  return figures;
}

/// Writes the first frame of a log, and waits for the disk.
class FirstFrame final : storage::LogEvents {
 public:
  Status write(const RestoredParts& parts, std::vector<storage::LogOp> ops) {
    const ClockBehaviour clock;
    NodeEnv env(parts.queue, parts.owner, parts.random, clock);
    storage::Recovery recovery;
    const Result<std::unique_ptr<storage::Log>> log =
        storage::Log::open(parts.disk, env, env, env, "log", parts.log, recovery);
    if (!log) {
      return std::unexpected(log.error());
    }
    (*log)->set_events(this);
    (*log)->append(kRestoredGroup, Io(1), std::move(ops));
    while (!parts.queue.empty()) {  // what the log prepares beside it, too
      parts.queue.pop().action();
    }
    (*log)->set_events(nullptr);
    QUORATE_ASSERT(is_done_, "a disk answers", parts.owner.node);
    return outcome_;
  }

 private:
  void on_durable(GroupId, Io) override { is_done_ = true; }
  void on_log_failed(const Error& error) override {
    is_done_ = true;
    outcome_ = std::unexpected(error);
  }

  bool is_done_ = false;
  Status outcome_;
};

}  // namespace

Result<backup::Figures> restore_node(std::string_view file, const consensus::CoreFactory& factory,
                                     const consensus::Membership& members, RestoredParts parts) {
  const Result<std::string_view> database = database_of(file);
  if (!database) {
    return std::unexpected(database.error());
  }
  Result<backup::Figures> figures = import_records(*database, parts.records);
  if (!figures) {
    return figures;
  }
  QUORATE_TRY(FirstFrame().write(parts, group::restored_log(members, factory.state_behind(group::kRestoredEntry))));
  return figures;
}

}  // namespace quorate::sim
