#pragma once
// Every state in which a loss of power may leave a test disk.
//
// A disk at the moment of the crash is what is durable plus *choices*: each sector of each unsynced write may have
// reached the disk or not, in any order (F-D1, F-D2); each name that was created or removed since its directory was
// synced may be there or not (F-D3). Invariant: state() of no choice is what is durable; of all, what was written.
// For tests only.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "storage/test_files.h"

namespace quorate::storage {

class CrashStates {
 public:
  static constexpr std::size_t kSectorBytes = 512;
  /// Of zeros that prepare a file only the length can be told afterwards: larger pieces suffice.
  static constexpr std::size_t kZerosBytes = 4096;

  explicit CrashStates(const TestDisk& disk) : disk_(disk) {
    for (const auto& [path, content] : disk.files) {
      for (const TestDisk::Write& write : content.unsynced) {
        split(path, write);
      }
      if (!content.name_durable) {
        choices_.push_back({.kind = Choice::Kind::created, .path = path});
      }
    }
    for (const auto& [path, content] : disk.removed) {
      choices_.push_back({.kind = Choice::Kind::brought_back, .path = path});
    }
  }

  [[nodiscard]] std::size_t size() const { return choices_.size(); }

  /// The disk after the crash. `happened` has one value per choice.
  [[nodiscard]] TestDisk state(const std::vector<bool>& happened) const {
    TestDisk after;
    for (const auto& [path, content] : disk_.files) {
      if (content.name_durable) {
        after.files[path].durable = content.durable;
      }
    }
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      if (!happened[i]) {
        continue;
      }
      const Choice& choice = choices_[i];
      if (choice.kind == Choice::Kind::created) {
        after.files[choice.path].durable = disk_.files.at(choice.path).durable;
      } else if (choice.kind == Choice::Kind::brought_back) {
        after.files.try_emplace(choice.path, TestDisk::Content{.durable = disk_.removed.at(choice.path).durable});
      }
    }
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      const Choice& choice = choices_[i];
      const auto file = after.files.find(choice.path);
      if (happened[i] && choice.kind == Choice::Kind::sector && file != after.files.end()) {
        TestDisk::Content::put(file->second.durable, choice.piece);
      }
    }
    return after;
  }

  /// Calls `visit(disk)` for every state if there are at most 2^`all_up_to` of them, else for `samples` of them, among
  /// them the extremes.
  template <class Visit>
  void visit(std::size_t all_up_to, std::size_t samples, std::mt19937_64& random, Visit visit) const {
    std::vector<bool> happened(size());
    const bool all = size() <= all_up_to;
    const std::uint64_t count = all ? std::uint64_t{1} << size() : samples;
    for (std::uint64_t number = 0; number < count; ++number) {
      for (std::size_t i = 0; i < size(); ++i) {
        happened[i] = all ? (number >> i & 1) != 0 : happens(number, i, random);
      }
      visit(state(happened));
    }
  }

 private:
  struct Choice {
    enum class Kind : std::uint8_t { sector, created, brought_back };
    Kind kind = Kind::sector;
    std::string path;
    TestDisk::Write piece;
  };

  void split(const std::string& path, const TestDisk::Write& write) {
    const bool zeros = write.bytes.find_first_not_of('\0') == std::string::npos;
    const std::size_t unit = zeros ? kZerosBytes : kSectorBytes;
    for (std::size_t from = 0; from < write.bytes.size();) {
      const std::size_t to =
          std::min<std::size_t>(write.bytes.size(), (write.offset + from) / unit * unit + unit - write.offset);
      choices_.push_back({.kind = Choice::Kind::sector,
                          .path = path,
                          .piece = {write.offset + from, write.bytes.substr(from, to - from)}});
      from = to;
    }
  }

  /// Nothing, everything, everything up to or from a point, and subsets of three densities.
  [[nodiscard]] bool happens(std::uint64_t number, std::size_t choice, std::mt19937_64& random) const {
    switch (number % 7) {
      case 0: return number != 0 && random() % 16 == 0;
      case 1: return number == 1 || random() % 16 != 0;
      case 2: return choice < number / 7 % (size() + 1);
      case 3: return choice >= number / 7 % (size() + 1);
      default: return random() % 2 == 0;
    }
  }

  const TestDisk& disk_;
  std::vector<Choice> choices_;
};

/// For finding states that were looked at already.
inline std::uint64_t hash_of(const TestDisk& disk) {
  Hasher hasher;
  for (const auto& [path, content] : disk.files) {
    hasher.add(std::string_view(path));
    hasher.add(std::string_view(content.durable));
  }
  return hasher.value();
}

}  // namespace quorate::storage
