#include "sim/history_text.h"

#include <array>
#include <string>
#include <utility>

#include "sim/history_record.h"

namespace quorate::sim {
namespace {

constexpr std::string_view kFirstLine = "quorate-history 1";

constexpr std::array<std::pair<std::string_view, OperationKind>, 10> kKinds = {{
    {"put", OperationKind::put},
    {"delete", OperationKind::erase},
    {"txn", OperationKind::compare_and_put},
    {"range", OperationKind::range},
    {"serializable", OperationKind::serializable_range},
    {"past", OperationKind::past_range},
    {"grant", OperationKind::lease_grant},
    {"revoke", OperationKind::lease_revoke},
    {"keep-alive", OperationKind::lease_keep_alive},
    {"compact", OperationKind::compact},
}};

constexpr std::array<std::pair<std::string_view, OperationOutcome>, 3> kOutcomes = {{
    {"ok", OperationOutcome::ok},
    {"refused", OperationOutcome::refused},
    {"unknown", OperationOutcome::unknown},
}};

constexpr std::array<std::pair<std::string_view, bool>, 2> kChangeKinds = {{{"put", false}, {"delete", true}}};

Operation read_operation(HistoryRecord& record) {
  Operation op;
  op.client = record.index("client");
  op.node = record.index("node");
  op.kind = record.one_of("kind", kKinds);
  op.outcome = record.one_of("outcome", kOutcomes);
  op.invoked = record.instant("invoked");
  op.returned = record.instant("returned");
  op.key = record.text("key");
  op.end = record.optional_text("end");
  op.value = record.optional_text("value");
  op.other = record.optional_text("other");
  op.argument = record.optional_number("argument");
  op.revision = record.optional_number("revision");
  op.answer.deleted = record.optional_number("deleted");
  op.answer.succeeded = record.optional_number("succeeded") != 0;
  op.answer.ttl = record.optional_number("ttl");
  return op;
}

KeyValue read_key_value(HistoryRecord& record) {
  KeyValue kv;
  kv.key = record.text("key");
  kv.value = record.text("value");
  kv.create_revision = record.number("created");
  kv.mod_revision = record.number("modified");
  kv.version = record.number("version");
  kv.lease = record.optional_number("lease");
  return kv;
}

Change read_change(HistoryRecord& record) {
  Change change;
  change.is_erase = record.one_of("kind", kChangeKinds);
  change.key = record.text("key");
  if (!change.is_erase) {
    change.value = record.text("value");
    change.create_revision = record.number("created");
    change.version = record.number("version");
    change.lease = record.optional_number("lease");
  }
  return change;
}

WatchRecord read_watch(HistoryRecord& record) {
  WatchRecord watch;
  watch.client = record.index("client");
  watch.node = record.index("node");
  watch.key = record.text("key");
  watch.end = record.optional_text("end");
  watch.from = record.number("from");
  watch.compact_revision = record.optional_number("compacted");
  watch.compacted = watch.compact_revision != 0;
  watch.alive_at_end = record.number("alive") != 0;
  return watch;
}

/// Takes the lines one after the other; `kv` belongs to the operation before it, `told` and `progress` to the watch.
class Parser {
 public:
  /// What is wrong with the line, empty if nothing is.
  std::string take(std::string_view line) {
    HistoryRecord record(line);
    if (ended_) {
      record.note("a record behind `end`");
    }
    add(record);
    return record.wrong();
  }

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] RecordedHistory result() { return std::move(recorded_); }

 private:
  void add(HistoryRecord& record) {
    History& history = recorded_.history;
    if (record.word() == "op") {
      history.operations.push_back(read_operation(record));
    } else if (record.word() == "kv") {
      if (history.operations.empty()) {
        record.note("`kv` without an operation before it");
        return;
      }
      history.operations.back().answer.kvs.push_back(read_key_value(record));
    } else if (record.word() == "change") {
      add_change(record);
    } else if (record.word() == "watch") {
      history.watches.push_back(read_watch(record));
    } else if (record.word() == "told" || record.word() == "progress") {
      add_to_watch(record);
    } else if (record.word() == "end") {
      history.ended = record.instant("at");
      recorded_.lease_ttl_seconds = record.number("lease-ttl");
      ended_ = true;
    } else {
      record.note("there is no record `" + std::string(record.word()) + "`");
    }
  }

  void add_change(HistoryRecord& record) {
    History& history = recorded_.history;
    const std::int64_t revision = record.number("revision");
    const Instant at = record.instant("at");
    if (!history.trail.empty() && revision < history.trail.rbegin()->first) {
      record.note("changes stand in order of revision");
    }
    history.trail[revision].push_back(read_change(record));
    history.executed_at.try_emplace(revision, at);
  }

  void add_to_watch(HistoryRecord& record) {
    if (recorded_.history.watches.empty()) {
      record.note("`" + std::string(record.word()) + "` without a watch before it");
      return;
    }
    WatchRecord& watch = recorded_.history.watches.back();
    const std::int64_t revision = record.number("revision");
    if (record.word() == "told") {
      watch.told.push_back({revision, read_change(record)});
    } else {
      watch.progress.emplace_back(watch.told.size(), revision);
    }
  }

  RecordedHistory recorded_;
  bool ended_ = false;
};

std::unexpected<Error> wrong_line(std::size_t number, const std::string& what) {
  return fail(ErrorCode::invalid, "line " + std::to_string(number) + ": " + what);
}

}  // namespace

Result<RecordedHistory> parse_history(std::string_view text) {
  Parser parser;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t newline = text.find('\n');
    if (newline == std::string_view::npos) {
      return wrong_line(number, "cut short: no newline at its end");
    }
    const std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline + 1);
    if (number == 1) {
      if (line != kFirstLine) {
        return wrong_line(number, "not `" + std::string(kFirstLine) + "`");
      }
      continue;
    }
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    if (std::string what = parser.take(line); !what.empty()) {
      return wrong_line(number, what);
    }
  }
  if (!parser.ended()) {
    return wrong_line(number + 1, "cut short: no `end`");
  }
  return parser.result();
}

}  // namespace quorate::sim
