// What the write-ahead log costs on a real disk: one record at a time, many in flight, and over many groups.
//
//   log_bench DIRECTORY [seconds]      the directory must not exist; it is removed at the end
//
// One line a figure: records a second, records a sync, latency of a record, CPU of the process a record.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <time.h>

#include "env/entropy.h"
#include "env_posix/files.h"
#include "env_posix/loop.h"
#include "storage/log.h"

namespace {

using namespace quorate;
using Clock = std::chrono::steady_clock;

class FixedEntropy final : public env::Entropy {
 public:
  std::uint64_t next() override { return value_ += 0x9E3779B97F4A7C15ULL; }

 private:
  std::uint64_t value_ = 42;
};

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Keeps `in_flight` records of each group under way: a confirmed one is followed by the next.
class Load final : public storage::LogEvents {
 public:
  Load(env_posix::EventLoop& loop, storage::Log& log, std::uint64_t groups, std::uint64_t in_flight, std::size_t size)
      : loop_(loop),
        log_(log),
        in_flight_(in_flight),
        payload_(Buffer::adopt(std::string(size, 'r'))),
        groups_(groups + 1) {
    log_.set_events(this);
  }

  void run(const char* name, double seconds) {
    const storage::LogStats before = log_.stats();
    const double cpu = cpu_seconds();
    const Clock::time_point start = Clock::now();
    for (std::uint64_t group = 1; group < groups_.size(); ++group) {
      for (std::uint64_t i = 0; i < in_flight_; ++i) {
        append(group);
      }
    }
    while (std::chrono::duration<double>(Clock::now() - start).count() < seconds) {
      loop_.run_turn(std::chrono::milliseconds(10));
    }
    stopping_ = true;
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    const auto records = static_cast<double>(confirmed_);
    const auto syncs = static_cast<double>(log_.stats().syncs - before.syncs);
    std::printf("%-34s %9.0f records/s %8.1f records/sync %8.1f us latency %6.2f us CPU %7.1f bytes/record\n", name,
                records / took, records / syncs,
                took / records * 1e6 * static_cast<double>(in_flight_ * (groups_.size() - 1)),
                (cpu_seconds() - cpu) / records * 1e6,
                static_cast<double>(log_.stats().bytes_written - before.bytes_written) / records);
    while (log_.unsynced_bytes() > 0) {
      loop_.run_turn(std::chrono::milliseconds(10));
    }
    log_.set_events(nullptr);
  }

  void on_durable(GroupId group, Io io) override {
    Group& state = groups_[group.value()];
    const std::uint64_t count = io.value() - state.durable;
    state.durable = io.value();
    confirmed_ += count;
    for (std::uint64_t i = 0; i < count && !stopping_; ++i) {
      append(group.value());
    }
  }
  void on_log_failed(const Error& error) override {
    std::fprintf(stderr, "log_bench: %s\n", error.text.c_str());
    std::exit(1);
  }

 private:
  struct Group {
    std::uint64_t last = 0;
    std::uint64_t durable = 0;
  };
  void append(std::uint64_t id) {
    Group& group = groups_[id];
    const EntryId entry{Position(base_ + ++group.last), Tag(1)};
    std::vector<storage::LogOp> ops;
    ops.push_back({.kind = storage::LogOp::Kind::put, .entry = {.id = entry, .kind = 1, .payload = payload_}});
    if (group.last % 1024 == 0) {
      ops.push_back({.kind = storage::LogOp::Kind::discard_below,
                     .entry = {.id = {Position(entry.position.value() - 512), Tag(1)}}});
    }
    log_.append(GroupId(id), Io(group.last), std::move(ops));
  }

  env_posix::EventLoop& loop_;
  storage::Log& log_;
  const std::uint64_t in_flight_;
  const Buffer payload_;
  std::vector<Group> groups_;
  static inline std::uint64_t base_ = 0;
  std::uint64_t confirmed_ = 0;
  bool stopping_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || ::mkdir(argv[1], 0700) != 0) {
    std::fprintf(stderr, "usage: log_bench DIRECTORY [seconds]   (a directory that does not exist)\n");
    return 2;
  }
  const std::string root = argv[1];
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3.0;
  struct Case {
    const char* name;
    std::uint64_t groups;
    std::uint64_t in_flight;
    std::size_t size;
  };
  int number = 0;
  for (const Case& one :
       {Case{"1 record at a time, 256 B", 1, 1, 256}, Case{"1 group, 1000 in flight, 256 B", 1, 1000, 256},
        Case{"1000 groups, 1 in flight, 256 B", 1000, 1, 256}, Case{"1 group, 16 in flight, 64 KiB", 1, 16, 65536}}) {
    auto loop = env_posix::EventLoop::make();
    auto files = env_posix::PosixFiles::open(root, **loop);
    FixedEntropy entropy;
    storage::Recovery recovery;
    auto log = storage::Log::open(**files, **loop, **loop, entropy, "log" + std::to_string(++number), {}, recovery);
    if (!log.has_value()) {
      std::fprintf(stderr, "log_bench: %s\n", log.error().text.c_str());
      return 1;
    }
    Load load(**loop, **log, one.groups, one.in_flight, one.size);
    load.run(one.name, seconds);
    log->reset();
    const Clock::time_point start = Clock::now();
    const double cpu = cpu_seconds();
    recovery = {};
    log = storage::Log::open(**files, **loop, **loop, entropy, "log" + std::to_string(number), {}, recovery);
    std::printf("%-34s %9.1f ms, %.1f ms of CPU for %llu frames\n", "  recovery",
                std::chrono::duration<double, std::milli>(Clock::now() - start).count(), (cpu_seconds() - cpu) * 1e3,
                static_cast<unsigned long long>(recovery.frames));
    log->reset();
  }
  std::filesystem::remove_all(root);
  return 0;
}
