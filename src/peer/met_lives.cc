#include "peer/met_lives.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "codec/crc32c.h"
#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::peer {
namespace {

constexpr std::string_view kMagic = "quorlife";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kCopyBytes = std::size_t{16} << 10;
constexpr std::size_t kHeadBytes = 24;
constexpr std::size_t kNodeBytes = 32;
static_assert(kHeadBytes + MetLives::kMaxNodes * kNodeBytes + sizeof(std::uint32_t) <= kCopyBytes);

bool was_never_written(ByteView copy) {
  return std::ranges::all_of(copy, [](char byte) { return byte == '\0'; });
}

}  // namespace

Result<std::unique_ptr<MetLives>> MetLives::open(env::FileSystem& files, std::string_view path) {
  auto lives = std::make_unique<MetLives>();
  Result<std::unique_ptr<env::File>> file = files.open(path, env::OpenMode::existing);
  if (file) {
    lives->file_ = std::move(*file);
    const Status read = lives->read();
    if (!read) {
      return fail(read.error().code,
                  "'" + std::string(path) +
                      "', which tells the lives of the other members that this one has met: " + read.error().text);
    }
    return lives;
  }
  if (file.error().code != ErrorCode::not_found) {
    return std::unexpected(file.error());
  }
  file = files.open(path, env::OpenMode::create_new);
  if (!file) {
    return std::unexpected(file.error());
  }
  lives->file_ = std::move(*file);
  QUORATE_TRY(lives->write_both_copies());
  QUORATE_TRY(files.sync_directory(""));
  return lives;
}

/// One copy may be cut off or damaged: it is written anew from the other.
Status MetLives::read() {
  std::optional<Kept> newest;
  bool is_damaged = false;
  bool is_unwritten = false;
  std::optional<std::uint64_t> sequences[2];
  for (std::uint64_t copy = 0; copy < 2; ++copy) {
    const Result<std::string> bytes = file_->read(copy * kCopyBytes, kCopyBytes);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    std::optional<Kept> kept = decode(*bytes);
    if (!kept) {
      (was_never_written(*bytes) ? is_unwritten : is_damaged) = true;
      continue;
    }
    sequences[copy] = kept->sequence;
    if (!newest || kept->sequence > newest->sequence) {
      newest = std::move(kept);
    }
  }
  if (!newest && is_damaged && !is_unwritten) {
    return fail(ErrorCode::corrupt,
                "both copies are damaged. If no other member's data directory was lost or put back from a copy, "
                "remove the file and start again; if one was, replace this member by a new one");
  }
  if (newest) {
    kept_ = std::move(*newest);
  }
  return sequences[0] && sequences[0] == sequences[1] ? Status{} : write_both_copies();
}

Status MetLives::write_both_copies() {
  std::string bytes = encode(kept_);
  bytes.resize(kCopyBytes, '\0');
  for (std::uint64_t copy = 0; copy < 2; ++copy) {
    QUORATE_TRY(file_->write(copy * kCopyBytes, bytes));
    QUORATE_TRY(file_->sync());
  }
  return {};
}

const Life* MetLives::find(NodeId node) const {
  const auto found = kept_.lives.find(node);
  return found == kept_.lives.end() ? nullptr : &found->second;
}

bool MetLives::note(NodeId node, const Life& life) {
  const Life* known = find(node);
  if (known == nullptr || *known != life) {
    QUORATE_ASSERT(known != nullptr || kept_.lives.size() < kMaxNodes, "a cluster has fewer members", node);
    kept_.lives[node] = life;
    if (file_ != nullptr) {
      waiting_.push_back(node);
    }
  }
  const bool waits = std::ranges::count(waiting_, node) + std::ranges::count(in_write_, node) > 0;
  if (waits && in_write_.empty()) {
    write();
  }
  return !waits;
}

void MetLives::forget(NodeId node) { kept_.lives.erase(node); }

void MetLives::write() {
  in_write_ = std::exchange(waiting_, {});
  ++kept_.sequence;
  written_ = encode(kept_);
  written_view_ = written_;
  write_copy(0);
}

void MetLives::write_copy(std::uint64_t copy) {
  file_->write_durably(copy * kCopyBytes, {&written_view_, 1}, Callback<Status>::to<&MetLives::on_written>(this, copy));
}

void MetLives::on_written(std::uint64_t copy, Status status) {
  if (!status) {
    failed_({status.error().code, "the lives of other members cannot be noted: " + status.error().text});
    return;
  }
  if (copy == 0) {
    write_copy(1);
    return;
  }
  const std::vector<NodeId> noted = std::exchange(in_write_, {});
  if (!waiting_.empty()) {
    write();
  }
  for (const NodeId node : noted) {
    noted_(node);
  }
}

std::string MetLives::encode(const Kept& kept) {
  codec::Writer writer;
  writer.bytes(kMagic);
  writer.u32(kVersion);
  writer.u32(static_cast<std::uint32_t>(kept.lives.size()));
  writer.u64(kept.sequence);
  for (const auto& [node, life] : kept.lives) {
    writer.u64(node.value());
    writer.u64(life.incarnation.value());
    writer.u64(life.birth);
    writer.u64(life.start);
  }
  writer.u32(codec::crc32c(writer.view()));
  return writer.take();
}

std::optional<MetLives::Kept> MetLives::decode(ByteView copy) {
  codec::Reader reader(copy);
  const bool is_ours = reader.bytes(kMagic.size()) == kMagic && reader.u32() == kVersion;
  const std::uint32_t count = reader.u32();
  Kept kept{.sequence = reader.u64(), .lives = {}};
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    const NodeId node(reader.u64());
    Life& life = kept.lives[node];
    life.incarnation = Incarnation(reader.u64());
    life.birth = reader.u64();
    life.start = reader.u64();
  }
  const std::size_t summed = reader.offset();
  const bool is_whole = is_ours && reader.u32() == codec::crc32c(copy.substr(0, summed)) && reader.ok();
  return is_whole ? std::optional(std::move(kept)) : std::nullopt;
}

}  // namespace quorate::peer
