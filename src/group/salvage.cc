#include "group/salvage.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "codec/reader.h"
#include "codec/writer.h"
#include "consensus/contract/core.h"
#include "consensus/contract/membership_codec.h"

namespace quorate::group {
namespace {

using consensus::EntryKind;
using consensus::Loss;
using storage::LogEntry;
using storage::LogOp;
using storage::RecoveredGroup;

constexpr std::uint8_t kNoteVersion = 1;

/// The cell without a key is the runtime's own.
LogOp note_of(const Loss& loss) {
  codec::Writer writer;
  writer.u8(kNoteVersion);
  writer.u8(static_cast<std::uint8_t>(loss.kind));
  writer.varint(loss.end.position.value());
  writer.varint(loss.end.tag.value());
  return {.kind = LogOp::Kind::set_cell, .blob = writer.take_buffer()};
}

/// What an earlier life has noted; a note that does not read stands for the worst.
Loss take_note(RecoveredGroup& group) {
  const auto note = std::ranges::find_if(group.cells, [](const auto& cell) { return cell.first.empty(); });
  if (note == group.cells.end()) {
    return {};
  }
  const Buffer bytes = note->second;
  group.cells.erase(note);
  codec::Reader reader(bytes.view());
  const std::uint8_t version = reader.u8();
  const std::uint8_t kind = reader.u8();
  const Position position(reader.varint());
  const Tag tag(reader.varint());
  if (version != kNoteVersion || kind > static_cast<std::uint8_t>(Loss::Kind::promises) || !reader.finished()) {
    return {.kind = Loss::Kind::promises, .end = {}};
  }
  return {.kind = static_cast<Loss::Kind>(kind), .end = {position, tag}};
}

Loss worse_of(const Loss& a, const Loss& b) {
  return {.kind = std::max(a.kind, b.kind),
          .end = std::pair(a.end.tag, a.end.position) < std::pair(b.end.tag, b.end.position) ? b.end : a.end};
}

bool is_configuration(const LogEntry& entry) {
  return entry.kind == static_cast<std::uint8_t>(EntryKind::configuration);
}

/// The log begins behind what the records contain. Nothing if its membership there cannot be read.
bool begin_behind(RecoveredGroup& group, Position applied) {
  while (!group.entries.empty() && group.entries.front().id.position <= applied) {
    const LogEntry& entry = group.entries.front();
    if (is_configuration(entry)) {
      const auto read = consensus::decode_configuration(entry.payload.view());
      if (std::ranges::binary_search(group.unreadable, entry.id.position) || !read) {
        return false;
      }
      group.discarded_blob = consensus::encode_membership(read->membership);
    }
    group.discarded = entry.id;
    group.entries.erase(group.entries.begin());
  }
  return group.discarded.position == applied;
}

EntryId end_of(const RecoveredGroup& group) {
  return group.entries.empty() ? group.discarded : group.entries.back().id;
}

/// Payloads are damaged, but it is known which.
void salvage_around_payloads(RecoveredGroup& group, Position applied, Salvage& result) {
  const EntryId end = end_of(group);
  if (group.unreadable.front() <= applied) {
    if (!begin_behind(group, applied)) {
      result.blank = true;
      result.loss = worse_of(result.loss, {.kind = Loss::Kind::tail, .end = end});
      return;
    }
    result.ops.push_back({.kind = LogOp::Kind::discard_below,
                          .entry = {.id = group.discarded},
                          .generation = group.generation,
                          .blob = group.discarded_blob});
  }
  const auto bad = std::ranges::upper_bound(group.unreadable, applied);
  if (bad != group.unreadable.end()) {
    const auto cut = std::ranges::lower_bound(group.entries, *bad, {}, [](const LogEntry& e) { return e.id.position; });
    group.entries.erase(cut, group.entries.end());
    result.ops.push_back({.kind = LogOp::Kind::truncate_from, .entry = {.id = {*bad, Tag()}}});
    result.loss = worse_of(result.loss, {.kind = Loss::Kind::tail, .end = end});
  }
}

}  // namespace

Salvage salvage(RecoveredGroup& group, Position applied, bool records_laid_aside) {
  Salvage result{.loss = take_note(group)};
  if (group.log_lost) {
    result.blank = true;
    result.loss = worse_of(result.loss, {.kind = Loss::Kind::promises, .end = group.lost_end});
    return result;
  }
  if (group.state_lost) {
    result.loss = worse_of(result.loss, {.kind = Loss::Kind::promises, .end = end_of(group)});
    result.ops.push_back({.kind = LogOp::Kind::set_state, .blob = group.state});
  }
  if (records_laid_aside && applied < group.discarded.position) {
    result.blank = true;
    result.loss = worse_of(result.loss, {.kind = Loss::Kind::tail, .end = end_of(group)});
    return result;
  }
  if (const EntryId end = end_of(group); applied > end.position) {
    result.blank = true;
    result.loss = worse_of(result.loss, {.kind = Loss::Kind::promises, .end = {applied, end.tag}});
    return result;
  }
  if (!group.unreadable.empty()) {
    salvage_around_payloads(group, applied, result);
  }
  if (!result.blank && !result.ops.empty()) {
    result.ops.push_back(note_of(result.loss));
  }
  return result;
}

void begin_blank(RecoveredGroup& group, Salvage& salvage, Generation unused) {
  group.discarded = {};
  group.discarded_blob = {};
  group.generation = unused;
  group.entries.clear();
  group.unreadable.clear();
  salvage.ops = {{.kind = LogOp::Kind::reset_to, .generation = unused},
                 {.kind = LogOp::Kind::set_state, .blob = group.state},
                 note_of(salvage.loss)};
}

std::vector<LogOp> loss_made_good() { return {note_of({})}; }

}  // namespace quorate::group
