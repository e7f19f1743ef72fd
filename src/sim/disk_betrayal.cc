// How a disk betrays who trusted it: bytes that it has confirmed are not there any more.

#include <algorithm>
#include <utility>

#include "sim/disk.h"

namespace quorate::sim {
namespace {

constexpr std::uint64_t kSectorBytes = 512;
constexpr int kPlacesTried = 8;
constexpr std::uint64_t kHeadBytes = 4096;

}  // namespace

bool Disk::betray(Betrayal how, std::uint64_t place) {
  betrayed_.clear();
  switch (how) {
    case Betrayal::flipped_bit: return flip_bit(place);
    case Betrayal::lost_write: return lose_write(place, false);
    case Betrayal::misdirected_write: return lose_write(place, true);
  }
  return false;
}

bool Disk::was_written_last(const Extent& extent) const {
  std::size_t spared = 0;
  return std::ranges::any_of(last_written_, [&](const Written& written) {
    const bool is_near = written.extent.file->directory == extent.file->directory;
    const bool is_head = written.extent.to <= kHeadBytes;  // of a segment that is made ready: no log ends there
    return is_near && !is_head && ++spared <= kSparedWrites && written.extent.overlaps(extent);
  });
}

/// Of a byte that is not zero: what was never written is nobody's.
bool Disk::flip_bit(std::uint64_t place) {
  // The eligible byte of that number; or, if there are not so many, how many there are.
  const auto find = [this](std::uint64_t number) {
    std::uint64_t seen = 0;
    for (const auto& [path, content] : current_) {
      for (std::uint64_t at = 0; at < content->durable.size(); ++at) {
        if (content->durable[at] != '\0' && !was_written_last({content, at, at + 1}) && seen++ == number) {
          return std::pair(Extent{content, at, at + 1}, seen);
        }
      }
    }
    return std::pair(Extent{}, seen);
  };
  const std::uint64_t count = find(UINT64_MAX).second;
  if (count == 0) {
    return false;
  }
  const Extent byte = find(place / 8 % count).first;
  change(byte, std::string(1, static_cast<char>(byte.file->durable[byte.from] ^ static_cast<char>(1U << place % 8))));
  return true;
}

bool Disk::flip_bit_at(std::string_view path, std::uint64_t offset) {
  betrayed_.clear();
  const auto found = current_.find(path);
  if (found == current_.end() || offset >= found->second->durable.size()) {
    return false;
  }
  const Extent byte{found->second, offset, offset + 1};
  if (was_written_last(byte)) {
    return false;
  }
  change(byte, std::string(1, static_cast<char>(byte.file->durable[offset] ^ 1)));
  return true;
}

bool Disk::lose_write(std::uint64_t place, bool lands_elsewhere) {
  std::vector<const Written*> candidates;
  for (std::size_t i = 0; i < last_written_.size(); ++i) {
    const auto later = last_written_.begin() + static_cast<std::ptrdiff_t>(i);
    const Extent& extent = later->extent;
    const bool is_last_there = std::none_of(
        last_written_.begin(), later, [&extent](const Written& written) { return written.extent.overlaps(extent); });
    const bool is_in_use = std::ranges::any_of(current_, [&](const auto& name) { return name.second == extent.file; });
    if (is_last_there && is_in_use && !was_written_last(extent)) {
      candidates.push_back(&*later);
    }
  }
  if (candidates.empty()) {
    return false;
  }
  const Written& lost = *candidates[place % candidates.size()];
  const std::uint64_t size = lost.extent.to - lost.extent.from;
  std::string bytes = lost.extent.file->durable.substr(lost.extent.from, size);
  if (lands_elsewhere) {
    const std::optional<Extent> other = other_place(size, place / candidates.size());
    if (!other) {
      return false;
    }
    change(*other, std::move(bytes));
  }
  change(lost.extent, lost.before);
  return true;
}

/// Where a write of that size could have landed.
std::optional<Disk::Extent> Disk::other_place(std::uint64_t size, std::uint64_t place) const {
  for (int i = 0; i < kPlacesTried; ++i, place = place * 31 + 7) {
    const auto& content = std::next(current_.begin(), static_cast<std::ptrdiff_t>(place % current_.size()))->second;
    const std::uint64_t sectors = content->durable.size() / kSectorBytes;
    if (sectors == 0) {
      continue;
    }
    const std::uint64_t from = place / current_.size() % sectors * kSectorBytes;
    const Extent extent{content, from, std::min<std::uint64_t>(from + size, content->durable.size())};
    if (!was_written_last(extent)) {
      return extent;
    }
  }
  return std::nullopt;
}

/// The page cache has given the file's pages back, but for those that wait to be written: what the disk has is read.
void Disk::change(Extent extent, std::string after) {
  const std::size_t size = extent.to - extent.from;
  after.resize(size, '\0');
  std::string before = extent.file->durable.substr(extent.from, size);
  extent.file->durable.replace(extent.from, size, after);
  read_again(*extent.file, extent.from, size);
  betrayed_.push_back({std::move(extent), std::move(before), std::move(after)});
}

void Disk::read_again(Content& file, std::uint64_t from, std::size_t size) {
  file.current.replace(from, size, file.durable, from, size);
  for (const Write& write : file.unsynced) {
    std::ranges::copy(write.bytes, file.current.begin() + static_cast<std::ptrdiff_t>(write.offset));
  }
}

void Disk::make_good() {
  for (; !betrayed_.empty(); betrayed_.pop_back()) {
    const auto& [extent, before, after] = betrayed_.back();
    std::string& durable = extent.file->durable;
    for (std::uint64_t at = extent.from; at < extent.to;) {
      const std::uint64_t end = std::min((at / kSectorBytes + 1) * kSectorBytes, extent.to);
      const std::size_t size = end - at;
      if (durable.compare(at, size, after, at - extent.from, size) == 0) {
        durable.replace(at, size, before, at - extent.from, size);
        read_again(*extent.file, at, size);
      }
      at = end;
    }
  }
}

}  // namespace quorate::sim
