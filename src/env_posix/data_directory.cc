#include "env_posix/data_directory.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env_posix/entropy.h"
#include "env_posix/system_error.h"

namespace quorate::env_posix {
namespace {

constexpr std::string_view kMagic = "quorate-data";
constexpr std::size_t kLargestIdentity = 1U << 20;
constexpr std::uint64_t kVersionWithSizes = 3;  // where there are none, version 2 was written
constexpr std::uint64_t kVersionWithBirth = 4;

std::string hex(std::uint64_t value) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return {digits.data(), end};
}

std::unexpected<Error> refused(const std::string& what, int number) {
  return std::unexpected(system_error(what, number));
}

/// FNV-1a: tells an edited or torn line; damage of the disk is not what a text file must withstand.
std::uint64_t checksum_of(std::string_view text) {
  std::uint64_t sum = 0xCBF29CE484222325ULL;
  for (const char byte : text) {
    sum = (sum ^ static_cast<unsigned char>(byte)) * 0x100000001B3ULL;
  }
  return sum;
}

struct Identity {
  std::uint64_t version = 0;
  DataIdentity who;
  DataOrigin origin;
  std::uint64_t birth = 0;  ///< 0: of a version that had none
  std::uint64_t incarnation = 0;
};

std::string encode(const Identity& identity) {
  std::string text(kMagic);
  const quorum::PhaseSizes& sizes = identity.who.quorum_sizes;
  const std::string quorums =
      sizes.are_majorities() ? ""
                             : "quorums " + std::to_string(sizes.phase_1) + " " + std::to_string(sizes.phase_2) + "\n";
  const std::string restored = identity.who.restored == 0 ? "" : "restored " + hex(identity.who.restored) + "\n";
  text += " " + std::to_string(kDataDirectoryVersion) + "\ncluster " + hex(identity.who.cluster.value()) + "\nmember " +
          hex(identity.who.member.value()) + "\nprotocol " + identity.who.protocol + "\n" + quorums + "origin " +
          (identity.origin.kind == DataOrigin::Kind::founded ? "founded" : "joined") + "\n";
  for (const DataOrigin::Member& member : identity.origin.members) {
    text += "known " + hex(member.node.value()) + " " + member.urls + "\n";
  }
  text += restored + "birth " + hex(identity.birth) + "\nincarnation " + std::to_string(identity.incarnation) + "\n";
  return text + "checksum " + hex(checksum_of(text)) + "\n";
}

/// Takes "name value\n" off the front of `text`; nullopt if it does not stand there.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view name) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(name) || end <= name.size() || text[name.size()] != ' ') {
    return std::nullopt;
  }
  const std::string_view value = text.substr(name.size() + 1, end - name.size() - 1);
  text.remove_prefix(end + 1);
  return value;
}

std::optional<std::uint64_t> take_number(std::string_view& text, std::string_view name, int base) {
  const std::optional<std::string_view> line = take_line(text, name);
  std::uint64_t value = 0;
  if (!line.has_value()) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(line->data(), line->data() + line->size(), value, base);
  return error == std::errc() && end == line->data() + line->size() ? std::optional(value) : std::nullopt;
}

/// The line that version 3 added. False: damaged.
bool take_quorums(std::string_view& text, quorum::PhaseSizes& sizes) {
  const std::optional<std::string_view> line = take_line(text, "quorums");
  if (!line) {
    return false;
  }
  const char* const end = line->data() + line->size();
  const auto first = std::from_chars(line->data(), end, sizes.phase_1);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') {
    return false;
  }
  const auto second = std::from_chars(first.ptr + 1, end, sizes.phase_2);
  return second.ec == std::errc() && second.ptr == end;
}

/// The lines that version 2 added. False: damaged.
bool take_origin(std::string_view& text, DataOrigin& origin) {
  const std::optional<std::string_view> kind = take_line(text, "origin");
  if (kind != "founded" && kind != "joined") {
    return false;
  }
  origin.kind = kind == "founded" ? DataOrigin::Kind::founded : DataOrigin::Kind::joined;
  while (text.starts_with("known ")) {
    const std::optional<std::string_view> line = take_line(text, "known");
    const std::size_t space = line ? line->find(' ') : std::string_view::npos;
    std::uint64_t node = 0;
    if (space == std::string_view::npos ||
        std::from_chars(line->data(), line->data() + space, node, 16).ptr != line->data() + space) {
      return false;
    }
    origin.members.push_back({NodeId(node), std::string(line->substr(space + 1))});
  }
  return true;
}

/// nullopt: damaged. Only the version is set if it is a later one.
std::optional<Identity> decode(std::string_view text) {
  const std::string_view whole = text;
  Identity identity;
  const auto version = take_number(text, kMagic, 10);
  if (!version.has_value()) {
    return std::nullopt;
  }
  identity.version = *version;
  if (identity.version > kDataDirectoryVersion) {
    return identity;
  }
  const auto cluster = take_number(text, "cluster", 16);
  const auto member = take_number(text, "member", 16);
  const auto protocol = take_line(text, "protocol");
  quorum::PhaseSizes sizes;
  const bool has_sizes =
      identity.version == kVersionWithSizes || (identity.version > kVersionWithSizes && text.starts_with("quorums "));
  if (has_sizes && !take_quorums(text, sizes)) {
    return std::nullopt;
  }
  if (identity.version >= 2 && !take_origin(text, identity.origin)) {
    return std::nullopt;
  }
  const bool is_restored = identity.version >= 2 && text.starts_with("restored ");
  const auto restored = is_restored ? take_number(text, "restored", 16) : std::optional<std::uint64_t>(0);
  const auto birth =
      identity.version >= kVersionWithBirth ? take_number(text, "birth", 16) : std::optional<std::uint64_t>(0);
  const auto incarnation = take_number(text, "incarnation", 10);
  const std::string_view summed = whole.substr(0, whole.size() - text.size());
  const auto checksum = take_number(text, "checksum", 16);
  if (!cluster || !member || !protocol || !restored || !birth || !incarnation || !checksum ||
      *checksum != checksum_of(summed) || !text.empty()) {
    return std::nullopt;
  }
  identity.who = {ClusterId(*cluster), NodeId(*member), std::string(*protocol), *restored, sizes};
  identity.birth = *birth;
  identity.incarnation = *incarnation;
  return identity;
}

/// The file's bytes, at most kLargestIdentity; nullopt if there is no such file.
Result<std::optional<std::string>> read_small(int directory, const char* name, const std::string& path) {
  const Descriptor file(::openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.is_open()) {
    return errno == ENOENT ? Result<std::optional<std::string>>(std::nullopt)
                           : refused("open '" + path + "/" + name + "'", errno);
  }
  std::string bytes(kLargestIdentity, '\0');
  const ssize_t got = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) {
    return refused("read '" + path + "/" + name + "'", errno);
  }
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

/// True if there is anything besides the lock and what a start that was cut off left.
bool holds_data(const std::string& path) {
  DIR* stream = ::opendir(path.c_str());
  bool found = false;
  while (stream != nullptr && !found) {
    const dirent* entry = ::readdir(stream);
    if (entry == nullptr) {
      break;
    }
    const std::string_view name = entry->d_name;
    found = name != "." && name != ".." && name != "lock" && name != "identity.new" && name != "lost+found";
  }
  if (stream != nullptr) {
    ::closedir(stream);
  }
  return found;
}

Result<Identity> read_identity(std::string_view text, const std::string& path) {
  std::optional<Identity> found = decode(text);
  if (!found.has_value()) {
    return fail(ErrorCode::corrupt, "'" + path +
                                        "/identity' is damaged; restore the directory from a copy taken "
                                        "while the node was stopped, or let the node rejoin as a new member");
  }
  if (found->version > kDataDirectoryVersion) {
    return fail(ErrorCode::newer_format, "data directory '" + path + "' has format version " +
                                             std::to_string(found->version) + "; this program reads versions up to " +
                                             std::to_string(kDataDirectoryVersion) + "; use the newer program");
  }
  return std::move(*found);
}

std::string describe(const DataIdentity& who) {
  const std::string sizes = who.quorum_sizes.are_majorities() ? "" : ", quorums of " + who.quorum_sizes.text();
  return "member " + hex(who.member.value()) + " of cluster " + hex(who.cluster.value()) + " (" + who.protocol + sizes +
         ")";
}

}  // namespace

Result<std::optional<StoredIdentity>> DataDirectory::look(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) {
    return errno == ENOENT ? Result<std::optional<StoredIdentity>>(std::nullopt)
                           : refused("open data directory '" + path + "'", errno);
  }
  const Result<std::optional<std::string>> text = read_small(directory.get(), "identity", path);
  if (!text.has_value()) {
    return std::unexpected(text.error());
  }
  if (!text->has_value()) {
    return std::nullopt;  // open() tells whether that is right
  }
  const Result<Identity> found = read_identity(**text, path);
  if (!found) {
    return std::unexpected(found.error());
  }
  return StoredIdentity{found->who, found->origin};
}

Result<DataDirectory> DataDirectory::open(const std::string& path, const DataIdentity& identity,
                                          const DataOrigin& origin) {
  DataDirectory directory;
  directory.path_ = path;
  QUORATE_TRY(directory.make_or_check());
  QUORATE_TRY(directory.lock());
  QUORATE_TRY(directory.check_identity(identity, origin));
  directory.incarnation_ = directory.incarnation_.next();
  while (directory.birth_ == 0) {
    directory.birth_ = SystemEntropy().next();
  }
  QUORATE_TRY(directory.write_identity());
  return directory;
}

Status DataDirectory::make_or_check() {
  const bool made = ::mkdir(path_.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) {
    return refused("make data directory '" + path_ + "'", errno);
  }
  directory_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory_.is_open()) {
    return refused("open data directory '" + path_ + "'", errno);
  }
  if (made) {
    // Without this a power loss could take the whole directory, and the node would start as if it were new.
    const Descriptor parent(::openat(directory_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent.is_open() || ::fsync(parent.get()) != 0) {
      return refused("sync the directory above '" + path_ + "'", errno);
    }
  }
  struct stat about{};
  if (::fstat(directory_.get(), &about) != 0) {
    return refused("look at data directory '" + path_ + "'", errno);
  }
  if ((about.st_mode & 0077) != 0) {
    std::array<char, 8> mode{};
    const auto end = std::to_chars(mode.data(), mode.data() + mode.size(), about.st_mode & 0777, 8).ptr;
    return fail(ErrorCode::invalid, "data directory '" + path_ + "' is open to others (mode 0" +
                                        std::string(mode.data(), end) + "); run: chmod 0700 '" + path_ + "'");
  }
  if (::access(path_.c_str(), W_OK | X_OK) != 0) {
    return refused("write to data directory '" + path_ + "'", errno);
  }
  return {};
}

Status DataDirectory::lock() {
  lock_ = Descriptor(::openat(directory_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock_.is_open()) {
    return refused("open '" + path_ + "/lock'", errno);
  }
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return refused("lock '" + path_ + "/lock'", errno);
    }
    const Result<std::optional<std::string>> holder = read_small(directory_.get(), "lock", path_);
    const bool known = holder.has_value() && holder->has_value() && !(*holder)->empty();
    const std::string pid = known ? (*holder)->substr(0, (*holder)->find('\n')) : "unknown";
    return fail(ErrorCode::busy, "data directory '" + path_ + "' is in use by another process (pid " + pid +
                                     "); stop it, or choose another directory");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock_.get(), 0) != 0 ||
      ::pwrite(lock_.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return refused("write '" + path_ + "/lock'", errno);
  }
  return {};
}

ClusterId DataDirectory::cluster() const {
  const ClusterId mixed(identity_.cluster.value() ^ identity_.restored);
  return mixed.is_none() ? identity_.cluster : mixed;
}

Status DataDirectory::check_identity(const DataIdentity& wanted, const DataOrigin& origin) {
  const Result<std::optional<std::string>> text = read_small(directory_.get(), "identity", path_);
  if (!text.has_value()) {
    return std::unexpected(text.error());
  }
  if (!text->has_value()) {
    if (holds_data(path_)) {
      return fail(ErrorCode::corrupt, "data directory '" + path_ +
                                          "' holds files but no identity: it is not Quorate's, or its identity file "
                                          "was removed; choose another directory");
    }
    is_new_ = true;
    identity_ = wanted;
    origin_ = origin;
    return {};
  }
  const Result<Identity> found = read_identity(**text, path_);
  if (!found.has_value()) {
    return std::unexpected(found.error());
  }
  DataIdentity configured = wanted;
  configured.restored = found->who.restored;
  if (found->who != configured) {
    return fail(ErrorCode::foreign,
                "data directory '" + path_ + "' belongs to " + describe(found->who) + "; this node is configured as " +
                    describe(wanted) +
                    "; correct name, initial-cluster or data-dir, or, if this member was added later or has "
                    "moved, start it with --initial-cluster-state=existing");
  }
  identity_ = found->who;
  origin_ = found->origin.members.empty() ? origin : found->origin;
  incarnation_ = Incarnation(found->incarnation);
  birth_ = found->birth;
  return {};
}

/// Whole or not at all: a new file takes the old one's name.
Status DataDirectory::write_identity() {
  const std::string text = encode({.version = kDataDirectoryVersion,
                                   .who = identity_,
                                   .origin = origin_,
                                   .birth = birth_,
                                   .incarnation = incarnation_.value()});
  const std::string what = "write '" + path_ + "/identity'";
  const Descriptor file(
      ::openat(directory_.get(), "identity.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) {
    return refused(what, errno);
  }
  const ssize_t written = ::pwrite(file.get(), text.data(), text.size(), 0);
  if (written != static_cast<ssize_t>(text.size())) {
    return refused(what, written < 0 ? errno : ENOSPC);
  }
  if (::fsync(file.get()) != 0 || ::renameat(directory_.get(), "identity.new", directory_.get(), "identity") != 0 ||
      ::fsync(directory_.get()) != 0) {
    return refused(what, errno);
  }
  return {};
}

}  // namespace quorate::env_posix
