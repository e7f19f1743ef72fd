#include "snapshot_save.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client/rpc_client.h"
#include "codec/proto_fields.h"
#include "env_posix/files.h"

namespace quorate {
namespace {

constexpr int kConnectTimeoutMs = 5000;
/// A node measures its state before it sends the first byte.
constexpr int kSilenceTimeoutMs = 600'000;
constexpr off_t kWrittenBackAtOnce = 4 << 20;
constexpr int kNiceness = 10;
constexpr std::uint32_t kBlobField = 3;  // of SnapshotResponse

std::unexpected<Error> refused(const std::string& what) {
  return fail(errno == ENOSPC || errno == EDQUOT ? ErrorCode::no_space : ErrorCode::io,
              "cannot " + what + ": " + std::strerror(errno));
}

Result<client::Socket> connect_to_any(const std::vector<client::Endpoint>& endpoints, client::Endpoint& connected) {
  std::string whys;
  for (const client::Endpoint& endpoint : endpoints) {
    Result<client::Socket> socket = client::connect_to(endpoint, kConnectTimeoutMs);
    if (socket) {
      connected = endpoint;
      socket->set_timeout(kSilenceTimeoutMs);
      return socket;
    }
    whys += (whys.empty() ? "" : "; ") + socket.error().text;
  }
  return fail(ErrorCode::io, whys);
}

/// Appends the file's bytes as they come.
class FileWriter {
 public:
  explicit FileWriter(const std::string& path)
      : path_(path), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {}

  [[nodiscard]] bool is_open() const { return file_.is_open(); }
  Status take(std::string_view message) {
    codec::FieldReader fields(message);
    std::string_view blob;
    while (fields.next()) {
      blob = fields.is_bytes(kBlobField) ? fields.bytes() : blob;
    }
    if (!fields.ok()) {
      return fail(ErrorCode::invalid, "the node's answer does not read");
    }
    while (!blob.empty()) {
      const ssize_t written = ::write(file_.get(), blob.data(), blob.size());
      if (written < 0) {
        return refused("write '" + path_ + "'");
      }
      blob.remove_prefix(static_cast<std::size_t>(written));
      size_ += written;
    }
    return write_back();
  }
  Status sync() { return ::fsync(file_.get()) == 0 ? Status() : refused("sync '" + path_ + "'"); }

 private:
  /// A little at a time, and waits for it: all at once, in the end, would keep the disk from a node beside this
  /// program.
  Status write_back() {
    for (; size_ - written_back_ >= kWrittenBackAtOnce; written_back_ += kWrittenBackAtOnce) {
      constexpr unsigned kAndWait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
      if (::sync_file_range(file_.get(), written_back_, kWrittenBackAtOnce, kAndWait) != 0) {
        return refused("write '" + path_ + "'");
      }
    }
    return {};
  }

  std::string path_;
  env_posix::Descriptor file_;
  off_t size_ = 0;
  off_t written_back_ = 0;
};

/// The node and its clients come first. Best effort: without it a backup is as good.
void give_way() { (void)::setpriority(PRIO_PROCESS, 0, kNiceness); }

Status fetch(const std::string& part, const std::vector<client::Endpoint>& endpoints) {
  client::Endpoint endpoint;
  Result<client::Socket> socket = connect_to_any(endpoints, endpoint);
  if (!socket) {
    return std::unexpected(socket.error());
  }
  FileWriter writer(part);
  if (!writer.is_open()) {
    return refused("create '" + part + "'");
  }
  give_way();
  client::RpcClient client(std::move(*socket), endpoint);
  QUORATE_TRY(client.call("/etcdserverpb.Maintenance/Snapshot", "",
                          [&writer](std::string_view message) { return writer.take(message); }));
  return writer.sync();
}

Status take_name(const std::string& part, const std::string& path) {
  if (std::rename(part.c_str(), path.c_str()) != 0) {
    return refused("rename '" + part + "' to '" + path + "'");
  }
  const std::string parent = std::filesystem::absolute(path).parent_path();
  const env_posix::Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory.is_open() && ::fsync(directory.get()) == 0 ? Status() : refused("sync '" + parent + "'");
}

}  // namespace

Result<server::SnapshotStatus> save_snapshot(const std::string& path, const std::vector<client::Endpoint>& endpoints) {
  const std::string part = path + ".part";
  Status done = fetch(part, endpoints);
  Result<server::SnapshotStatus> status =
      done ? server::read_snapshot_status(part, true) : std::unexpected(done.error());
  if (status) {
    done = take_name(part, path);
  }
  if (!status || !done) {
    ::unlink(part.c_str());
    return std::unexpected(status ? done.error() : status.error());
  }
  return status;
}

}  // namespace quorate
