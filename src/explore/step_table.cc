#include "explore/step_table.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace quorate::explore {

namespace {

std::uint64_t key_of(std::uint32_t replica, const StepInput& input) {
  Hasher hasher;  // one to one: the low half is the input, the high half the replica, then mixed
  hasher.add(std::uint64_t{replica} << 32 | std::uint64_t{input.argument} << 4 |
             static_cast<std::uint64_t>(input.kind));
  return hasher.value();
}

/// As far as the rules about logs can tell: a crash that takes what was not durable shows them nothing new.
bool is_log_changed(const Replica& before, const Replica& after) {
  const std::vector<consensus::Entry>& old = before.written.log;
  const std::vector<consensus::Entry>& now = after.written.log;
  const bool is_prefix = now.size() <= old.size() && std::equal(now.begin(), now.end(), old.begin());
  return !is_prefix || before.durable.log != after.durable.log;
}

}  // namespace

StepTable::StepTable(const Model& model) : model_(model), notes_(1) {
  QUORATE_ASSERT(model.bounds.nodes <= kMaxNodes, "explored clusters are small", model.bounds.nodes, kMaxNodes);
  for (std::size_t n = 1; n <= model.bounds.nodes; ++n) {
    const std::uint32_t number = keep(first_life(model, NodeId(n)), {});
    QUORATE_ASSERT(number == n - 1, "first lives have the first numbers", number, n);
  }
}

std::uint32_t StepTable::step(std::uint32_t replica, const StepInput& input) {
  constexpr std::uint32_t kMaxArgument = 1U << 27;
  QUORATE_ASSERT(input.argument < kMaxArgument, "an input's argument fits its key", input.argument);
  if (const std::uint32_t known = row_by_step_.at(key_of(replica, input)); known != NumberMap::kNone) {
    return known;
  }
  const Packet* packet = input.kind == InputKind::deliver ? &packets_[input.argument] : nullptr;
  StepResult result = take_step(model_, replicas_[replica], input, packet, nullptr);
  Row row{.first_sent = static_cast<std::uint32_t>(sent_.size()),
          .sent_count = static_cast<std::uint32_t>(result.sent.size()),
          .log_changed = is_log_changed(replicas_[replica], result.next)};
  row.next = keep(std::move(result.next), {replica, input});
  for (std::uint32_t place = 0; place < row.sent_count; ++place) {
    row.receivers = static_cast<std::uint8_t>(row.receivers | 1U << (result.sent[place].to.value() - 1));
    sent_.push_back(keep(std::move(result.sent[place]), {replica, input, place}));
  }
  if (!result.notes.empty()) {
    row.notes = static_cast<std::uint32_t>(notes_.size());
    notes_.push_back(std::move(result.notes));
  }
  const auto number = static_cast<std::uint32_t>(rows_.size());
  row_by_step_.at(key_of(replica, input)) = number;
  rows_.push_back(row);
  return number;
}

bool StepTable::is_deaf_to(std::uint32_t replica, std::uint32_t packet) {
  const Replica& receiver = replicas_[replica];
  if (!model_.bounds.reduced || model_.protocol.is_deaf_to == nullptr || !receiver.unconfirmed.empty() ||
      !model_.protocol.is_deaf_to(receiver.core->status(), packets_[packet].message.view())) {
    return false;
  }
  const std::uint32_t arrival = step(replica, {.kind = InputKind::deliver, .argument = packet});
  QUORATE_ASSERT(rows_[arrival].next == replica && rows_[arrival].sent_count == 0,
                 "what a core is deaf to makes no difference", replica, packet);
  return true;
}

std::uint32_t StepTable::keep(Replica&& replica, const Origin& origin) {
  std::uint32_t& number = replica_by_hash_.at(replica.hash);
  if (number == NumberMap::kNone) {
    number = static_cast<std::uint32_t>(replicas_.size());
    replicas_.push_back(std::move(replica));
    replica_origins_.push_back(origin);
  }
  return number;
}

std::uint32_t StepTable::keep(Packet&& packet, const Origin& origin) {
  std::uint32_t& number = packet_by_hash_.at(packet.hash);
  if (number == NumberMap::kNone) {
    number = static_cast<std::uint32_t>(packets_.size());
    packets_.push_back(std::move(packet));
    packet_origins_.push_back(origin);
  }
  return number;
}

}  // namespace quorate::explore
