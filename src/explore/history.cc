#include "explore/history.h"

#include <algorithm>
#include <optional>

#include "consensus/contract/membership_codec.h"
#include "explore/replica.h"

namespace quorate::explore {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

Entry renamed_entry(const Entry& entry, const Permutation& names) {
  if (entry.kind != EntryKind::configuration) {
    return entry;
  }
  const std::optional<Membership> membership = decode_membership(entry.payload.view());
  return membership ? Entry{entry.id, entry.kind, encode_membership(names.of(*membership))} : entry;
}

}  // namespace

std::uint64_t History::hash() const {
  Hasher hasher;
  hasher.add(decided.size());
  for (const Decided& one : decided) {
    hasher.add(hash_of(one.entry));
    hasher.add(one.term);
  }
  for (const auto& [cell, value] : cells) {
    hasher.add(cell);
    hasher.add(value);
  }
  hasher.add(leaders.size());
  for (const auto& [term, node] : leaders) {
    hasher.add(term);
    hasher.add(node);
  }
  for (const OpenRead& read : reads) {
    hasher.add(read.node);
    hasher.add(read.context);
    hasher.add(read.must_include);
  }
  return hasher.value();
}

History History::renamed(const Permutation& names) const {
  History other = *this;
  for (Decided& one : other.decided) {
    one.entry = renamed_entry(one.entry, names);
  }
  for (auto& [term, node] : other.leaders) {
    node = names.of(node);
  }
  for (OpenRead& read : other.reads) {
    read.node = names.of(read.node);
  }
  return other;
}

std::uint32_t HistoryTable::keep(History history) {
  std::uint32_t& number = by_hash_.at(history.hash());
  if (number == NumberMap::kNone) {
    number = static_cast<std::uint32_t>(histories_.size());
    histories_.push_back(std::move(history));
  }
  return number;
}

}  // namespace quorate::explore
