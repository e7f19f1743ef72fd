#include "group/snapshot_sender.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/plant.h"
#include "state/record_space.h"

namespace quorate::group {

using consensus::SnapshotSent;

void SnapshotSender::begin(NodeId to, EntryId id, consensus::Membership membership,
                           std::shared_ptr<env::RecordCursor> records) {
  for (const auto& session : sessions_) {
    if (session->to == to) {
      send(to, SnapshotEnd{.session = session->number});  // the receiver has begun a new life, or never began
      erase(*session);
      break;
    }
  }
  const Instant now = node_.clock.now();
  auto session = std::make_unique<Session>();
  session->number = ++last_session_;
  session->to = to;
  session->id = id;
  session->membership = std::move(membership);
  session->records = std::move(records);
  session->began = now;
  session->progressed = now;
  Session& begun = *sessions_.emplace_back(std::move(session));
  node_.traces.trace({"group.snapshot_offered", group_.value(), to.value()});
  tell(begun, SnapshotNews::What::sending);
  offer(begun);
  read_ahead(begun);
}

SnapshotSender::Session* SnapshotSender::find(SnapshotSession number) {
  for (const auto& session : sessions_) {
    if (session->number == number) {
      return session.get();
    }
  }
  return nullptr;
}

std::optional<Position> SnapshotSender::oldest() const {
  std::optional<Position> oldest;
  for (const auto& session : sessions_) {
    oldest = std::min(oldest.value_or(session->id.position), session->id.position);
  }
  return oldest;
}

// ---- the session --------------------------------------------------------------------------------------------

void SnapshotSender::offer(Session& session) {
  session.offered = node_.clock.now();
  send(session.to, SnapshotOffer{.session = session.number, .id = session.id, .membership = session.membership});
  arm(session, session.offered + limits_.repeat_after);
}

void SnapshotSender::on_want(NodeId from, const SnapshotWant& want) {
  Session* session = find(want.session);
  if (session == nullptr || session->to != from) {
    send(from, SnapshotEnd{.session = want.session});
    return;
  }
  if (want.next < session->first_held) {
    // It has begun again and a walk does not go back: another snapshot must do.
    send(from, SnapshotEnd{.session = want.session});
    end(*session, false);
    return;
  }
  if (want.next > session->next) {
    return;  // of chunks that were never sent
  }
  while (session->first_held < want.next) {
    session->held.pop_front();
    ++session->first_held;
  }
  session->progressed = node_.clock.now();
  session->wanted_end = std::max(session->wanted_end, want.end);
  if (want.again && session->next > want.next) {
    node_.traces.trace({"group.snapshot_chunks_repeated", group_.value(), session->next - want.next});
    session->next = want.next;
  }
  pump(*session);
}

void SnapshotSender::on_end(NodeId from, const SnapshotEnd& message) {
  Session* session = find(message.session);
  if (session != nullptr && session->to == from) {
    end(*session, message.outcome == SnapshotEnd::Outcome::has_it);
  }
}

void SnapshotSender::pump(Session& session) {
  while (session.next < session.wanted_end && session.next - session.first_held < session.held.size()) {
    const Instant now = node_.clock.now();
    if (const Instant due = node_.pace.due(now); due > now) {
      arm(session, due);
      break;
    }
    const Chunk& chunk = session.held[static_cast<std::size_t>(session.next - session.first_held)];
    if (node_.mesh == nullptr || !node_.mesh->send(session.to, peer::Channel::snapshot, group_, chunk.parts)) {
      break;  // link down or full: the receiver asks again
    }
    node_.pace.take(chunk.bytes, now);
    ++session.next;
  }
  read_ahead(session);
}

void SnapshotSender::read_ahead(Session& session) {
  if (session.is_reading || session.is_read || session.held.size() >= limits_.window_chunks) {
    return;
  }
  session.is_reading = true;
  node_.records.read_page_async(session.records, limits_.chunk_bytes,
                                Callback<Result<env::RecordPage>>::to<&SnapshotSender::on_page>(this, session.number));
}

void SnapshotSender::on_page(std::uint64_t number, Result<env::RecordPage> page) {
  Session* session = find(number);
  if (session == nullptr) {
    return;
  }
  session->is_reading = false;
  if (!page) {
    node_.owner.on_fatal(page.error());
    return;
  }
  add_chunk(*session, std::move(*page));
  pump(*session);
}

void SnapshotSender::add_chunk(Session& session, env::RecordPage page) {
  // Group and generation are this node's own: the receiver gives them others.
  std::string bytes;
  bytes.reserve(page.bytes.size());
  std::size_t offset = 0;
  for (env::RecordPage::Sizes& sizes : page.sizes) {
    QUORATE_ASSERT(sizes.key > state::kSpaceBytes, "a record lies in its group's space", group_, sizes.key);
    bytes.append(page.bytes, offset + state::kSpaceBytes, sizes.key + sizes.value - state::kSpaceBytes);
    offset += sizes.key + sizes.value;
    sizes.key -= static_cast<std::uint32_t>(state::kSpaceBytes);
  }
  session.sent_records += page.sizes.size();
  session.sent_bytes += bytes.size();
  session.is_read = page.is_last;
  session.sum = add_to_sum(session.sum, sum_of_chunk(page.sizes, bytes));
  SnapshotChunk chunk{.session = session.number,
                      .number = session.first_held + session.held.size(),
                      .sizes = std::move(page.sizes),
                      .bytes = Buffer::adopt(std::move(bytes))};
  if (page.is_last) {
    chunk.whole = SnapshotChunk::Whole{.sum = session.sum, .records = session.sent_records};
    session.records.reset();
  }
  Chunk held{.parts = encode_snapshot_message(chunk)};
  for (const Buffer& part : held.parts) {
    held.bytes += part.size();
  }
  session.held.push_back(std::move(held));
}

void SnapshotSender::arm(Session& session, Instant due) {
  node_.loop.cancel(session.timer);
  session.timer = node_.loop.arm(due, Callback<>::to<&SnapshotSender::on_timer>(this, session.number));
}

void SnapshotSender::on_timer(std::uint64_t number) {
  Session* session = find(number);
  if (session == nullptr) {
    return;
  }
  session->timer = 0;
  const Instant now = node_.clock.now();
  if (now - session->progressed > limits_.patience) {
    node_.traces.trace({"group.snapshot_given_up", group_.value(), session->to.value()});
    send(session->to, SnapshotEnd{.session = number});
    end(*session, false);
    return;
  }
  if (now - session->told >= limits_.news_every) {
    tell(*session, SnapshotNews::What::sending);
  }
  if (now - std::max(session->progressed, session->offered) >= limits_.repeat_after) {
    offer(*session);  // lost, or the receiver has forgotten; it answers with what it wants
  }
  if (session->timer == 0) {
    arm(*session, now + limits_.repeat_after);
  }
  pump(*session);
}

bool SnapshotSender::send(NodeId to, const SnapshotMessage& message) {
  return node_.mesh != nullptr &&
         node_.mesh->send(to, peer::Channel::snapshot, group_, encode_snapshot_message(message));
}

void SnapshotSender::tell(Session& session, SnapshotNews::What what) {
  session.told = node_.clock.now();
  news_({.what = what,
         .peer = session.to,
         .position = session.id.position,
         .records = session.sent_records,
         .bytes = session.sent_bytes,
         .took = session.told - session.began});
}

// ---- ends ---------------------------------------------------------------------------------------------------

void SnapshotSender::end(Session& session, bool delivered) {
  const SnapshotSent outcome{.to = session.to, .delivered = delivered, .position = session.id.position};
  node_.traces.trace(
      {delivered ? "group.snapshot_sent" : "group.snapshot_not_sent", group_.value(), session.to.value()});
  tell(session, delivered ? SnapshotNews::What::sent : SnapshotNews::What::not_sent);
  erase(session);
  ended_(outcome);
}

void SnapshotSender::erase(Session& session) {
  node_.loop.cancel(session.timer);
  std::erase_if(sessions_, [&session](const auto& one) { return one.get() == &session; });
}

void SnapshotSender::cancel_all() {
  while (!sessions_.empty()) {
    Session& session = *sessions_.back();
    send(session.to, SnapshotEnd{.session = session.number});
    tell(session, SnapshotNews::What::not_sent);
    erase(session);
  }
}

void SnapshotSender::stop() {
  while (!sessions_.empty()) {
    erase(*sessions_.back());
  }
}

}  // namespace quorate::group
