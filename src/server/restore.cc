#include "server/restore.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "engine_rocksdb/rocksdb_store.h"
#include "env_posix/data_directory.h"
#include "env_posix/entropy.h"
#include "env_posix/loop.h"
#include "env_posix/system_error.h"
#include "group/restored_log.h"
#include "server/identity.h"
#include "server/join.h"
#include "server/protocol_choice.h"
#include "server/snapshot_file.h"
#include "storage/log.h"

namespace quorate::server {
namespace {

namespace fs = std::filesystem;

constexpr GroupId kGroup{1};  // the first one: a backup is of one group
constexpr std::size_t kBatchBytes = 4U << 20;

/// Gives records to the engine in batches. The record that makes the others a state comes last.
class EngineSink final : public backup::RecordSink {
 public:
  explicit EngineSink(env::RecordStore& records) : records_(records) {}
  Status put(Buffer key, Buffer value) override {
    bytes_ += key.size() + value.size();
    batch_.put(std::move(key), std::move(value));
    return bytes_ >= kBatchBytes ? write() : Status();
  }
  Status write() {
    bytes_ = 0;
    return records_.write(std::exchange(batch_, {}));
  }

 private:
  env::RecordStore& records_;
  env::RecordBatch batch_;
  std::size_t bytes_ = 0;
};

/// A data directory that is being filled: its loop, engine and log.
class NewDirectory final : storage::LogEvents {
 public:
  explicit NewDirectory(std::string path) : path_(std::move(path)) {}

  Result<RestoredMember> fill(const RestoreOptions& options, const consensus::Protocol& protocol,
                              const ClusterIdentity& identity, std::uint64_t restored) {
    Result<std::unique_ptr<env_posix::EventLoop>> loop = env_posix::EventLoop::make();
    if (!loop) {
      return std::unexpected(loop.error());
    }
    loop_ = std::move(*loop);
    const env_posix::DataIdentity who{.cluster = identity.cluster,
                                      .member = identity.self,
                                      .protocol = std::string(protocol.name()),
                                      .restored = restored,
                                      .quorum_sizes = identity.quorum_sizes};
    const Result<env_posix::DataDirectory> directory = env_posix::DataDirectory::open(path_, who, origin_of(identity));
    if (!directory) {
      return std::unexpected(directory.error());
    }
    const Result<backup::Figures> figures = write_records(options);
    if (!figures) {
      return std::unexpected(figures.error());
    }
    QUORATE_TRY(write_log(protocol, identity));
    return RestoredMember{figures->revision, directory->cluster(), identity.self};
  }

 private:
  void on_durable(GroupId, Io) override { loop_->stop(); }
  void on_log_failed(const Error& error) override { end(std::unexpected(error)); }
  void on_flushed(std::uint64_t, Status flushed) { end(std::move(flushed)); }
  void end(Status outcome) {
    outcome_ = std::move(outcome);
    loop_->stop();
  }

  Result<backup::Figures> write_records(const RestoreOptions& options) {
    Result<SnapshotFile> file = SnapshotFile::open(options.file);
    if (!file) {
      return std::unexpected(file.error());
    }
    engine_rocksdb::EngineHooks hooks;
    hooks.post = [poster = loop_->shared_poster()](std::function<void()> work) { poster->post(std::move(work)); };
    hooks.failed = [this](const Error& why) { end(std::unexpected(why)); };
    const Result<std::unique_ptr<env::RecordStore>> records =
        engine_rocksdb::open_rocksdb_store(path_ + "/engine", {}, std::move(hooks));
    if (!records) {
      return std::unexpected(records.error());
    }
    EngineSink sink(**records);
    Result<backup::Figures> figures = file->import(backup::Importer(
        {kGroup, state::kFirstGeneration}, group::kRestoredEntry.position, &sink, options.bump_revision));
    if (!figures) {
      return std::unexpected(figures.error());
    }
    QUORATE_TRY(sink.write());
    (*records)->flush(Callback<Status>::to<&NewDirectory::on_flushed>(this));
    loop_->run();
    QUORATE_TRY(outcome_);
    return figures;
  }

  Status write_log(const consensus::Protocol& protocol, const ClusterIdentity& identity) {
    const Result<std::unique_ptr<env_posix::PosixFiles>> files = env_posix::PosixFiles::open(path_, *loop_);
    if (!files) {
      return std::unexpected(files.error());
    }
    env_posix::SystemEntropy entropy;
    storage::Recovery recovery;
    const Result<std::unique_ptr<storage::Log>> log =
        storage::Log::open(**files, *loop_, *loop_, entropy, "log", {}, recovery);
    if (!log) {
      return std::unexpected(log.error());
    }
    (*log)->set_events(this);
    consensus::Membership membership;
    for (const MemberIdentity& member : identity.members) {
      membership.voters.push_back(member.id);
    }
    (*log)->append(kGroup, Io(1), group::restored_log(membership, protocol.cores.state_behind(group::kRestoredEntry)));
    loop_->run();
    (*log)->set_events(nullptr);
    return outcome_;
  }

  const std::string path_;
  std::unique_ptr<env_posix::EventLoop> loop_;
  Status outcome_;
};

Status sync_parent(const fs::path& path) {
  const fs::path parent = path.parent_path().empty() ? fs::path(".") : path.parent_path();
  const env_posix::Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open() || ::fsync(directory.get()) != 0) {
    return std::unexpected(env_posix::system_error("sync '" + parent.string() + "'", errno));
  }
  return {};
}

Status check_free(const fs::path& target) {
  std::error_code error;
  if (!fs::exists(target, error)) {
    return {};
  }
  if (!fs::is_directory(target, error) || !fs::is_empty(target, error)) {
    return fail(ErrorCode::already_exists,
                "data directory '" + target.string() +
                    "' is not empty; a restore begins a new cluster: name another directory");
  }
  return {};
}

/// Reads all of the file before anything is made of it.
Result<backup::Figures> check_file(const RestoreOptions& options) {
  const Result<SnapshotStatus> status = read_snapshot_status(options.file, options.needs_sum);
  if (!status) {
    return std::unexpected(status.error());
  }
  if (status->figures.auth_enabled) {
    return fail(ErrorCode::invalid, "'" + options.file +
                                        "' is of a cluster with authentication, which this version does not have: "
                                        "everybody could read what it protects. To restore it all the same, take a "
                                        "snapshot after `etcdctl auth disable`");
  }
  return status->figures;
}

}  // namespace

Result<RestoredMember> restore_snapshot(const RestoreOptions& options) {
  fs::path target(options.member.data_dir);
  if (!target.has_filename()) {
    target = target.parent_path();  // "dir/"
  }
  QUORATE_TRY(check_free(target));
  const Result<const consensus::Protocol*> protocol = choose_protocol(options.member);
  if (!protocol) {
    return std::unexpected(protocol.error());
  }
  const Result<ClusterIdentity> identity = found_cluster(options.member, **protocol);
  if (!identity) {
    return std::unexpected(identity.error());
  }
  const Result<backup::Figures> figures = check_file(options);
  if (!figures) {
    return std::unexpected(figures.error());
  }
  const auto revision = static_cast<std::uint64_t>(figures->revision + options.bump_revision);
  const std::uint64_t restored = std::uint64_t{figures->hash} << 32U | (revision & 0xFFFF'FFFFU);
  const std::string unfinished = target.string() + ".restoring";
  std::error_code error;
  fs::remove_all(unfinished, error);  // of a restore that was cut off
  Result<RestoredMember> member =
      NewDirectory(unfinished).fill(options, **protocol, *identity, restored == 0 ? 1 : restored);
  if (member && ::rename(unfinished.c_str(), target.c_str()) != 0) {
    member =
        std::unexpected(env_posix::system_error("rename '" + unfinished + "' to '" + target.string() + "'", errno));
  }
  if (!member) {
    fs::remove_all(unfinished, error);
    return member;
  }
  QUORATE_TRY(sync_parent(target));
  return member;
}

}  // namespace quorate::server
