#include "api/etcd/watch_stream.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "codec/proto_fields.h"
#include "codec/varint.h"

namespace quorate::etcd {
namespace {

constexpr std::size_t kMaxUnsentBytes = 256U << 10;
constexpr std::int64_t kNoWatcher = -1;
constexpr std::size_t kMessageOverhead = 512U << 10;  // a response is split at max-request-bytes and this

constexpr std::string_view kEmptyRange = "mvcc: watcher range is empty";
constexpr std::string_view kDuplicateId = "mvcc: duplicate watch ID provided on the WatchStream";
constexpr std::string_view kCompacted = "mvcc: required revision has been compacted";
constexpr std::string_view kTooManyWatchers = "quorate: too many watchers on one stream";

// WatchResponse: tags of its fields.
constexpr char kWatchIdTag = 0x10;
constexpr char kCreatedTag = 0x18;
constexpr char kCanceledTag = 0x20;
constexpr char kCompactRevisionTag = 0x28;
constexpr char kReasonTag = 0x32;
constexpr char kFragmentTag = 0x38;
constexpr char kEventTag = 0x5A;

constexpr std::size_t kFieldBytes = 1 + codec::kMaxVarintBytes;

char* put_field(char* to, char tag, std::int64_t value) {
  if (value != 0) {
    *to++ = tag;
    to = put_varint(to, static_cast<std::uint64_t>(value));
  }
  return to;
}

char* put_bytes(char* to, ByteView bytes) { return std::copy(bytes.begin(), bytes.end(), to); }

std::size_t event_size(const service::WatchEvent& event) {
  return 1 + codec::varint_size(event.encoded.size()) + event.encoded.size();
}

/// WatchCreateRequest.filters, one value: NOPUT 0, NODELETE 1.
void add_filter(service::WatchSpec& spec, std::uint64_t value) {
  spec.no_put = spec.no_put || value == 0;
  spec.no_delete = spec.no_delete || value == 1;
}

}  // namespace

WatchStream::WatchStream(Api& api, rpc::Call& call, Group& group)
    : api_(api), call_(call), group_(group), needs_leader_(Api::requires_leader(call)) {}

WatchStream::~WatchStream() {
  for (const service::WatcherId id : hub_ids_) {
    group_.service->watches().cancel(id);
  }
}

// Requests.

bool WatchStream::on_message(ByteView message) {
  enum : std::uint32_t { none, create_request, cancel_request, progress_request };
  codec::FieldReader fields(message);
  std::uint32_t kind = none;
  ByteView body;
  while (fields.next()) {
    if (fields.type() == codec::WireType::bytes && fields.number() >= create_request &&
        fields.number() <= progress_request) {
      kind = fields.number();
      body = fields.bytes();
    }
  }
  if (!fields.ok()) {
    return false;
  }
  if (kind == create_request) {
    CreateRequest request;
    if (!parse_create(body, request)) {
      return false;
    }
    create(request);
  } else if (kind == cancel_request) {
    std::int64_t id = 0;
    codec::FieldReader cancel_fields(body);
    while (cancel_fields.next()) {
      id = cancel_fields.is_varint(1) ? cancel_fields.int64() : id;
    }
    if (!cancel_fields.ok()) {
      return false;
    }
    cancel(id);
  } else if (kind == progress_request) {
    request_progress();
  }
  return true;  // requests of a kind that we do not know are ignored
}

bool WatchStream::parse_create(ByteView message, CreateRequest& out) {
  codec::FieldReader fields(message);
  ByteView key;
  ByteView range_end;
  while (fields.next()) {
    if (fields.is_bytes(1)) {
      key = fields.bytes();
    } else if (fields.is_bytes(2)) {
      range_end = fields.bytes();
    } else if (fields.is_varint(3)) {
      out.spec.start_revision = fields.int64();
    } else if (fields.is_varint(4)) {
      out.spec.progress_notify = fields.boolean();
    } else if (fields.is_varint(5)) {
      add_filter(out.spec, fields.value());
    } else if (fields.is_bytes(5)) {  // packed
      ByteView packed = fields.bytes();
      while (!packed.empty()) {
        std::uint64_t value = 0;
        const std::size_t size = codec::read_varint(packed, value);
        if (size == 0) {
          return false;
        }
        add_filter(out.spec, value);
        packed.remove_prefix(size);
      }
    } else if (fields.is_varint(6)) {
      out.spec.prev_kv = fields.boolean();
    } else if (fields.is_varint(7)) {
      out.watch_id = fields.int64();
    } else if (fields.is_varint(8)) {
      out.fragments = fields.boolean();
    }
  }
  constexpr char kZero = '\0';
  out.spec.key = Buffer::copy_of(key.empty() ? ByteView(&kZero, 1) : key);
  out.spec.range_end = Buffer::copy_of(range_end);
  return fields.ok();
}

void WatchStream::create(const CreateRequest& request) {
  const ByteView range_end = request.spec.range_end.view();
  const bool is_open_ended = range_end.size() == 1 && range_end[0] == '\0';
  std::string_view refusal;
  if (!range_end.empty() && !is_open_ended && request.spec.key.view() >= range_end) {
    refusal = kEmptyRange;
  } else if (request.spec.start_revision < 0) {
    refusal = kCompacted;
  } else if (request.watch_id != 0 && by_id_.contains(request.watch_id)) {
    refusal = kDuplicateId;
  } else if (hub_ids_.size() >= api_.config_.max_watchers_per_stream) {
    refusal = kTooManyWatchers;
  }
  if (!refusal.empty()) {
    send_control(
        {.header_revision = revision(), .watch_id = kNoWatcher, .created = true, .canceled = true, .reason = refusal});
    return;
  }
  Watcher watcher{.id = request.watch_id,
                  .index = hub_ids_.size(),
                  .start_revision = request.spec.start_revision,
                  .fragments = request.fragments};
  if (watcher.id == 0) {
    while (by_id_.contains(next_id_)) {
      ++next_id_;
    }
    watcher.id = next_id_++;
  }
  send_control({.header_revision = revision(), .watch_id = watcher.id, .created = true});
  watcher.hub_id = group_.service->watches().create(request.spec, *this);
  by_id_.emplace(watcher.id, watcher.hub_id);
  hub_ids_.push_back(watcher.hub_id);
  by_hub_id_.emplace(watcher.hub_id, watcher);
}

void WatchStream::cancel(std::int64_t id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    return;
  }
  const service::WatcherId hub_id = found->second;
  group_.service->watches().cancel(hub_id);
  remove(by_hub_id_.at(hub_id));
  send_control({.header_revision = revision(), .watch_id = id, .canceled = true});
}

void WatchStream::remove(const Watcher& watcher) {
  const std::size_t index = watcher.index;
  hub_ids_[index] = hub_ids_.back();
  by_hub_id_.at(hub_ids_[index]).index = index;
  hub_ids_.pop_back();
  by_id_.erase(watcher.id);
  by_hub_id_.erase(watcher.hub_id);
}

void WatchStream::request_progress() {
  std::int64_t covered = 0;
  if (hub_ids_.empty() || !group_.service->watches().all_synced(hub_ids_, covered)) {
    return;
  }
  const bool is_any_in_future = std::any_of(by_hub_id_.begin(), by_hub_id_.end(),
                                            [&](const auto& entry) { return entry.second.start_revision > covered; });
  if (!is_any_in_future) {
    send_control({.header_revision = covered, .watch_id = kNoWatcher});
  }
}

// What the hub tells.

bool WatchStream::can_take() const { return call_.unsent_bytes() <= kMaxUnsentBytes; }

void WatchStream::on_writable() { group_.service->watches().on_sink_ready(*this); }

void WatchStream::on_events(service::WatcherId watcher, std::int64_t header_revision,
                            std::span<const service::WatchEvent> events) {
  const auto found = by_hub_id_.find(watcher);
  if (found == by_hub_id_.end() || events.empty()) {
    return;
  }
  if (found->second.fragments && events.size() > 1) {
    send_fragments(found->second, header_revision, events);
  } else {
    send_events(found->second, header_revision, events, false);
  }
}

void WatchStream::on_compacted(service::WatcherId watcher, std::int64_t compact_revision) {
  const auto found = by_hub_id_.find(watcher);
  if (found == by_hub_id_.end()) {
    return;
  }
  const std::int64_t id = found->second.id;
  remove(found->second);
  send_control({.watch_id = id, .canceled = true, .compact_revision = compact_revision});
}

void WatchStream::on_progress(service::WatcherId watcher, std::int64_t revision) {
  if (const auto found = by_hub_id_.find(watcher); found != by_hub_id_.end()) {
    send_control({.header_revision = revision, .watch_id = found->second.id});
  }
}

// Responses.

void WatchStream::send_control(const Control& control) {
  const Buffer header = group_.headers.header(control.header_revision, group_.service->status().tag);
  Pieces& pieces = group_.headers.pieces();
  char* to = pieces.room(header.size() + 6 * kFieldBytes + control.reason.size());
  to = put_bytes(to, header.view());
  to = put_field(to, kWatchIdTag, control.watch_id);
  to = put_field(to, kCreatedTag, control.created ? 1 : 0);
  to = put_field(to, kCanceledTag, control.canceled ? 1 : 0);
  to = put_field(to, kCompactRevisionTag, control.compact_revision);
  if (!control.reason.empty()) {
    to = put_field(to, kReasonTag, static_cast<std::int64_t>(control.reason.size()));
    to = put_bytes(to, control.reason);
  }
  const Buffer message = pieces.commit(to);
  api_.answer(call_, {&message, 1});
}

void WatchStream::send_events(const Watcher& watcher, std::int64_t header_revision,
                              std::span<const service::WatchEvent> events, bool is_fragment) {
  constexpr std::size_t kJoinBelow = 256;  // an event this small is copied rather than carried beside the header
  const Buffer header = group_.watch_header(header_revision);
  Pieces& pieces = group_.headers.pieces();
  std::size_t copied = header.size() + 3 * kFieldBytes;
  for (const service::WatchEvent& event : events) {
    copied += kFieldBytes + (event.encoded.size() < kJoinBelow ? event.encoded.size() : 0);
  }
  std::vector<Buffer>& parts = parts_;
  parts.clear();
  char* to = pieces.room(copied);
  to = put_bytes(to, header.view());
  to = put_field(to, kWatchIdTag, watcher.id);
  to = put_field(to, kFragmentTag, is_fragment ? 1 : 0);
  for (const service::WatchEvent& event : events) {
    *to++ = kEventTag;
    to = put_varint(to, event.encoded.size());
    if (event.encoded.size() < kJoinBelow) {
      to = put_bytes(to, event.encoded.view());
      continue;
    }
    parts.push_back(pieces.commit(to));
    parts.push_back(event.encoded);
    to = pieces.room(copied);
  }
  if (parts.empty()) {
    const Buffer message = pieces.commit(to);
    api_.answer(call_, {&message, 1});
    return;
  }
  parts.push_back(pieces.commit(to));
  api_.answer(call_, parts);
  parts.clear();
}

void WatchStream::send_fragments(const Watcher& watcher, std::int64_t header_revision,
                                 std::span<const service::WatchEvent> events) {
  const std::size_t limit = api_.config_.max_request_bytes + kMessageOverhead;
  const std::size_t overhead = group_.watch_header(header_revision).size() + 2 * kFieldBytes;
  while (!events.empty()) {
    std::size_t size = overhead;
    std::size_t count = 0;
    while (count < events.size() && (count == 0 || size + event_size(events[count]) < limit)) {
      size += event_size(events[count]);
      ++count;
    }
    send_events(watcher, header_revision, events.first(count), count < events.size());
    events = events.subspan(count);
  }
}

}  // namespace quorate::etcd
