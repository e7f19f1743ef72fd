#pragma once
// I-12 Log matching: if two logs hold an entry with the same position and term, they are equal up to it (Ongaro and
// Ousterhout 2014, figure 3). It follows by induction from: everybody writes the same entry behind the same
// predecessor, which is checked here. Of protocols whose ids identify a prefix: this is what that means.

#include <map>

#include "sim/invariants/invariant.h"
#include "sim/ledger.h"

namespace quorate::sim {

class LogMatching : public Invariant {
 public:
  explicit LogMatching(const Ledger& ledger) : ledger_(ledger) {}
  [[nodiscard]] std::string_view id() const override { return "I-12"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& /*core*/) override {
    const auto* persist = std::get_if<consensus::Persist>(&effect);
    if (persist == nullptr) {
      return {};
    }
    EntryId last;  // of this write
    for (const consensus::PersistOp& op : persist->ops) {
      const auto* put = std::get_if<consensus::Put>(&op);
      if (put == nullptr) {
        continue;
      }
      const EntryId id = put->entry.id;
      const Position before = id.position.previous();
      const Tag previous = last.position == before ? last.tag : ledger_.tag_at(replica, before);
      const auto [known, is_new] = previous_.try_emplace({replica.group, id.position, id.tag}, previous);
      if (!is_new && known->second != previous) {
        return "node " + std::to_string(replica.node) + " of group " + std::to_string(replica.group.value()) +
               " writes " + std::to_string(id.position.value()) + " of term " + std::to_string(id.tag.value()) +
               " behind an entry of term " + std::to_string(previous.value()) + ", others behind one of term " +
               std::to_string(known->second.value());
      }
      last = id;
    }
    return {};
  }

 private:
  using Key = std::tuple<GroupId, Position, Tag>;
  const Ledger& ledger_;
  std::map<Key, Tag> previous_;  ///< of each entry that anybody ever wrote: the term of the one before it
};

}  // namespace quorate::sim
