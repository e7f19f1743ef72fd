#include "service/courier.h"

#include <utility>

namespace quorate::service {

bool Courier::can_send(NodeId node) {
  Session& session = sessions_[node];
  if (session.life.is_none()) {
    greet(node, session);
    return false;
  }
  return true;
}

void Courier::greet(NodeId node, Session& session) {
  const Instant now = parts_.clock.now();
  if (session.greeted != Instant() && now < session.greeted + parts_.config.election_timeout / 20) {
    return;
  }
  session.greeted = now;
  codec::Writer writer;
  write_head(writer, {.from = parts_.incarnation, .to = Incarnation(), .sequence = 0});
  parts_.trace(Branch::greeted, node.value());
  if (!parts_.replica->send_service_message(node, writer.take_buffer())) {
    parts_.leadership.on_link_down(node, now);
  }
}

/// Lets a node know this life, by a message without items.
void Courier::welcome(NodeId node, Session& session) {
  codec::Writer writer;
  write_head(writer, {.from = parts_.incarnation, .to = session.life, .sequence = session.next_sequence++});
  parts_.replica->send_service_message(node, writer.take_buffer());
}

void Courier::send(NodeId to, const Item& item) {
  Session& session = sessions_[to];
  QUORATE_ASSERT(!session.life.is_none(), "items go only to a life that was heard of", to);
  if (session.batch.size() > 0 && session.batch.size() + kMaxItemHead + item.bytes.size() > kMaxBatchBytes) {
    flush(to, session);
  }
  if (session.batch.size() == 0) {
    write_head(session.batch, {.from = parts_.incarnation, .to = session.life, .sequence = session.next_sequence++});
    if (!std::exchange(session.is_queued, true)) {
      queued_.push_back(to);
      if (queued_.size() == 1) {
        parts_.loop.defer(Callback<>::to<&Courier::flush_all>(this));
      }
    }
  }
  write_item(session.batch, item);
  session.items.push_back(item);
  session.items.back().bytes = {};
}

void Courier::reply(NodeId to, Incarnation life, const Item& item) {
  if (sessions_[to].life == life) {
    send(to, item);
  }
}

void Courier::flush_all(std::uint64_t) {
  const std::vector<NodeId> queued = std::exchange(queued_, {});
  for (const NodeId node : queued) {
    Session& session = sessions_[node];
    session.is_queued = false;
    flush(node, session);
  }
}

void Courier::flush(NodeId node, Session& session) {
  if (session.batch.size() == 0) {
    return;
  }
  const std::vector<Item> items = std::exchange(session.items, {});
  parts_.trace(Branch::batch_sent, items.size(), session.batch.size());
  if (parts_.is_stopped || !parts_.replica->send_service_message(node, session.batch.take_buffer())) {
    parts_.trace(Branch::batch_not_sent, items.size());
    parts_.leadership.on_link_down(node, parts_.clock.now());
    for (const Item& item : items) {
      events_.on_not_sent(node, item);
    }
  }
}

bool Courier::note_life(NodeId from, Session& session, Incarnation life) {
  if (life < session.seen_of) {
    return false;
  }
  if (life > session.seen_of) {
    session.seen_of = life;
    session.seen = SequenceWindow{};
  }
  if (session.life != life) {
    flush(from, session);  // what was meant for the earlier life
    session.life = life;
    events_.on_reachable(from);
  }
  return true;
}

void Courier::on_message(NodeId from, const Buffer& message) {
  codec::Reader reader(message.view());
  MessageHead head;
  if (!read_head(reader, head)) {
    parts_.trace(Branch::message_malformed, from.value());
    return;
  }
  Session& session = sessions_[from];
  if (!note_life(from, session, head.from)) {
    parts_.trace(Branch::message_from_earlier_life, from.value());
    return;
  }
  if (head.to != parts_.incarnation) {
    parts_.trace(head.to.is_none() ? Branch::greeting_received : Branch::message_to_earlier_life, from.value());
    welcome(from, session);
    return;
  }
  if (!session.seen.accept(head.sequence)) {
    parts_.trace(Branch::message_repeated, from.value(), head.sequence);
    return;
  }
  while (!reader.at_end()) {
    Item item;
    if (!read_item(reader, item)) {
      parts_.trace(Branch::message_malformed, from.value());
      return;
    }
    events_.on_item(from, head.from, item, message);
  }
}

void Courier::on_peer_down(NodeId node) {
  const auto found = sessions_.find(node);
  if (found != sessions_.end()) {
    flush(node, found->second);
    found->second.life = Incarnation();
    found->second.greeted = Instant();
  }
}

}  // namespace quorate::service
