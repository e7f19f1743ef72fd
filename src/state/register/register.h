#pragma once
// A register of keys that are written once: each key is one cell of a core without a log, decided once and never
// changed.
//
// Invariants: 1. a key's value never changes; another one is a broken promise of some acceptor, and stops the node.
//             2. it holds exactly what its core has decided: the core tells it at the start of each life, from the
//             node's
//                log, so there are no records, no snapshots, and nothing to recover.
// Disk and memory: a key that is decided stays for ever, in the log (which rewrites the cells of old segments at its
// head) and in memory, here once more as a reference. Nothing but the number of keys bounds either. Owned by the
// group's runtime, on its loop.

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "state/state_machine.h"

namespace quorate::write_once {

/// Told of what is decided, as soon as this replica knows; of one key perhaps several times.
class RegisterObserver {
 public:
  virtual ~RegisterObserver() = default;
  virtual void on_decided(const Buffer& key, const Buffer& value) = 0;
};

class Register final : public state::StateMachine {
 public:
  explicit Register(RegisterObserver& observer) : observer_(observer) {}

  /// What is known here; nothing is no proof that nothing is decided.
  [[nodiscard]] std::optional<Buffer> find(ByteView key) const;
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  /// Calls `visit(key, value)` in the order of keys.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [key, value] : values_) {
      visit(key, value);
    }
  }

  // StateMachine
  void decide(const Buffer& key, const Buffer& value) override;
  void hash_into(Hasher& hasher) const override;
  [[nodiscard]] Result<Position> recover(Generation generation) override;
  [[nodiscard]] Position executed() const override { return {}; }
  void collect(Position /*durable*/, env::RecordBatch& /*batch*/) override {}
  [[nodiscard]] state::Execution execute(const EntryId& id, const Buffer& command, Callback<> ready) override;
  void skip(Position position) override;
  void begin_restore(Generation /*generation*/) override {}
  [[nodiscard]] Status restore(ByteView key, ByteView value) override;
  [[nodiscard]] Result<Position> finish_restore() override;
  void adopt_restored() override {}
  void abandon_restore() override {}

 private:
  RegisterObserver& observer_;
  std::map<std::string, Buffer, std::less<>> values_;
};

}  // namespace quorate::write_once
