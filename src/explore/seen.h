#pragma once
// The worlds that a search has met and how, without those for which another one stands.
//
// A world with more mail can do all that an otherwise equal one can: what was sent need not arrive. So of worlds with
// equal replicas, budget and history only the ones with the most mail are kept.
//
// Invariants: 1. no kept world is covered by another kept one (of no more events, where a shortest history is wanted).
// 2. worlds are told apart by 64-bit hashes of replicas, budget and history; mail is compared as it is. Owned by a
// search.

#include <cstdint>
#include <vector>

#include "explore/blocks.h"
#include "explore/mail.h"
#include "explore/number_map.h"
#include "explore/world.h"

namespace quorate::explore {

class Seen {
 public:
  /// How a world was reached first.
  struct Origin {
    std::uint32_t parent = 0;
    std::uint16_t turn = 0;    ///< which of the parent's
    std::uint16_t events = 0;  ///< from the beginning
  };
  struct Options {
    std::size_t nodes = 0;
    bool keeps_all = false;  ///< a world stands for itself only
    bool shortest = false;   ///< and for none that is reached by fewer events
  };

  Seen(const MailTable& mail, Options options) : mail_(mail), options_(options), links_(options.nodes + 2) {}

  /// The world's number; none: a kept world stands for it. Those for which it stands are let go.
  [[nodiscard]] std::uint32_t insert(const World& world, const Origin& origin);
  [[nodiscard]] bool is_kept(std::uint32_t number) const { return !is_let_go_[number]; }
  [[nodiscard]] const Origin& origin(std::uint32_t number) const { return *origins_[number]; }
  /// That were kept when they came.
  [[nodiscard]] std::uint64_t size() const { return origins_.size(); }

 private:
  /// Worlds that are equal but for their mail: a chain. The words of a link are the mail of each node, the world's
  /// number, and the next link.
  [[nodiscard]] bool covers(const std::uint32_t* link, const World& world, std::size_t events) const;
  [[nodiscard]] bool is_covered_by(const std::uint32_t* link, const World& world, std::size_t events) const;

  const MailTable& mail_;
  Options options_;
  NumberMap first_link_;
  Blocks<std::uint32_t> links_;
  Blocks<Origin> origins_;  ///< by number
  std::vector<bool> is_let_go_;
};

}  // namespace quorate::explore
