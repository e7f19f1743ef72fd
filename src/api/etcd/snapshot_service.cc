#include "api/etcd/snapshot_service.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "api/etcd/version.h"
#include "base/assert.h"
#include "codec/writer.h"

namespace quorate::etcd {
namespace {

// SnapshotResponse: tags of its fields. The messages carry no header.
constexpr std::uint8_t kRemainingTag = 0x10;
constexpr std::uint8_t kBlobTag = 0x1A;
constexpr std::uint8_t kVersionTag = 0x22;

constexpr RpcStatus kTooManySnapshots = {
    rpc::Code::resource_exhausted,
    "quorate: 4 snapshots are being taken from this node already; try again when one of them is done"};
constexpr RpcStatus kStalled = {rpc::Code::deadline_exceeded,
                                "quorate: the client took nothing of the snapshot for 10 minutes"};

}  // namespace

SnapshotService::~SnapshotService() {
  for (const auto& stream : streams_) {
    api_.loop_.cancel(stream->stall_timer);
  }
}

void SnapshotService::begin(rpc::Call& call, Group& group) {
  static_assert(kMaxStreams == 4, "the text says so");
  if (streams_.size() >= kMaxStreams) {
    api_.finish(call, kTooManySnapshots);
    return;
  }
  streams_.push_back(std::make_unique<Stream>(Stream{.number = ++last_number_, .call = &call}));
  group.service->pin_records(Callback<group::PinnedRecords>::to<&SnapshotService::on_pinned>(this, last_number_));
}

void SnapshotService::forget(const rpc::Call& call) {
  if (Stream* stream = find(call); stream != nullptr) {
    erase(*stream);
  }
}

void SnapshotService::shut_down() {
  while (!streams_.empty()) {
    finish(*streams_.back(), kStopped);
  }
}

SnapshotService::Stream* SnapshotService::find(std::uint64_t number) {
  const auto found = std::ranges::find_if(streams_, [&](const auto& each) { return each->number == number; });
  return found == streams_.end() ? nullptr : found->get();
}

SnapshotService::Stream* SnapshotService::find(const rpc::Call& call) {
  const auto found = std::ranges::find_if(streams_, [&](const auto& each) { return each->call == &call; });
  return found == streams_.end() ? nullptr : found->get();
}

void SnapshotService::on_pinned(std::uint64_t number, group::PinnedRecords records) {
  Stream* stream = find(number);
  if (stream == nullptr) {
    return;  // the client is gone
  }
  stream->store = records.store;
  stream->file = std::make_shared<backup::FileCursor>(std::move(records.first), std::move(records.second));
  go_on(*stream);
}

void SnapshotService::go_on(Stream& stream) {
  if (stream.is_reading || stream.file == nullptr || stream.call->unsent_bytes() > kMaxUnsentBytes) {
    return;
  }
  const bool is_measured = stream.file->database_bytes() > 0;
  stream.is_reading = true;
  stream.store->read_page_async(stream.file, is_measured ? kPageBytes : 1,
                                Callback<Result<env::RecordPage>>::to<&SnapshotService::on_page>(this, stream.number));
}

void SnapshotService::on_page(std::uint64_t number, Result<env::RecordPage> page) {
  Stream* stream = find(number);
  if (stream == nullptr) {
    return;
  }
  stream->is_reading = false;
  if (!page) {
    const std::string text = "quorate: no snapshot can be made of what this node has: " + page.error().text;
    finish(*stream, {rpc::Code::data_loss, text});
    return;
  }
  const bool is_last = page->is_last;
  send(*stream, std::move(*page));
  if (is_last) {
    finish(*stream, {});
    return;
  }
  if (stream->call->unsent_bytes() > kMaxUnsentBytes && stream->stall_timer == 0) {
    stream->stall_timer =
        api_.loop_.arm(api_.clock_.now() + kPatience, Callback<>::to<&SnapshotService::on_stalled>(this, number));
  }
  go_on(*stream);
}

void SnapshotService::send(Stream& stream, env::RecordPage page) {
  const std::uint64_t total = stream.file->database_bytes();
  const Buffer bytes = Buffer::adopt(std::move(page.bytes));
  codec::Writer version;
  version.u8(kVersionTag);
  version.sized_bytes(kStorageVersion);
  const Buffer tail = version.take_buffer();
  std::size_t offset = 0;
  for (const env::RecordPage::Sizes& sizes : page.sizes) {
    offset += sizes.key;
    if (sizes.value == 0) {
      continue;  // a step of measuring
    }
    stream.sent_bytes += sizes.value;
    codec::Writer head;
    if (stream.sent_bytes < total) {
      head.u8(kRemainingTag);
      head.varint(total - stream.sent_bytes);
    }
    head.u8(kBlobTag);
    head.varint(sizes.value);
    const std::array<Buffer, 3> parts = {head.take_buffer(), bytes.slice(offset, sizes.value), tail};
    api_.answer(*stream.call, parts);
    offset += sizes.value;
  }
}

void SnapshotService::on_writable(const rpc::Call& call) {
  Stream* stream = find(call);
  if (stream == nullptr) {
    return;
  }
  api_.loop_.cancel(std::exchange(stream->stall_timer, 0));
  go_on(*stream);
}

void SnapshotService::on_stalled(std::uint64_t number) {
  if (Stream* stream = find(number); stream != nullptr) {
    stream->stall_timer = 0;
    finish(*stream, kStalled);
  }
}

void SnapshotService::finish(Stream& stream, RpcStatus status) {
  rpc::Call& call = *stream.call;
  erase(stream);
  api_.finish(call, status);
}

void SnapshotService::erase(Stream& stream) {
  api_.loop_.cancel(stream.stall_timer);
  std::erase_if(streams_, [&](const auto& each) { return each.get() == &stream; });
}

}  // namespace quorate::etcd
