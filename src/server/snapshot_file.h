#pragma once
// An etcd snapshot file on the disk of whoever runs a command: opened, and its sum compared.
//
// Invariants: 1. only the database is read through it: the sum at the end is no part of it. 2. reading never changes
// the file. Owned by one command, on its thread; blocking. docs/formats/etcd_snapshot.md has the bytes.

#include <string>

#include "backup/importer.h"
#include "base/result.h"
#include "bbolt/reader.h"
#include "env_posix/files.h"

namespace quorate::server {

class SnapshotFile final : public bbolt::Source {
 public:
  [[nodiscard]] static Result<SnapshotFile> open(const std::string& path);

  /// Reads all and compares the sum. A file without one is refused.
  [[nodiscard]] Status check_sum();
  /// Reads the whole database; its records go to the importer.
  [[nodiscard]] Result<backup::Figures> import(backup::Importer importer);

  [[nodiscard]] std::uint64_t size_bytes() const override { return database_bytes_; }
  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t size) override;

 private:
  SnapshotFile(std::string path, env_posix::Descriptor file, std::uint64_t file_bytes);

  std::string path_;
  env_posix::Descriptor file_;
  std::uint64_t file_bytes_;
  std::uint64_t database_bytes_;  ///< less than the file's if it has a sum
};

/// What `quorate snapshot status` tells, after everything was read and checked.
struct SnapshotStatus {
  backup::Figures figures;
  std::uint64_t database_bytes = 0;
  bool has_sum = true;
};
/// `needs_sum` false: a file without a sum, such as a copy of etcd's member/snap/db, is taken as it is.
[[nodiscard]] Result<SnapshotStatus> read_snapshot_status(const std::string& path, bool needs_sum);

}  // namespace quorate::server
