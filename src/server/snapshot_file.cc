#include "server/snapshot_file.h"

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/sha256.h"
#include "env_posix/system_error.h"

namespace quorate::server {
namespace {

/// etcd's rule: databases are multiples of this, so a file that is longer by a sum has one.
constexpr std::uint64_t kUnitBytes = 512;
constexpr std::size_t kBlockBytes = 1U << 20;

std::unexpected<Error> in_file(const std::string& path, const Error& error) {
  return fail(error.code, "'" + path + "': " + error.text);
}

}  // namespace

SnapshotFile::SnapshotFile(std::string path, env_posix::Descriptor file, std::uint64_t file_bytes)
    : path_(std::move(path)), file_(std::move(file)), file_bytes_(file_bytes) {
  const bool has_sum = file_bytes_ % kUnitBytes == codec::kSha256Bytes;
  database_bytes_ = has_sum ? file_bytes_ - codec::kSha256Bytes : file_bytes_;
}

Result<SnapshotFile> SnapshotFile::open(const std::string& path) {
  env_posix::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about{};
  if (!file.is_open() || ::fstat(file.get(), &about) != 0) {
    return std::unexpected(env_posix::system_error("open '" + path + "'", errno));
  }
  if (!S_ISREG(about.st_mode)) {
    return fail(ErrorCode::invalid, "'" + path + "' is no file");
  }
  return SnapshotFile(path, std::move(file), static_cast<std::uint64_t>(about.st_size));
}

Result<std::string> SnapshotFile::read(std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = ::pread(file_.get(), bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0) {
      return std::unexpected(env_posix::system_error("read '" + path_ + "'", errno));
    }
    if (got == 0) {
      return fail(ErrorCode::corrupt, "'" + path_ + "' became shorter while it was read");
    }
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

Status SnapshotFile::check_sum() {
  if (database_bytes_ == file_bytes_) {
    return fail(ErrorCode::corrupt,
                "'" + path_ + "' has no SHA-256 at its end: it was cut off, or is no snapshot; a copy of etcd's " +
                    "member/snap/db has none either and is taken with --skip-hash-check");
  }
  codec::Sha256 sum;
  for (std::uint64_t offset = 0; offset < database_bytes_; offset += kBlockBytes) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kBlockBytes, database_bytes_ - offset));
    const Result<std::string> block = read(offset, size);
    if (!block) {
      return std::unexpected(block.error());
    }
    sum.add(*block);
  }
  const Result<std::string> expected = read(database_bytes_, codec::kSha256Bytes);
  if (!expected) {
    return std::unexpected(expected.error());
  }
  if (sum.finish() != *expected) {
    return fail(ErrorCode::corrupt, "'" + path_ +
                                        "' does not have the SHA-256 that stands at its end: it is damaged, " +
                                        "or was changed; use another backup");
  }
  return {};
}

Result<backup::Figures> SnapshotFile::import(backup::Importer importer) {
  Result<bbolt::Reader> reader = bbolt::Reader::open(*this);
  if (!reader) {
    return in_file(path_, reader.error());
  }
  if (const Status walked = reader->walk(importer); !walked) {
    return in_file(path_, walked.error());
  }
  Result<backup::Figures> figures = importer.finish();
  return figures ? figures : in_file(path_, figures.error());
}

Result<SnapshotStatus> read_snapshot_status(const std::string& path, bool needs_sum) {
  Result<SnapshotFile> file = SnapshotFile::open(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  if (needs_sum) {
    QUORATE_TRY(file->check_sum());
  }
  const Result<backup::Figures> figures =
      file->import(backup::Importer({GroupId(1), state::kFirstGeneration}, Position(1), nullptr));
  if (!figures) {
    return std::unexpected(figures.error());
  }
  return SnapshotStatus{*figures, file->size_bytes(), needs_sum};
}

}  // namespace quorate::server
