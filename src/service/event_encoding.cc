#include "service/event_encoding.h"

#include <string>

#include "base/assert.h"
#include "codec/etcd_reply.h"
#include "codec/varint.h"

namespace quorate::service {
namespace {

constexpr char kTypeTag = 1 << 3;
constexpr char kKvTag = 2 << 3 | 2;
constexpr char kPreviousTag = 3 << 3 | 2;

codec::KeyValue key_value(const kv::Event& event) {
  if (event.type == kv::Event::Type::erase) {
    return {.key = event.key.view(), .mod_revision = event.mod_revision};
  }
  return {.key = event.key.view(),
          .create_revision = event.create_revision,
          .mod_revision = event.mod_revision,
          .version = event.version,
          .value = event.value.view(),
          .lease = event.lease};
}

void append_key_value(std::string& out, char tag, const codec::KeyValue& kv) {
  const std::size_t size = codec::key_value_size(kv);
  out.push_back(tag);
  codec::append_varint(out, size);
  const std::size_t at = out.size();
  out.resize(at + size);
  codec::write_key_value(out.data() + at, kv);
}

Buffer encode(const kv::Event& event, const kv::Event* previous) {
  constexpr std::size_t kHeads = 16;
  std::string out;
  out.reserve(codec::key_value_size(key_value(event)) +
              (previous == nullptr ? 0 : codec::key_value_size(key_value(*previous))) + kHeads);
  if (event.type == kv::Event::Type::erase) {
    out.push_back(kTypeTag);
    out.push_back(1);
  }
  append_key_value(out, kKvTag, key_value(event));
  if (previous != nullptr) {
    append_key_value(out, kPreviousTag, key_value(*previous));
  }
  return Buffer::adopt(std::move(out));
}

}  // namespace

const Buffer& SharedEvent::plain() {
  if (plain_.empty()) {
    plain_ = encode(event_, nullptr);
  }
  return plain_;
}

bool SharedEvent::fetch_previous(kv::Store& store, Callback<> ready) {
  if (is_fetched_) {
    return true;
  }
  if (event_.previous_revision != 0) {
    const env::Lookup found = store.record_at(event_.previous_revision, event_.previous_sub, previous_, ready);
    if (found.state == env::Lookup::State::pending) {
      return false;
    }
    has_previous_ = found.state == env::Lookup::State::value && previous_.type == kv::Event::Type::put;
  }
  is_fetched_ = true;
  return true;
}

const Buffer& SharedEvent::with_previous() {
  QUORATE_ASSERT(is_fetched_, "the version before is fetched first", event_.mod_revision);
  if (!has_previous_) {
    return plain();
  }
  if (with_previous_.empty()) {
    with_previous_ = encode(event_, &previous_);
  }
  return with_previous_;
}

}  // namespace quorate::service
