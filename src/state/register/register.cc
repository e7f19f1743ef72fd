#include "state/register/register.h"

#include "base/assert.h"

namespace quorate::write_once {

std::optional<Buffer> Register::find(ByteView key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? std::nullopt : std::optional(found->second);
}

void Register::decide(const Buffer& key, const Buffer& value) {
  const auto [known, is_new] = values_.try_emplace(std::string(key.view()), value);
  QUORATE_ASSERT(is_new || known->second == value,
                 "a key is decided once: some member has lost what it had promised, and nobody noticed", key.size(),
                 value.size());
  observer_.on_decided(key, value);
}

void Register::hash_into(Hasher& hasher) const {
  hasher.add(values_.size());
  for (const auto& [key, value] : values_) {
    hasher.add(key);
    hasher.add(value.view());
  }
}

/// A replica whose log was lost begins with nothing, whatever an earlier call had told.
Result<Position> Register::recover(Generation /*generation*/) {
  values_.clear();
  return Position();
}

state::Execution Register::execute(const EntryId& id, const Buffer& /*command*/, Callback<> /*ready*/) {
  QUORATE_UNREACHABLE("a register has no log", id.position);
}

void Register::skip(Position position) { QUORATE_UNREACHABLE("a register has no log", position); }

Status Register::restore(ByteView key, ByteView /*value*/) {
  return fail(ErrorCode::corrupt, "a record of " + std::to_string(key.size()) + " bytes is no register's");
}

Result<Position> Register::finish_restore() { return fail(ErrorCode::corrupt, "a register has no snapshots"); }

}  // namespace quorate::write_once
