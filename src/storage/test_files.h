#pragma once
// Files in memory for unit tests: unsynced writes and names may be lost in a crash, torn at any byte.
//
// Invariants: those of env/files.h; nothing completes before the test lets it. For tests only.

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

class TestFiles final : public env::FileSystem {
 public:
  explicit TestFiles(TestDisk& disk) : disk_(disk) {}

  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view directory) override {
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
    const std::string name(path);
    if (mode == env::OpenMode::create_new && !disk_.files.emplace(name, TestDisk::Content{}).second) {
      return fail(ErrorCode::already_exists, name);
    }
    if (!disk_.files.contains(name)) {
      return fail(ErrorCode::not_found, name);
    }
    return std::make_unique<TestFile>(*this, name);
  }
  [[nodiscard]] Status make_directory(std::string_view) override { return {}; }
  [[nodiscard]] Status rename(std::string_view from, std::string_view to) override {
    disk_.files[std::string(to)] = disk_.files.at(std::string(from));
    disk_.files.erase(std::string(from));
    return {};
  }
  [[nodiscard]] Status remove(std::string_view path) override {
    disk_.files.erase(std::string(path));
    return {};
  }
  [[nodiscard]] Status sync_directory(std::string_view) override { return {}; }
  void prepare_async(std::string path, std::uint64_t size, Callback<Status> done) override {
    work_.push_back([this, path = std::move(path), size, done] {
      if (disk_full) {
        done(fail(ErrorCode::no_space, "no space left on device"));
        return;
      }
      disk_.files[path].durable.assign(size, '\0');
      done(Status{});
    });
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

  bool disk_full = false;
  bool fail_next_write = false;
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
      content().unsynced.push_back(std::move(write));
      owner_.work_.push_back([this, done] {
        if (std::exchange(owner_.fail_next_write, false)) {
          done(fail(ErrorCode::io, "input/output error"));
          return;
        }
        ++owner_.durable_writes;
        (void)sync();
        done(Status{});
      });
    }
    void read_async(std::uint64_t offset, std::size_t size, Callback<Result<Buffer>> done) override {
      owner_.work_.push_back([this, offset, size, done] { done(Buffer::adopt(*read(offset, size))); });
    }
    [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t size) override {
      const TestDisk::Content& mine = content();
      if (mine.unsynced.empty()) {
        return offset >= mine.durable.size() ? std::string() : mine.durable.substr(offset, size);
      }
      const std::string all = mine.current();
      return offset >= all.size() ? std::string() : all.substr(offset, size);
    }
    [[nodiscard]] Status write(std::uint64_t offset, ByteView bytes) override {
      content().unsynced.push_back({offset, std::string(bytes)});
      return {};
    }
    [[nodiscard]] Status sync() override {
      TestDisk::Content& mine = content();
      for (const TestDisk::Write& each : std::exchange(mine.unsynced, {})) {
        TestDisk::Content::put(mine.durable, each);
      }
      return {};
    }
    [[nodiscard]] Result<std::uint64_t> size() const override {
      const TestDisk::Content& mine = owner_.disk_.files.at(name_);
      return mine.unsynced.empty() ? mine.durable.size() : mine.current().size();
    }

   private:
    [[nodiscard]] TestDisk::Content& content() { return owner_.disk_.files.at(name_); }
    TestFiles& owner_;
    std::string name_;
  };

  TestDisk& disk_;
  std::deque<std::function<void()>> work_;
};

}  // namespace quorate::storage
