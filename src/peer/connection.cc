#include "peer/connection.h"

#include <utility>

namespace quorate::peer {

void Connection::send(FrameBatch& batch) {
  if (!closed_ && stream_ != nullptr && !batch.empty()) {
    stream_->send(batch.chunks());
  }
  batch.clear();
}

void Connection::send(FrameType type, Incarnation sender, std::string body) {
  FrameBatch batch;
  const Buffer part = Buffer::adopt(std::move(body));
  batch.add(Frame{.type = type, .sender = sender}, {&part, 1});
  send(batch);
}

void Connection::on_opened() {
  if (!closed_) {
    owner_->on_connected(*this);
  }
}

void Connection::on_bytes(Buffer bytes) {
  if (closed_) {
    return;
  }
  owner_->on_heard(*this, bytes.size());
  reader_.add(std::move(bytes));
  Frame frame;
  while (!closed_) {
    switch (reader_.next(frame)) {
      case FrameReader::Found::frame: owner_->on_frame(*this, frame); break;
      case FrameReader::Found::need_more: return;
      case FrameReader::Found::damaged:
        closed_ = true;
        owner_->on_lost(*this, Loss{.by_damage = true, .detail = reader_.damage()});
        return;
    }
  }
}

void Connection::on_closed(env::CloseReason reason, std::string_view detail) {
  if (!closed_) {
    closed_ = true;
    owner_->on_lost(*this, Loss{.reason = reason, .detail = detail});
  }
}

}  // namespace quorate::peer
