#include "consensus/multipaxos/slot_log.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::multipaxos {

std::optional<Tag> SlotLog::tag_at(Position position) const {
  return position == discarded_.position ? std::optional(discarded_.tag) : slots_.at(position);
}

Tag SlotLog::accepted_at(Position position) const {
  const std::optional<Tag> tag = slots_.at(position);
  return tag ? std::max(*tag, votes_.at(position).value_or(Tag())) : Tag();
}

Position SlotLog::accepted_until(Position from, Tag ballot) const {
  Position end = from.previous();
  for (std::optional<Segment> segment = segment_from(from);
       segment && segment->first == end.next() && segment->accepted == ballot; segment = segment_from(end.next())) {
    end = segment->last;
  }
  return end;
}

std::optional<SlotLog::Segment> SlotLog::segment_from(Position from) const {
  const TagRuns::Run* run = slots_.run_from(from);
  if (run == nullptr) {
    return std::nullopt;
  }
  Segment segment{std::max(from, run->first), run->last, run->tag, run->tag};
  if (const TagRuns::Run* vote = votes_.run_from(segment.first); vote != nullptr && vote->first <= segment.last) {
    if (vote->first <= segment.first) {
      segment.last = std::min(segment.last, vote->last);
      segment.accepted = std::max(segment.tag, vote->tag);
    } else {
      segment.last = vote->first.previous();
    }
  }
  return segment;
}

void SlotLog::discard_below(EntryId id) {
  QUORATE_ASSERT(id.position >= discarded_.position, "a log is discarded forwards", id.position, discarded_.position);
  slots_.erase_up_to(id.position);
  votes_.erase_up_to(id.position);
  discarded_ = id;
}

void SlotLog::hash_into(Hasher& hasher) const {
  hasher.add(discarded_.position);
  hasher.add(discarded_.tag);
  slots_.hash_into(hasher);
  votes_.hash_into(hasher);
}

}  // namespace quorate::multipaxos
