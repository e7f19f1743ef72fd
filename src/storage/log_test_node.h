#pragma once
// A log over a test disk, with a model of what it must hold. For the log's tests only.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "storage/log.h"
#include "storage/test_files.h"
#include "storage/test_loop.h"

namespace quorate::storage {

inline LogOp put_op(std::uint64_t position, std::uint64_t tag, std::string payload, std::uint8_t kind = 1) {
  return {.kind = LogOp::Kind::put,
          .entry = {.id = {Position(position), Tag(tag)}, .kind = kind, .payload = Buffer::adopt(std::move(payload))}};
}
inline LogOp state_op(std::string blob) {
  return {.kind = LogOp::Kind::set_state, .blob = Buffer::adopt(std::move(blob))};
}
inline LogOp cell_op(std::string key, std::string blob) {
  return {.kind = LogOp::Kind::set_cell, .key = Buffer::adopt(std::move(key)), .blob = Buffer::adopt(std::move(blob))};
}
inline LogOp truncate_op(std::uint64_t position) {
  return {.kind = LogOp::Kind::truncate_from, .entry = {.id = {Position(position), Tag(0)}}};
}
inline LogOp discard_op(std::uint64_t position, std::uint64_t tag, std::string blob) {
  return {.kind = LogOp::Kind::discard_below,
          .entry = {.id = {Position(position), Tag(tag)}},
          .blob = Buffer::adopt(std::move(blob))};
}
inline LogOp reset_op(std::uint64_t position, std::uint64_t tag, std::uint64_t generation, std::string blob) {
  return {.kind = LogOp::Kind::reset_to,
          .entry = {.id = {Position(position), Tag(tag)}},
          .generation = Generation(generation),
          .blob = Buffer::adopt(std::move(blob))};
}

/// What a group must hold, kept in the plainest way.
struct GroupModel {
  std::string state;
  EntryId base;
  std::string base_blob;
  Generation generation;
  std::map<Position, std::tuple<Tag, std::uint8_t, std::string>> entries;
  std::map<std::string, std::string> cells;
  friend bool operator==(const GroupModel&, const GroupModel&) = default;

  void apply(const LogOp& op) {
    const std::string blob(op.blob.view());
    switch (op.kind) {
      case LogOp::Kind::set_state: state = blob; break;
      case LogOp::Kind::put:
        entries[op.entry.id.position] = {op.entry.id.tag, op.entry.kind, std::string(op.entry.payload.view())};
        break;
      case LogOp::Kind::truncate_from: entries.erase(entries.lower_bound(op.entry.id.position), entries.end()); break;
      case LogOp::Kind::discard_below:
        base = op.entry.id;
        base_blob = blob;
        entries.erase(entries.begin(), entries.upper_bound(op.entry.id.position));
        break;
      case LogOp::Kind::reset_to:
      case LogOp::Kind::restore_base:
        base = op.entry.id;
        base_blob = blob;
        generation = op.generation;
        entries.clear();
        break;
      case LogOp::Kind::set_cell: cells[std::string(op.key.view())] = blob; break;
    }
  }

  [[nodiscard]] std::string text() const {
    std::string out = "state '" + state + "', base " + std::to_string(base.position.value()) + "." +
                      std::to_string(base.tag.value()) + " '" + base_blob + "', generation " +
                      std::to_string(generation.value()) + ", entries";
    for (const auto& [position, entry] : entries) {
      out += " " + std::to_string(position.value()) + "." + std::to_string(std::get<0>(entry).value()) + ":" +
             std::to_string(std::get<2>(entry).size());
    }
    return out + ", cells " + std::to_string(cells.size());
  }

  static GroupModel of(const RecoveredGroup& group) {
    GroupModel model{.state = std::string(group.state.view()),
                     .base = group.discarded,
                     .base_blob = std::string(group.discarded_blob.view()),
                     .generation = group.generation};
    for (const LogEntry& entry : group.entries) {
      model.entries[entry.id.position] = {entry.id.tag, entry.kind, std::string(entry.payload.view())};
    }
    for (const auto& [key, blob] : group.cells) {
      model.cells[std::string(key.view())] = std::string(blob.view());
    }
    return model;
  }
};

/// One node's log over lives: appends go to the models too.
class LogNode : public LogEvents {
 public:
  explicit LogNode(LogOptions log_options, std::uint64_t seed = 1) : options(log_options), entropy(seed) {}

  /// Starts a life. The error, if the log refuses.
  Status open() {
    files = std::make_unique<TestFiles>(disk);
    files->on_step = on_step;
    files->failure = failure_to_come;
    files->lies_about_names = lies_about_names;
    files->lies_about_writes = lies_about_writes;
    recovery = {};
    auto opened = Log::open(*files, loop, loop, entropy, "log", options, recovery);
    if (!opened.has_value()) {
      return std::unexpected(opened.error());
    }
    log = std::move(*opened);
    log->set_events(this);
    return {};
  }
  void kill() {
    failed_before = saw_failure();
    log.reset();
    files.reset();
    loop.crash();
  }

  void append(std::uint64_t group, std::vector<LogOp> ops) {
    History& history = histories[GroupId(group)];
    GroupModel next = history.states.empty() ? GroupModel{} : history.states.back();
    for (const LogOp& op : ops) {
      next.apply(op);
    }
    if (history.states.empty()) {
      history.states.emplace_back();
      history.ios.emplace_back(0);
    }
    history.states.push_back(std::move(next));
    history.ios.push_back(last_io.next());
    last_io = last_io.next();
    log->append(GroupId(group), last_io, std::move(ops));
  }
  /// Lets writes complete until nothing is left to do.
  void settle() {
    loop.end_turn();
    for (int i = 0; i < 100000 && files->complete_one(); ++i) {
      loop.end_turn();
    }
  }

  /// Checks what a recovery gave: per group a prefix of its Persists with everything confirmed. Goes on from it.
  void check_recovered() {
    std::map<GroupId, GroupModel> found;
    for (const RecoveredGroup& group : recovery.groups) {
      found[group.group] = GroupModel::of(group);
    }
    for (auto& [id, history] : histories) {
      std::size_t match = history.states.size();
      while (match > 0 && history.states[match - 1] != found[id]) {
        --match;
      }
      ASSERT_GT(match, 0U) << "group " << id.value() << " holds what never was: " << found[id].text()
                           << "\nnewest: " << history.states.back().text();
      ASSERT_GE(history.ios[match - 1], history.confirmed) << "group " << id.value() << " lost what was confirmed";
      history.states = {found[id]};
      history.ios = {Io(0)};
      history.confirmed = Io(0);
      found.erase(id);
    }
    for (const auto& [id, model] : found) {
      ASSERT_EQ(model, GroupModel{}) << "group " << id.value() << " appeared from nowhere";
    }
  }

  void on_durable(GroupId group, Io io) override {
    histories[group].confirmed = std::max(histories[group].confirmed, io);
    ++confirmations;
  }
  void on_log_failed(const Error& error) override {
    failure = error;
    confirmations_at_failure = confirmations;
    writes_at_failure = files->begun_writes;
  }
  /// The call that was to fail has come.
  [[nodiscard]] bool saw_failure() const { return failed_before || (files != nullptr && files->failed); }

  struct History {
    std::vector<GroupModel> states;  ///< after each Persist since the last recovery
    std::vector<Io> ios;
    Io confirmed;
  };

  LogOptions options;
  TestDisk disk;
  TestLoop loop;
  TestEntropy entropy;
  std::unique_ptr<TestFiles> files;
  std::unique_ptr<Log> log;
  Recovery recovery;
  std::map<GroupId, History> histories;
  Io last_io;
  std::uint64_t confirmations = 0;
  std::optional<Error> failure;
  std::uint64_t confirmations_at_failure = 0;
  std::uint64_t writes_at_failure = 0;
  bool failed_before = false;
  // What the files of the next life are told.
  std::function<void()> on_step;
  TestFailure failure_to_come;
  bool lies_about_names = false;
  bool lies_about_writes = false;
};

/// Options for segments so small that everything happens in a short test.
inline LogOptions small_log() {
  return {.segment_bytes = 16U << 10, .spare_segments = 1, .max_batch_bytes = 1U << 20, .cache_bytes = 4U << 10};
}

}  // namespace quorate::storage
