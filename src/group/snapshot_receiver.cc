#include "group/snapshot_receiver.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"

namespace quorate::group {

using state::RecordSpace;

// ---- the conversation ---------------------------------------------------------------------------------------

void SnapshotReceiver::on_offer(NodeId from, const SnapshotOffer& offer) {
  if (incoming_ && incoming_->from == from && incoming_->offer.session == offer.session) {
    want(true);  // the sender has heard nothing for a while
    return;
  }
  if (incoming_ &&
      (incoming_->stage != Stage::arriving || (incoming_->from == from && offer.session < incoming_->offer.session))) {
    return;  // the present one is nearly there, or this one is old; the sender offers again
  }
  if (!taker_.wants(from, offer.id)) {
    send(from, SnapshotEnd{.session = offer.session, .outcome = SnapshotEnd::Outcome::has_it});
    return;
  }
  if (incoming_) {
    node_.traces.trace({"group.snapshot_replaced_by_newer", group_.value(), from.value()});
    give_up(SnapshotEnd::Outcome::failed);
  }
  begin(from, offer);
}

void SnapshotReceiver::begin(NodeId from, const SnapshotOffer& offer) {
  last_used_ = last_used_.next();
  const Instant now = node_.clock.now();
  incoming_.emplace();
  incoming_->from = from;
  incoming_->offer = offer;
  incoming_->generation = last_used_;
  incoming_->began = now;
  incoming_->heard = now;
  machine_.begin_restore(last_used_);
  node_.traces.trace({"group.snapshot_begun", group_.value(), offer.id.position.value()});
  tell(SnapshotNews::What::receiving);
  want(false);
  arm();
}

/// While the engine cannot keep up no further chunk is asked for: the timer does it later.
void SnapshotReceiver::want(bool again) {
  incoming_->asked = node_.clock.now();
  const std::uint64_t window = node_.records.stalled() ? 0 : limits_.window_chunks;
  send(incoming_->from, SnapshotWant{.session = incoming_->offer.session,
                                     .next = incoming_->next,
                                     .end = incoming_->next + window,
                                     .again = again});
}

void SnapshotReceiver::on_chunk(NodeId from, const SnapshotChunk& chunk) {
  if (!incoming_ || incoming_->from != from || incoming_->offer.session != chunk.session) {
    node_.traces.trace({"group.snapshot_chunk_of_no_session", group_.value(), from.value()});
    send(from, SnapshotEnd{.session = chunk.session});
    return;
  }
  if (incoming_->stage != Stage::arriving || chunk.number != incoming_->next) {
    node_.traces.trace({"group.snapshot_chunk_out_of_place", group_.value(), chunk.number});
    return;  // repeated, or one before it was lost: the timer asks again from there
  }
  incoming_->heard = node_.clock.now();
  if (const Status taken = take(chunk); !taken) {
    refuse(taken.error().text);
    return;
  }
  if (stopped_) {
    return;
  }
  if (chunk.whole.has_value()) {
    settle(chunk);
  } else {
    want(false);
  }
}

void SnapshotReceiver::on_end(NodeId from, const SnapshotEnd& end) {
  if (incoming_ && incoming_->from == from && incoming_->offer.session == end.session &&
      incoming_->stage == Stage::arriving) {
    refuse("the sender has ended it");
  }
}

// ---- what arrives -------------------------------------------------------------------------------------------

Status SnapshotReceiver::take(const SnapshotChunk& chunk) {
  const Buffer space = RecordSpace{group_, incoming_->generation}.first();
  env::RecordBatch batch;
  batch.ops.reserve(chunk.sizes.size());
  std::size_t offset = 0;
  for (const env::RecordPage::Sizes& sizes : chunk.sizes) {
    const ByteView key = chunk.bytes.view().substr(offset, sizes.key);
    Buffer value = chunk.bytes.slice(offset + sizes.key, sizes.value);
    offset += sizes.key + sizes.value;
    QUORATE_TRY(machine_.restore(key, value.view()));
    const ByteView parts[] = {space.view(), key};
    batch.put(Buffer::concat(parts), std::move(value));
  }
  incoming_->sum = add_to_sum(incoming_->sum, chunk.sum);
  incoming_->records += chunk.sizes.size();
  incoming_->bytes += chunk.bytes.size();
  ++incoming_->next;
  if (const Status written = node_.records.write(std::move(batch)); !written) {
    node_.owner.on_fatal(written.error());
  }
  return {};
}

/// Everything has arrived: checks it as a whole, and lets the engine make it durable.
void SnapshotReceiver::settle(const SnapshotChunk& last) {
  const bool is_whole = last.whole->sum == incoming_->sum && last.whole->records == incoming_->records;
  if (!is_whole) {
    refuse("its chunks do not make up the whole");
    return;
  }
  const Result<Position> position = machine_.finish_restore();
  if (!position || *position != incoming_->offer.id.position) {
    refuse(position ? "it stands for another position than it was offered for" : position.error().text);
    return;
  }
  incoming_->stage = Stage::settling;
  const auto durable = Callback<Status>::to<&SnapshotReceiver::on_durable>(this, incoming_->generation.value());
  if (QUORATE_PLANT(reset_before_ingest)) {
    durable(Status());
    return;
  }
  node_.records.flush(durable);
}

void SnapshotReceiver::on_durable(std::uint64_t generation, Status flushed) {
  if (stopped_ || !incoming_ || incoming_->generation.value() != generation) {
    return;
  }
  if (!flushed) {
    node_.owner.on_fatal(flushed.error());
    return;
  }
  const consensus::SnapshotReceived snapshot{
      .id = incoming_->offer.id, .membership = incoming_->offer.membership, .generation = incoming_->generation};
  incoming_->stage = Stage::adopted;
  if (!taker_.adopts(snapshot)) {
    node_.traces.trace({"group.snapshot_not_needed", group_.value(), snapshot.id.position.value()});
    give_up(SnapshotEnd::Outcome::has_it);
  }
}

void SnapshotReceiver::on_adopted_durable() {
  QUORATE_ASSERT(incoming_ && incoming_->stage == Stage::adopted, "a snapshot was adopted", group_);
  node_.traces.trace({"group.snapshot_installed", group_.value(), incoming_->offer.id.position.value()});
  tell(SnapshotNews::What::received);
  const Generation old = std::exchange(present_, incoming_->generation);
  end(SnapshotEnd::Outcome::has_it);
  drop(QUORATE_PLANT(drops_new_generation) ? present_ : old);
}

// ---- what goes wrong ----------------------------------------------------------------------------------------

void SnapshotReceiver::arm() {
  incoming_->timer = node_.loop.arm(node_.clock.now() + limits_.repeat_after,
                                    Callback<>::to<&SnapshotReceiver::on_timer>(this, incoming_->generation.value()));
}

void SnapshotReceiver::on_timer(std::uint64_t generation) {
  if (stopped_ || !incoming_ || incoming_->generation.value() != generation || incoming_->stage == Stage::adopted) {
    return;
  }
  const Instant now = node_.clock.now();
  if (now - incoming_->told >= limits_.news_every) {
    tell(SnapshotNews::What::receiving);
  }
  if (incoming_->stage == Stage::arriving) {
    if (now - incoming_->heard > limits_.patience) {
      refuse("nothing more came");
      return;
    }
    if (now - std::max(incoming_->heard, incoming_->asked) >= limits_.repeat_after / 2) {
      want(true);
    }
  }
  arm();
}

void SnapshotReceiver::refuse(std::string_view why) {
  node_.traces.trace({"group.snapshot_refused", group_.value(), incoming_->offer.id.position.value()});
  tell(SnapshotNews::What::not_received, why);
  give_up(SnapshotEnd::Outcome::failed);
}

void SnapshotReceiver::give_up(SnapshotEnd::Outcome outcome) {
  machine_.abandon_restore();
  const Generation unfinished = incoming_->generation;
  end(outcome);
  drop(unfinished);
}

void SnapshotReceiver::end(SnapshotEnd::Outcome outcome) {
  node_.loop.cancel(incoming_->timer);
  send(incoming_->from, SnapshotEnd{.session = incoming_->offer.session, .outcome = outcome});
  incoming_.reset();
}

void SnapshotReceiver::drop(Generation generation) {
  const RecordSpace space{group_, generation};
  env::RecordBatch batch;
  batch.erase_range(space.first(), space.behind());
  if (const Status written = node_.records.write(std::move(batch)); !written) {
    node_.owner.on_fatal(written.error());
  }
}

void SnapshotReceiver::tell(SnapshotNews::What what, std::string_view why) {
  incoming_->told = node_.clock.now();
  news_({.what = what,
         .peer = incoming_->from,
         .position = incoming_->offer.id.position,
         .records = incoming_->records,
         .bytes = incoming_->bytes,
         .took = incoming_->told - incoming_->began,
         .why = why});
}

void SnapshotReceiver::send(NodeId to, const SnapshotMessage& message) {
  if (node_.mesh != nullptr) {
    node_.mesh->send(to, peer::Channel::snapshot, group_, encode_snapshot_message(message));
  }
}

void SnapshotReceiver::stop() {
  stopped_ = true;
  if (incoming_) {
    node_.loop.cancel(incoming_->timer);
    incoming_.reset();
  }
}

Status SnapshotReceiver::drop_others() {
  return incoming_ ? Status() : drop_other_generations(node_.records, group_, present_);
}

Generation highest_generation(env::RecordStore& records, GroupId group, Generation least) {
  const Buffer behind_all = RecordSpace::behind_all(group);
  while (true) {
    const auto cursor = records.scan(RecordSpace{group, least}.behind().view(), behind_all.view());
    const std::optional<Generation> next = cursor->valid() ? RecordSpace::generation_of(cursor->key()) : std::nullopt;
    if (!next) {
      return least;
    }
    least = *next;
  }
}

Status drop_other_generations(env::RecordStore& records, GroupId group, Generation present) {
  const RecordSpace space{group, present};
  env::RecordBatch batch;
  const std::pair<Buffer, Buffer> others[] = {{RecordSpace::first_of(group), space.first()},
                                              {space.behind(), RecordSpace::behind_all(group)}};
  for (const auto& [from, to] : others) {
    const auto cursor = records.scan(from.view(), to.view());
    if (cursor->valid()) {
      batch.erase_range(from, to);
    }
    QUORATE_TRY(cursor->status());
  }
  return batch.empty() ? Status() : records.write(std::move(batch));
}

}  // namespace quorate::group
