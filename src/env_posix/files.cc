#include "env_posix/files.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "env_posix/system_error.h"

namespace quorate::env_posix {
namespace {

constexpr std::size_t kZeroChunk = 256U << 10;  ///< stays in the processor's cache
/// Zeros are made durable in steps, so that the log's syncs do not wait behind a whole segment of them.
constexpr std::uint64_t kZeroStep = 4U << 20;

std::unexpected<Error> refused(std::string_view what, std::string_view path, int number) {
  return std::unexpected(system_error(std::string(what) + " '" + std::string(path) + "'", number));
}

std::int64_t monotonic_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Writes all of `parts`, continuing short writes. 0 or an errno value.
int write_all(int descriptor, std::uint64_t offset, std::vector<iovec> parts) {
  std::size_t first = 0;
  while (first < parts.size()) {
    const auto count = static_cast<int>(std::min<std::size_t>(parts.size() - first, IOV_MAX));
    const ssize_t written = ::pwritev(descriptor, parts.data() + first, count, static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno;
    }
    if (written == 0) {
      return EIO;  // parts are not empty: a file system that takes nothing and says nothing
    }
    offset += static_cast<std::uint64_t>(written);
    for (auto left = static_cast<std::size_t>(written); left > 0;) {
      iovec& part = parts[first];
      const std::size_t taken = std::min(left, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + taken;
      part.iov_len -= taken;
      left -= taken;
      first += part.iov_len == 0 ? 1 : 0;
    }
  }
  return 0;
}

iovec part_of(ByteView bytes) {
  return {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};  // pwritev only reads it
}

Result<std::string> read_all(int descriptor, const std::string& path, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = ::pread(descriptor, bytes.data() + filled, size - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno != EINTR) {
      return refused("read", path, errno);
    }
    if (got == 0) {
      break;
    }
    filled += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  bytes.resize(filled);
  return bytes;
}

Status sync_names(int root, const std::string& directory) {
  const Descriptor opened(
      ::openat(root, directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open() || ::fsync(opened.get()) != 0) {
    return refused("sync directory", directory, errno);
  }
  return {};
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

/// Creates the file with `size` written zeros, durable with its name.
Status prepare_file(int root, const std::string& path, std::uint64_t size) {
  const Descriptor file(::openat(root, path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) {
    return refused("create", path, errno);
  }
  // Contiguous space, and a full disk shows before anything is written; the zeros make the extents written ones.
  int failed = ::posix_fallocate(file.get(), 0, static_cast<off_t>(size));
  if (failed == EOPNOTSUPP || failed == EINVAL) {
    failed = 0;
  }
  const std::string zeros(static_cast<std::size_t>(std::min<std::uint64_t>(kZeroChunk, size)), '\0');
  for (std::uint64_t at = 0; at < size && failed == 0; at += zeros.size()) {
    const auto chunk = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), size - at));
    failed = write_all(file.get(), at, {part_of(ByteView(zeros).substr(0, chunk))});
    if (failed == 0 && (at + chunk) % kZeroStep == 0 && ::fdatasync(file.get()) != 0) {
      failed = errno;
    }
  }
  if (failed == 0 && ::fsync(file.get()) != 0) {
    failed = errno;
  }
  if (failed != 0) {
    ::unlinkat(root, path.c_str(), 0);
    return refused("prepare", path, failed);
  }
  return sync_names(root, parent_of(path));
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) {
    ::close(number_);
  }
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

/// One open file. The descriptor is shared with the jobs under way.
class PosixFiles::OpenFile final : public env::File {
 public:
  OpenFile(PosixFiles& owner, Descriptor descriptor, std::string path)
      : owner_(owner), descriptor_(std::make_shared<Descriptor>(std::move(descriptor))), path_(std::move(path)) {}

  ~OpenFile() override {
    if (writing_) {
      owner_.syncing_.drain();
    }
    *alive_ = false;
    // Closing an unlinked file frees its space, which takes a while.
    owner_.background_.add([descriptor = std::move(descriptor_)]() mutable { descriptor.reset(); });
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  void write_durably(std::uint64_t offset, std::span<const ByteView> parts, Callback<Status> done) override {
    QUORATE_ASSERT(!writing_, "one durable write at a time per file");
    writing_ = true;
    std::vector<iovec> list;
    list.reserve(parts.size());
    std::size_t bytes = 0;
    for (const ByteView part : parts) {
      if (!part.empty()) {
        list.push_back(part_of(part));
        bytes += part.size();
      }
    }
    if (owner_.sync_place_.is_loop_for(bytes)) {
      write_on_loop(offset, std::move(list), done);
    } else {
      write_on_thread(offset, std::move(list), done);
    }
  }

  void read_async(std::uint64_t offset, std::size_t size, Callback<Result<Buffer>> done) override {
    owner_.reading_.add(
        [poster = owner_.poster_, descriptor = descriptor_, alive = alive_, path = path_, offset, size, done] {
          Result<std::string> bytes = read_all(descriptor->get(), path, offset, size);
          Result<Buffer> result =
              bytes.has_value() ? Result<Buffer>(Buffer::adopt(std::move(*bytes))) : std::unexpected(bytes.error());
          poster->post([alive, done, result = std::move(result)]() mutable {
            if (*alive) {
              done(std::move(result));
            }
          });
        });
  }

  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t size) override {
    return read_all(descriptor_->get(), path_, offset, size);
  }
  [[nodiscard]] Status write(std::uint64_t offset, ByteView bytes) override {
    if (const int failed = bytes.empty() ? 0 : write_all(descriptor_->get(), offset, {part_of(bytes)}); failed != 0) {
      return refused("write", path_, failed);
    }
    return {};
  }
  [[nodiscard]] Status sync() override {
    if (::fdatasync(descriptor_->get()) != 0) {
      return refused("sync", path_, errno);
    }
    return {};
  }
  [[nodiscard]] Result<std::uint64_t> size() const override {
    struct stat about{};
    if (::fstat(descriptor_->get(), &about) != 0) {
      return refused("look at", path_, errno);
    }
    return static_cast<std::uint64_t>(about.st_size);
  }

 private:
  struct Written {
    Status status;
    Duration took{};
  };

  /// Behind what this turn sends: the others' disks work meanwhile.
  void write_on_loop(std::uint64_t offset, std::vector<iovec> list, Callback<Status> done) {
    owner_.loop_.after_writes([this, alive = alive_, offset, list = std::move(list), done]() mutable {
      if (*alive) {
        ++owner_.stats_->syncs_on_loop;
        finish(write_and_sync(*owner_.stats_, descriptor_->get(), path_, offset, std::move(list)), done);
      }
    });
  }

  void write_on_thread(std::uint64_t offset, std::vector<iovec> list, Callback<Status> done) {
    owner_.syncing_.add([this, poster = owner_.poster_, stats = owner_.stats_, descriptor = descriptor_, alive = alive_,
                         path = path_, offset, list = std::move(list), done]() mutable {
      Written written = write_and_sync(*stats, descriptor->get(), path, offset, std::move(list));
      poster->post([this, alive, done, written = std::move(written)]() mutable {
        if (*alive) {
          finish(std::move(written), done);
        }
      });
    });
  }

  void finish(Written written, Callback<Status> done) {
    writing_ = false;
    owner_.sync_place_.on_written(written.took);
    done(std::move(written.status));
  }

  static Written write_and_sync(FileStats& stats, int descriptor, const std::string& path, std::uint64_t offset,
                                std::vector<iovec> parts) {
    const std::int64_t start = monotonic_nanoseconds();
    stats.writing_since = start;
    int failed = write_all(descriptor, offset, std::move(parts));
    const bool written = failed == 0;
    if (written && ::fdatasync(descriptor) != 0) {
      failed = errno;
    }
    const std::int64_t took = monotonic_nanoseconds() - start;
    stats.writing_since = 0;
    ++stats.syncs;
    stats.sync_nanoseconds += static_cast<std::uint64_t>(took);
    stats.longest_sync_nanoseconds = std::max(stats.longest_sync_nanoseconds.load(), static_cast<std::uint64_t>(took));
    if (failed != 0) {
      return {.status = refused(written ? "sync" : "write", path, failed), .took = Duration(took)};
    }
    return {.status = {}, .took = Duration(took)};
  }

  PosixFiles& owner_;
  std::shared_ptr<Descriptor> descriptor_;
  const std::string path_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< used on the loop only
  bool writing_ = false;
};

Result<std::unique_ptr<PosixFiles>> PosixFiles::open(const std::string& root, EventLoop& loop, SyncPlace place) {
  Descriptor opened(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open()) {
    return refused("open data directory", root, errno);
  }
  return std::unique_ptr<PosixFiles>(new PosixFiles(std::move(opened), loop, place));
}

PosixFiles::PosixFiles(Descriptor root, EventLoop& loop, SyncPlace place)
    : root_(std::move(root)), loop_(loop), poster_(loop.shared_poster()), sync_place_(place) {}

PosixFiles::~PosixFiles() { *alive_ = false; }

Result<std::vector<std::string>> PosixFiles::list(std::string_view directory) {
  const std::string path = directory.empty() ? "." : std::string(directory);
  const int descriptor = ::openat(root_.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) {
    return refused("list", path, errno);
  }
  DIR* stream = ::fdopendir(descriptor);
  if (stream == nullptr) {
    const int number = errno;
    ::close(descriptor);
    return refused("list", path, number);
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
    errno = 0;
  }
  const int number = errno;
  ::closedir(stream);
  if (number != 0) {
    return refused("list", path, number);
  }
  std::ranges::sort(names);
  return names;
}

Result<std::unique_ptr<env::File>> PosixFiles::open(std::string_view path, env::OpenMode mode) {
  const std::string name(path);
  const int create = mode == env::OpenMode::create_new ? O_CREAT | O_EXCL : 0;
  Descriptor opened(::openat(root_.get(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | create, 0600));
  if (!opened.is_open()) {
    return refused(create != 0 ? "create" : "open", name, errno);
  }
  return std::make_unique<OpenFile>(*this, std::move(opened), name);
}

Status PosixFiles::make_directory(std::string_view path) {
  if (::mkdirat(root_.get(), std::string(path).c_str(), 0700) != 0) {
    return refused("make directory", path, errno);
  }
  return {};
}

Status PosixFiles::rename(std::string_view from, std::string_view to) {
  if (::renameat(root_.get(), std::string(from).c_str(), root_.get(), std::string(to).c_str()) != 0) {
    return refused("rename", from, errno);
  }
  return {};
}

Status PosixFiles::remove(std::string_view path) {
  if (::unlinkat(root_.get(), std::string(path).c_str(), 0) != 0) {
    return refused("remove", path, errno);
  }
  return {};
}

Status PosixFiles::sync_directory(std::string_view directory) {
  return sync_names(root_.get(), std::string(directory));
}

void PosixFiles::prepare_async(std::string path, std::uint64_t size, Callback<Status> done) {
  background_.add([poster = poster_, alive = alive_, root = root_.get(), path = std::move(path), size, done] {
    poster->post([alive, done, status = prepare_file(root, path, size)]() mutable {
      if (*alive) {
        done(std::move(status));
      }
    });
  });
}

}  // namespace quorate::env_posix
