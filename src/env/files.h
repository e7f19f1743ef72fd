#pragma once
// Files as the log and the snapshots need them. Paths are relative to the node's data directory.
//
// What a crash may do: until write_durably() reports success, any subset of the unsynced writes may be on the
// disk, torn at any sector; a created, renamed or removed name is durable only after sync_directory().
// Blocking calls are for recovery and background work; the loop uses only the asynchronous ones.
// A failed durable write is never retried: the caller stops (the kernel may have dropped the dirty pages).

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/callback.h"
#include "base/result.h"

namespace quorate::env {

class File {
 public:
  virtual ~File() = default;

  /// Writes the parts one after the other at `offset` and makes them durable; then calls `done` on the loop.
  /// `parts` (the views and the bytes) stay valid until then. At most one call is in flight per file.
  virtual void write_durably(std::uint64_t offset, std::span<const ByteView> parts, Callback<Status> done) = 0;

  /// Reads up to `size` bytes at `offset` off the loop, then calls `done` on the loop; fewer at the file's end.
  virtual void read_async(std::uint64_t offset, std::size_t size, Callback<Result<Buffer>> done) = 0;

  /// Blocking. Returns fewer bytes at the file's end.
  [[nodiscard]] virtual Result<std::string> read(std::uint64_t offset, std::size_t size) = 0;
  /// Blocking: writes without making durable.
  [[nodiscard]] virtual Status write(std::uint64_t offset, ByteView bytes) = 0;
  /// Blocking fdatasync.
  [[nodiscard]] virtual Status sync() = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
};

enum class OpenMode : std::uint8_t { existing, create_new };

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// Names directly under `directory` ("" is the data directory), sorted.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(std::string_view directory) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) = 0;
  [[nodiscard]] virtual Status make_directory(std::string_view path) = 0;
  [[nodiscard]] virtual Status rename(std::string_view from, std::string_view to) = 0;
  [[nodiscard]] virtual Status remove(std::string_view path) = 0;
  /// Makes created, renamed and removed names of `directory` durable.
  [[nodiscard]] virtual Status sync_directory(std::string_view directory) = 0;

  /// Off the loop: creates `path` with `size` bytes of zeros, written and durable (name included), so that later
  /// writes change no metadata; then calls `done` on the loop.
  virtual void prepare_async(std::string path, std::uint64_t size, Callback<Status> done) = 0;
};

}  // namespace quorate::env
