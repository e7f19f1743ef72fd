#include "sim/disk.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::sim {
namespace {

constexpr std::uint64_t kSectorBytes = 512;

}  // namespace

/// An open file of one life; the content belongs to the disk.
class DiskFile : public env::File {
 public:
  DiskFile(Disk& disk, std::shared_ptr<Disk::Content> content) : disk_(disk), content_(std::move(content)) {}

  void write_durably(std::uint64_t offset, std::span<const ByteView> parts, Callback<Status> done) override {
    Disk::Pending pending;
    pending.file = content_;
    pending.done = done;
    std::uint64_t at = offset;
    for (const ByteView part : parts) {
      disk_.put(*content_, at, part);
      at += part.size();
    }
    disk_.start(std::move(pending));
  }

  void read_async(std::uint64_t offset, std::size_t size, Callback<Result<Buffer>> done) override {
    Disk::Pending pending;
    pending.kind = Disk::Pending::Kind::read;
    pending.file = content_;
    pending.offset = offset;
    pending.size = size;
    pending.done_reading = done;
    disk_.start(std::move(pending));
  }

  Result<std::string> read(std::uint64_t offset, std::size_t size) override {
    if (offset >= content_->current.size()) {
      return std::string();
    }
    return content_->current.substr(offset, size);
  }

  Status write(std::uint64_t offset, ByteView bytes) override {
    if (disk_.used_bytes() + bytes.size() > disk_.behaviour.capacity_bytes) {
      return fail(ErrorCode::no_space, "no space left on the simulated disk");
    }
    disk_.put(*content_, offset, bytes);
    return {};
  }

  Status sync() override {
    disk_.make_durable(*content_);
    ++disk_.counters.syncs;
    return {};
  }

  Result<std::uint64_t> size() const override { return content_->current.size(); }

 private:
  Disk& disk_;
  std::shared_ptr<Disk::Content> content_;
};

Result<std::vector<std::string>> Disk::list(std::string_view directory) {
  std::vector<std::string> names;
  const std::string prefix = directory.empty() ? "" : std::string(directory) + "/";
  for (const auto& [path, content] : current_) {
    if (path.starts_with(prefix) && path.find('/', prefix.size()) == std::string::npos) {
      names.push_back(path.substr(prefix.size()));
    }
  }
  return names;
}

Result<std::unique_ptr<env::File>> Disk::open(std::string_view path, env::OpenMode mode) {
  const auto found = current_.find(path);
  if (mode == env::OpenMode::existing) {
    if (found == current_.end()) {
      return fail(ErrorCode::not_found, "no file " + std::string(path));
    }
    return std::make_unique<DiskFile>(*this, found->second);
  }
  if (found != current_.end()) {
    return fail(ErrorCode::already_exists, std::string(path) + " exists");
  }
  std::shared_ptr<Content> content = new_file(path);
  record({"", std::string(path), content});
  return std::make_unique<DiskFile>(*this, std::move(content));
}

void Disk::copy_from(const Disk& other) {
  QUORATE_ASSERT(current_.empty(), "a copy begins on an empty disk");
  for (const auto& [path, content] : other.current_) {
    const std::shared_ptr<Content> file = new_file(path);
    file->current = file->durable = content->current;
    current_[path] = file;
  }
  durable_ = current_;
}

std::shared_ptr<Disk::Content> Disk::new_file(std::string_view path) {
  auto content = std::make_shared<Content>();
  content->directory = path.substr(0, path.find_last_of('/') + 1);
  return content;
}

Status Disk::make_directory(std::string_view /*path*/) { return {}; }

Status Disk::rename(std::string_view from, std::string_view to) {
  const auto found = current_.find(from);
  if (found == current_.end()) {
    return fail(ErrorCode::not_found, "no file " + std::string(from));
  }
  record({std::string(from), std::string(to), found->second});
  return {};
}

Status Disk::remove(std::string_view path) {
  if (current_.find(path) == current_.end()) {
    return fail(ErrorCode::not_found, "no file " + std::string(path));
  }
  record({std::string(path), "", nullptr});
  return {};
}

Status Disk::sync_directory(std::string_view /*directory*/) {
  for (const NameChange& change : unsynced_names_) {
    apply(durable_, change);
  }
  unsynced_names_.clear();
  return {};
}

void Disk::prepare_async(std::string path, std::uint64_t size, Callback<Status> done) {
  Pending pending;
  pending.kind = Pending::Kind::prepare;
  pending.path = std::move(path);
  pending.size = size;
  pending.done = done;
  start(std::move(pending));
}

void Disk::start(Pending pending) {
  const auto spread = static_cast<std::uint64_t>((behaviour.latency_max - behaviour.latency_min).count());
  const Duration latency = behaviour.latency_min + Duration(static_cast<std::int64_t>(random_.between(0, spread)));
  // One device: requests finish in order, each after its own latency.
  busy_until_ = std::max(busy_until_, queue_.now()) + latency;
  const std::uint64_t number = next_pending_++;
  pending_.emplace(number, std::move(pending));
  queue_.schedule(busy_until_, owner_, Callback<>::to<&Disk::complete>(this, number));
}

void Disk::complete(std::uint64_t number) {
  const auto found = pending_.find(number);
  QUORATE_ASSERT(found != pending_.end(), "a disk completion belongs to a pending call", number);
  Pending pending = std::move(found->second);
  pending_.erase(found);
  switch (pending.kind) {
    case Pending::Kind::write:
      if (behaviour.fail_writes_per_million > 0 && random_.chance(behaviour.fail_writes_per_million, 1'000'000)) {
        fail_write(*pending.file);
        pending.done(fail(ErrorCode::io, "simulated EIO"));
        return;
      }
      if (used_bytes() > behaviour.capacity_bytes) {
        pending.done(fail(ErrorCode::no_space, "no space left on the simulated disk"));
        return;
      }
      note_written(pending.file);
      make_durable(*pending.file);
      ++counters.syncs;
      pending.done(Status{});
      return;
    case Pending::Kind::read: {
      const std::string& bytes = pending.file->current;
      const std::uint64_t from = std::min<std::uint64_t>(pending.offset, bytes.size());
      pending.done_reading(Buffer::copy_of(ByteView(bytes).substr(from, pending.size)));
      return;
    }
    case Pending::Kind::prepare: {
      if (used_bytes() + pending.size > behaviour.capacity_bytes) {
        pending.done(fail(ErrorCode::no_space, "no space left on the simulated disk"));
        return;
      }
      std::shared_ptr<Content> content = new_file(pending.path);
      content->current.assign(pending.size, '\0');
      content->durable = content->current;
      record({"", pending.path, std::move(content)});
      QUORATE_ASSERT(sync_directory("").has_value(), "the simulated directory syncs");
      pending.done(Status{});
      return;
    }
  }
}

void Disk::put(Content& file, std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) {
    return;
  }
  if (file.current.size() < offset + bytes.size()) {
    file.current.resize(offset + bytes.size(), '\0');
  }
  std::copy(bytes.begin(), bytes.end(), file.current.begin() + static_cast<std::ptrdiff_t>(offset));
  file.unsynced.push_back({offset, std::string(bytes)});
  counters.bytes_written += bytes.size();
}

void Disk::make_durable(Content& file) {
  for (const Write& write : file.unsynced) {
    if (file.durable.size() < write.offset + write.bytes.size()) {
      file.durable.resize(write.offset + write.bytes.size(), '\0');
    }
    std::copy(write.bytes.begin(), write.bytes.end(), file.durable.begin() + static_cast<std::ptrdiff_t>(write.offset));
  }
  file.unsynced.clear();
}

void Disk::apply(Names& names, const NameChange& change) {
  if (!change.remove.empty()) {
    names.erase(change.remove);
  }
  if (!change.add.empty()) {
    names[change.add] = change.file;
  }
}

void Disk::record(NameChange change) {
  apply(current_, change);
  unsynced_names_.push_back(std::move(change));
}

void Disk::on_process_crash() {
  pending_.clear();
  busy_until_ = queue_.now();
}

void Disk::on_power_loss() {
  pending_.clear();
  busy_until_ = queue_.now();
  const std::uint64_t survive = random_.between(0, unsynced_names_.size());
  counters.names_lost += unsynced_names_.size() - survive;
  for (std::uint64_t i = 0; i < survive; ++i) {
    apply(durable_, unsynced_names_[i]);
  }
  unsynced_names_.clear();
  current_ = durable_;
  std::vector<Content*> seen;  // a renamed file may stand under two names for a moment
  for (auto& [path, content] : current_) {
    if (std::find(seen.begin(), seen.end(), content.get()) == seen.end()) {
      seen.push_back(content.get());
      lose_unsynced(*content);
    }
  }
}

void Disk::lose_unsynced(Content& file) {
  // Four fates of the whole queue keep the extremes likely: nothing, everything, half of the sectors, almost all.
  static constexpr std::uint64_t kKeepPerCent[] = {0, 50, 95, 100};
  const std::uint64_t keep = kKeepPerCent[random_.between(0, 3)];
  for (const Write& write : file.unsynced) {
    std::uint64_t kept = 0;
    std::uint64_t lost = 0;
    for (std::uint64_t at = write.offset; at < write.offset + write.bytes.size();) {
      const std::uint64_t end = std::min((at / kSectorBytes + 1) * kSectorBytes, write.offset + write.bytes.size());
      if (random_.chance(keep, 100)) {
        if (file.durable.size() < end) {
          file.durable.resize(end, '\0');
        }
        std::copy_n(write.bytes.begin() + static_cast<std::ptrdiff_t>(at - write.offset),
                    static_cast<std::ptrdiff_t>(end - at), file.durable.begin() + static_cast<std::ptrdiff_t>(at));
        ++kept;
      } else {
        ++lost;
      }
      at = end;
    }
    counters.sectors_kept += kept;
    counters.sectors_lost += lost;
    counters.torn_writes += kept > 0 && lost > 0 ? 1 : 0;
  }
  file.unsynced.clear();
  file.current = file.durable;
}

/// The kernel marks the pages clean: they are read as they were written, or as the disk has them, and never reach it
/// (F-D4, both variants).
void Disk::fail_write(Content& file) {
  file.unsynced.clear();
  if (random_.chance(1, 2)) {
    file.current = file.durable;
  }
}

void Disk::note_written(const std::shared_ptr<Content>& file) {
  if (file->unsynced.empty()) {
    return;
  }
  Written written{.extent = {.file = file, .from = UINT64_MAX, .to = 0}, .before = {}};
  for (const Write& write : file->unsynced) {
    written.extent.from = std::min(written.extent.from, write.offset);
    written.extent.to = std::max(written.extent.to, write.offset + write.bytes.size());
  }
  const std::size_t size = written.extent.to - written.extent.from;
  if (written.extent.from < file->durable.size()) {
    written.before = file->durable.substr(written.extent.from, size);
  }
  written.before.resize(size, '\0');
  last_written_.push_front(std::move(written));
  if (last_written_.size() > kRememberedWrites) {
    last_written_.pop_back();
  }
}

std::uint64_t Disk::used_bytes() const {
  std::uint64_t total = 0;
  for (const auto& [path, content] : current_) {
    total += content->current.size();
  }
  return total;
}

}  // namespace quorate::sim
