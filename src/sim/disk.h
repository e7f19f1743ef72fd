#pragma once
// A node's simulated disk: what POSIX promises, and after a power loss nothing more.
//
// Invariants: 1. a process crash keeps everything written (the page cache lives). 2. a power loss keeps what was
//                synced, plus any subset of the sectors of unsynced writes (F-D1, F-D2), plus any prefix of the
//                unsynced name changes (F-D3). 3. asynchronous calls complete after the drawn latency, in order per
//                disk.
// Outlives the lives of its node. Owned by the world.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/files.h"
#include "sim/event_queue.h"
#include "sim/random.h"

namespace quorate::sim {

struct DiskCounters {
  std::uint64_t syncs = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t sectors_lost = 0;  ///< of unsynced writes, in power losses
  std::uint64_t sectors_kept = 0;  ///< of unsynced writes, in power losses
  std::uint64_t torn_writes = 0;   ///< writes of which some sectors were kept and some lost
  std::uint64_t names_lost = 0;
};

/// What the disk does to its user; changed by the fault injector while a run goes on.
struct DiskBehaviour {
  Duration latency_min = std::chrono::microseconds(100);
  Duration latency_max = std::chrono::microseconds(300);
  std::uint64_t fail_writes_per_million = 0;  ///< EIO on write_durably
  std::uint64_t capacity_bytes = UINT64_MAX;  ///< ENOSPC beyond
};

class Disk : public env::FileSystem {
 public:
  Disk(EventQueue& queue, Random random) : queue_(queue), random_(random) {}

  /// The life whose calls come from now on.
  void set_owner(Owner owner) { owner_ = owner; }
  void on_process_crash();
  void on_power_loss();

  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view directory) override;
  [[nodiscard]] Result<std::unique_ptr<env::File>> open(std::string_view path, env::OpenMode mode) override;
  [[nodiscard]] Status make_directory(std::string_view path) override;
  [[nodiscard]] Status rename(std::string_view from, std::string_view to) override;
  [[nodiscard]] Status remove(std::string_view path) override;
  [[nodiscard]] Status sync_directory(std::string_view directory) override;
  void prepare_async(std::string path, std::uint64_t size, Callback<Status> done) override;

  /// Holds what `other` holds, durably. To be called on an empty disk.
  void copy_from(const Disk& other);

  /// What it was asked, and is asked meanwhile, is done so much later.
  void hang(Duration time) { busy_until_ = std::max(busy_until_, queue_.now()) + time; }
  /// Nothing more fits.
  void leave_no_space() { behaviour.capacity_bytes = used_bytes(); }

  /// What the disk does to bytes that it has confirmed.
  enum class Betrayal : std::uint8_t {
    flipped_bit,        ///< F-D6
    lost_write,         ///< F-D7: what stood there before is there again
    misdirected_write,  ///< F-D8: the same, and the bytes stand in another place
  };
  /// Betrays who wrote to the disk, whether it is running or not; `place` picks where. Of writes, one of the last
  /// kRememberedWrites durable ones; but never what the last two to the same directory, behind the heads of files, have
  /// written. That is not spared by disks; but no log can tell that its end was changed from that it was never written
  /// (docs/formats/log.md, "What cannot be seen"). False if there is nothing to betray.
  bool betray(Betrayal how, std::uint64_t place);
  /// Flips a bit of the byte at `offset`, under the same rules.
  bool flip_bit_at(std::string_view path, std::uint64_t offset);
  /// Takes the last betrayal back, where nothing was written over it since.
  void make_good();

  DiskBehaviour behaviour;
  DiskCounters counters;

 private:
  friend class DiskFile;
  struct Write {
    std::uint64_t offset = 0;
    std::string bytes;
  };
  struct Content {
    std::string directory;
    std::string durable;
    std::string current;          ///< what reads see
    std::vector<Write> unsynced;  ///< in order
  };
  struct NameChange {
    std::string remove;             ///< empty: none
    std::string add;                ///< empty: none
    std::shared_ptr<Content> file;  ///< of `add`
  };
  using Names = std::map<std::string, std::shared_ptr<Content>, std::less<>>;

  static constexpr std::size_t kRememberedWrites = 32;
  static constexpr std::size_t kSparedWrites = 2;

  /// A part of a file.
  struct Extent {
    std::shared_ptr<Content> file;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    [[nodiscard]] bool overlaps(const Extent& other) const {
      return file == other.file && from < other.to && other.from < to;
    }
  };
  /// What one write_durably() wrote.
  struct Written {
    Extent extent;
    std::string before;  ///< what stood there
  };
  /// A part of a file that no longer holds what was written to it.
  struct Change {
    Extent extent;
    std::string before;
    std::string after;
  };

  /// An asynchronous call under way.
  struct Pending {
    std::shared_ptr<Content> file;
    std::string path;  ///< prepare_async
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    enum class Kind : std::uint8_t { write, read, prepare } kind = Kind::write;
    Callback<Status> done;
    Callback<Result<Buffer>> done_reading;
  };

  void start(Pending pending);
  void complete(std::uint64_t number);
  void put(Content& file, std::uint64_t offset, std::string_view bytes);
  void make_durable(Content& file);
  void fail_write(Content& file);
  void note_written(const std::shared_ptr<Content>& file);
  [[nodiscard]] static std::shared_ptr<Content> new_file(std::string_view path);
  [[nodiscard]] bool was_written_last(const Extent& extent) const;
  void change(Extent extent, std::string after);
  static void read_again(Content& file, std::uint64_t from, std::size_t size);
  bool flip_bit(std::uint64_t place);
  bool lose_write(std::uint64_t place, bool lands_elsewhere);
  [[nodiscard]] std::optional<Extent> other_place(std::uint64_t size, std::uint64_t place) const;
  void apply(Names& names, const NameChange& change);
  void record(NameChange change);
  void lose_unsynced(Content& file);
  [[nodiscard]] std::uint64_t used_bytes() const;

  EventQueue& queue_;
  Random random_;
  Owner owner_;
  Names current_;
  Names durable_;
  std::vector<NameChange> unsynced_names_;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t next_pending_ = 1;
  Instant busy_until_{};
  std::deque<Written> last_written_;  ///< the newest first
  std::vector<Change> betrayed_;
};

}  // namespace quorate::sim
