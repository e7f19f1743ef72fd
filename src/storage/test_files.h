#pragma once
// Files in memory for unit tests: unsynced writes and names may be lost in a crash, torn at any byte.
//
// Invariants: 1. those of env/files.h. 2. nothing asynchronous completes before the test lets it. 3. `on_step` is told
// of every change of the disk and of what is durable on it: a crash may come behind each. For tests only.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/files.h"

namespace quorate::storage {

/// What is on the disk. Copying it copies the disk.
struct TestDisk {
  struct Write {
    std::uint64_t offset = 0;
    std::string bytes;
  };
  struct Content {
    std::string durable;
    std::vector<Write> unsynced;
    bool name_durable = true;  ///< the directory was synced since the file was created

    [[nodiscard]] std::string current() const {
      std::string all = durable;
      for (const Write& write : unsynced) {
        put(all, write);
      }
      return all;
    }
    static void put(std::string& into, const Write& write) {
      if (into.size() < write.offset + write.bytes.size()) {
        into.resize(write.offset + write.bytes.size());
      }
      into.replace(write.offset, write.bytes.size(), write.bytes);
    }
  };
  std::map<std::string, Content> files;
  std::map<std::string, Content> removed;  ///< since the directory was synced: a crash may bring them back

  /// Power loss: `keep` says for each unsynced write how much of it reached the disk: it gets the write and returns
  /// the byte ranges [from, to) that survive.
  using Ranges = std::vector<std::pair<std::size_t, std::size_t>>;
  void lose_power(const std::function<Ranges(const Write&)>& keep) {
    for (auto& [name, content] : files) {
      for (const Write& write : std::exchange(content.unsynced, {})) {
        for (const auto& [from, to] : keep(write)) {
          Content::put(content.durable, {write.offset + from, write.bytes.substr(from, to - from)});
        }
      }
    }
  }
};

/// Lets one call of the files fail: the `at`-th, counted from 1 over all calls that can.
struct TestFailure {
  std::uint64_t at = 0;  ///< 0: none
  ErrorCode code = ErrorCode::io;
  bool only_allocations = false;  ///< count only calls that may need space
};

class TestFiles final : public env::FileSystem {
 public:
  explicit TestFiles(TestDisk& disk) : disk_(disk) {}

  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view directory) override {
    QUORATE_TRY(attempt());
    std::vector<std::string> names;
    const std::string prefix = directory.empty() ? "" : std::string(directory) + "/";
    for (const auto& [path, content] : disk_.files) {
      if (path.starts_with(prefix)) {
        names.push_back(path.substr(prefix.size()));
      }
    }
    return names;
  }
  [[nodiscard]] Result<std::unique_ptr<env::File>> open(std::string_view path, env::OpenMode mode) override {
    const bool create = mode == env::OpenMode::create_new;
    QUORATE_TRY(attempt(create));
    const std::string name(path);
    if (create) {
      QUORATE_TRY(create_empty(name));
    }
    if (!disk_.files.contains(name)) {
      return fail(ErrorCode::not_found, name);
    }
    return std::make_unique<TestFile>(*this, name);
  }
  [[nodiscard]] Status make_directory(std::string_view) override { return attempt(true); }
  [[nodiscard]] Status rename(std::string_view from, std::string_view to) override {
    QUORATE_TRY(attempt(true));
    TestDisk::Content content = disk_.files.at(std::string(from));
    disk_.removed[std::string(from)] = content;
    disk_.files.erase(std::string(from));
    content.name_durable = false;
    disk_.files[std::string(to)] = std::move(content);
    step();
    return {};
  }
  [[nodiscard]] Status remove(std::string_view path) override {
    QUORATE_TRY(attempt());
    auto node = disk_.files.extract(std::string(path));
    if (!node.empty() && node.mapped().name_durable) {
      disk_.removed[node.key()] = std::move(node.mapped());
    }
    step();
    return {};
  }
  [[nodiscard]] Status sync_directory(std::string_view directory) override {
    QUORATE_TRY(attempt());
    if (lies_about_names) {
      return {};
    }
    const std::string prefix = directory.empty() ? "" : std::string(directory) + "/";
    const auto is_inside = [&prefix](const std::string& path) {
      return path.starts_with(prefix) && path.find('/', prefix.size()) == std::string::npos;
    };
    for (auto& [path, content] : disk_.files) {
      content.name_durable |= is_inside(path);
    }
    std::erase_if(disk_.removed, [&is_inside](const auto& entry) { return is_inside(entry.first); });
    step();
    return {};
  }
  /// In the steps of the real one, so that a crash may come between them.
  void prepare_async(std::string path, std::uint64_t size, Callback<Status> done) override {
    work_.push_back([this, path = std::move(path), size, done] { done(prepare(path, size)); });
  }

  [[nodiscard]] bool has_work() const { return !work_.empty(); }
  /// Completes the oldest asynchronous call. False if there is none.
  bool complete_one() {
    if (work_.empty()) {
      return false;
    }
    const std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    work();
    return true;
  }

  std::function<void()> on_step;
  TestFailure failure;
  std::uint64_t calls = 0;         ///< that can fail
  bool failed = false;             ///< the failure came
  bool lies_about_names = false;   ///< syncs of directories do nothing
  bool lies_about_writes = false;  ///< syncs of files do nothing
  bool disk_full = false;
  bool fail_next_write = false;
  std::uint64_t begun_writes = 0;
  std::uint64_t durable_writes = 0;

 private:
  class TestFile final : public env::File {
   public:
    TestFile(TestFiles& owner, std::string name) : owner_(owner), name_(std::move(name)) {}
    void write_durably(std::uint64_t offset, std::span<const ByteView> parts, Callback<Status> done) override {
      TestDisk::Write write{offset, {}};
      for (const ByteView part : parts) {
        write.bytes.append(part);
      }
      const bool grows = write.offset + write.bytes.size() > content().durable.size();
      content().unsynced.push_back(std::move(write));
      ++owner_.begun_writes;
      owner_.step();
      owner_.work_.push_back([this, done, grows] {
        Status allowed = owner_.attempt(grows);
        if (std::exchange(owner_.fail_next_write, false)) {
          allowed = fail(ErrorCode::io, "input/output error");
        }
        if (!allowed.has_value()) {
          done(std::move(allowed));
          return;
        }
        ++owner_.durable_writes;
        owner_.make_durable(content());
        done(Status{});
      });
    }
    void read_async(std::uint64_t offset, std::size_t size, Callback<Result<Buffer>> done) override {
      owner_.work_.push_back([this, offset, size, done] {
        Result<std::string> bytes = read(offset, size);
        if (!bytes.has_value()) {
          done(std::unexpected(bytes.error()));
          return;
        }
        done(Buffer::adopt(std::move(*bytes)));
      });
    }
    [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t size) override {
      QUORATE_TRY(owner_.attempt());
      const TestDisk::Content& mine = content();
      if (mine.unsynced.empty()) {
        return offset >= mine.durable.size() ? std::string() : mine.durable.substr(offset, size);
      }
      const std::string all = mine.current();
      return offset >= all.size() ? std::string() : all.substr(offset, size);
    }
    [[nodiscard]] Status write(std::uint64_t offset, ByteView bytes) override {
      QUORATE_TRY(owner_.attempt(true));
      content().unsynced.push_back({offset, std::string(bytes)});
      owner_.step();
      return {};
    }
    [[nodiscard]] Status sync() override {
      QUORATE_TRY(owner_.attempt());
      owner_.make_durable(content());
      return {};
    }
    [[nodiscard]] Result<std::uint64_t> size() const override {
      QUORATE_TRY(owner_.attempt());
      const TestDisk::Content& mine = owner_.disk_.files.at(name_);
      return mine.unsynced.empty() ? mine.durable.size() : mine.current().size();
    }

   private:
    [[nodiscard]] TestDisk::Content& content() { return owner_.disk_.files.at(name_); }
    TestFiles& owner_;
    std::string name_;
  };

  void step() {
    if (on_step) {
      on_step();
    }
  }
  /// Every call begins here: it may be the one that fails.
  [[nodiscard]] Status attempt(bool allocates = false) {
    if (failure.only_allocations && !allocates) {
      return {};
    }
    if (++calls == failure.at) {
      failed = true;
      return fail(failure.code, failure.code == ErrorCode::no_space ? "no space left on device" : "input/output error");
    }
    return {};
  }
  void make_durable(TestDisk::Content& content) {
    if (lies_about_writes) {
      return;
    }
    for (const TestDisk::Write& each : std::exchange(content.unsynced, {})) {
      TestDisk::Content::put(content.durable, each);
    }
    step();
  }
  [[nodiscard]] Status create_empty(const std::string& path) {
    if (!disk_.files.emplace(path, TestDisk::Content{.name_durable = false}).second) {
      return fail(ErrorCode::already_exists, path);
    }
    step();
    return {};
  }
  [[nodiscard]] Status prepare(const std::string& path, std::uint64_t size) {
    if (disk_full) {
      return fail(ErrorCode::no_space, "no space left on device");
    }
    QUORATE_TRY(attempt(true));
    QUORATE_TRY(create_empty(path));
    disk_.files.at(path).unsynced.push_back({0, std::string(size, '\0')});
    step();
    QUORATE_TRY(attempt(true));
    make_durable(disk_.files.at(path));
    return sync_directory(path.substr(0, path.rfind('/')));
  }

  TestDisk& disk_;
  std::deque<std::function<void()>> work_;
};

}  // namespace quorate::storage
