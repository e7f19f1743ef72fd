#include "explore/replica.h"

#include <algorithm>

#include "base/assert.h"

namespace quorate::explore {

using namespace consensus;  // NOLINT(google-build-using-namespace): these files speak the contract's words throughout

namespace {

void add_op(Hasher& hasher, const PersistOp& op) {
  hasher.add(op.index());
  if (const auto* state = std::get_if<SetState>(&op)) {
    hasher.add(state->blob.view());
  } else if (const auto* put = std::get_if<Put>(&op)) {
    hasher.add(hash_of(put->entry));
  } else if (const auto* cut = std::get_if<TruncateFrom>(&op)) {
    hasher.add(cut->position);
  } else if (const auto* cell = std::get_if<SetCell>(&op)) {
    hasher.add(cell->key.view());
    hasher.add(cell->blob.view());
  }
}

std::uint64_t hash_of_send(const Send& send, Io durable) {
  Hasher hasher;
  hasher.add(send.to);
  hasher.add(send.message.view());
  hasher.add(send.after.value() - durable.value());
  if (send.attach) {
    hasher.add(send.attach->first);
    hasher.add(send.attach->last);
    hasher.add(send.attach->last_tag);
  }
  return hasher.value();
}

/// Messages arrive in any order and any number of times: what waits for the disk is a set too.
void add_held(Hasher& hasher, const Executor& executor) {
  std::vector<std::uint64_t> sends;
  for (const Send& send : executor.held_sends()) {
    sends.push_back(hash_of_send(send, executor.durable()));
  }
  std::ranges::sort(sends);
  const auto repeated = std::ranges::unique(sends);
  for (auto send = sends.begin(); send != repeated.begin(); ++send) {
    hasher.add(*send);
  }
}

/// How many writes ago the small state was written last, none of them synced; 0: it is durable.
std::uint64_t unsynced_state(const Replica& replica) {
  const auto holds_state = [](const Persist& write) {
    return std::ranges::any_of(write.ops, [](const PersistOp& op) { return std::holds_alternative<SetState>(op); });
  };
  const auto last = std::find_if(replica.unconfirmed.rbegin(), replica.unconfirmed.rend(), holds_state);
  return last == replica.unconfirmed.rend() ? 0 : static_cast<std::uint64_t>(last - replica.unconfirmed.rbegin()) + 1;
}

/// Terms and lives weigh most, then the log: each counts more than what may follow from it.
std::uint32_t rank_of(const Replica& replica, const CoreStatus& status, std::uint64_t round) {
  const std::uint64_t role = replica.role == Role::leader ? 4U : replica.role == Role::candidate ? 1U : 0U;
  const std::uint64_t rank = 8 * (round + replica.life.value()) + 4 * status.last.value() +
                             2 * replica.durable.log.size() + status.commit.value() + role + 4 * replica.decided.size();
  return static_cast<std::uint32_t>(rank);
}

}  // namespace

std::uint64_t hash_of(const Entry& entry) {
  Hasher hasher;
  hasher.add(entry.id.position);
  hasher.add(entry.id.tag);
  hasher.add(static_cast<std::uint64_t>(entry.kind));
  hasher.add(entry.payload.view());
  return hasher.value();
}

void Disk::apply(const Persist& write) {
  for (const PersistOp& op : write.ops) {
    if (const auto* set = std::get_if<SetState>(&op)) {
      state = set->blob;
    } else if (const auto* put = std::get_if<Put>(&op)) {
      const std::size_t at = put->entry.id.position.value() - 1;
      log.resize(std::max(log.size(), at + 1));
      log[at] = put->entry;
    } else if (const auto* cut = std::get_if<TruncateFrom>(&op)) {
      log.resize(std::min<std::size_t>(log.size(), cut->position.value() - 1));
    } else if (const auto* cell = std::get_if<SetCell>(&op)) {
      cells[std::string(cell->key.view())] = cell->blob;
    } else {
      QUORATE_ASSERT(false, "no snapshots in explored worlds", op.index());
    }
  }
}

const Entry* Disk::find(Position position) const {
  if (position.is_none() || position.value() > log.size()) {
    return nullptr;
  }
  const Entry& entry = log[position.value() - 1];
  return entry.id.position.is_none() ? nullptr : &entry;
}

bool Disk::has(EntryId id) const {
  const Entry* entry = find(id.position);
  return entry != nullptr && entry->id == id;
}

void Disk::hash_into(Hasher& hasher) const {
  hasher.add(state.view());
  hasher.add(log.size());
  for (const Entry& entry : log) {
    hasher.add(hash_of(entry));
  }
  for (const auto& [name, blob] : cells) {
    hasher.add(name);
    hasher.add(blob.view());
  }
}

Replica Replica::copy() const {
  return {.id = id,
          .life = life,
          .core = core->clone(),
          .executor = executor,
          .durable = durable,
          .written = written,
          .unconfirmed = unconfirmed,
          .disk_hangs = disk_hangs,
          .timers = timers,
          .commit = commit,
          .decided = decided};
}

void Replica::seal(std::uint64_t round) {
  const CoreStatus status = core->status();
  role = status.role;
  rank = rank_of(*this, status, round);
  Hasher hasher;
  hasher.add(id);
  hasher.add(life);
  core->hash_into(hasher);
  durable.hash_into(hasher);
  if (disk_hangs) {
    // The next crash takes all that is not synced, in whatever order it was written, and what waits for it never
    // leaves.
    written.hash_into(hasher);
    hasher.add(unsynced_state(*this));
  } else {
    hasher.add(unconfirmed.size() + 1);
    for (const Persist& write : unconfirmed) {
      hasher.add(write.ops.size());
      for (const PersistOp& op : write.ops) {
        add_op(hasher, op);
      }
    }
    add_held(hasher, executor);
  }
  hasher.add(std::uint64_t{timers});
  hasher.add(commit);
  for (const auto& [name, value] : decided) {
    hasher.add(name);
    hasher.add(value);
  }
  hash = hasher.value();
}

void Replica::arm(TimerKind kind, bool on) {
  const auto bit = static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind));
  timers = static_cast<std::uint8_t>(on ? timers | bit : timers & ~bit);
}

void Packet::seal() {
  Hasher hasher;
  hasher.add(from);
  hasher.add(to);
  hasher.add(message.view());
  for (const Entry& entry : entries) {
    hasher.add(hash_of(entry));
  }
  hash = hasher.value();
}

}  // namespace quorate::explore
