#pragma once
// I-42 A promise is never broken: who has told a proposer that it takes nothing from lower tags any more takes nothing
// from them, not in a later life either (Lamport 2001, 2.2, P1a; Ongaro and Ousterhout 2014, 5.1). Of protocols that
// tell which of their messages swear what (CoreFactory::vow_of).
//
// A promise counts from its emission on for the life that emitted it, and for ever once it has left. A replica whose
// damaged disk has lost what it promised is the exception, and says so.

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "sim/invariants/invariant.h"

namespace quorate::sim {

class PromiseKept : public Invariant {
 public:
  using VowOf = std::optional<consensus::Vow> (*)(ByteView message);
  explicit PromiseKept(VowOf vow_of) : vow_of_(vow_of) {}
  [[nodiscard]] std::string_view id() const override { return "I-42"; }

  [[nodiscard]] std::string on_effect(const ReplicaName& replica, const consensus::Effect& effect,
                                      const consensus::Core& core) override {
    const auto* send = std::get_if<consensus::Send>(&effect);
    const std::optional<consensus::Vow> vow = send == nullptr ? std::nullopt : vow_of_(send->message.view());
    if (!vow || vow->kind == consensus::Vow::Kind::proposed) {
      return {};
    }
    Sworn& sworn = sworn_[replica];
    if (core.status().loss.kind == consensus::Loss::Kind::promises) {
      sworn.told.clear();
    }
    const std::string cell(vow->cell);
    const Ballot ballot{vow->tag, vow->life};
    if (vow->kind == consensus::Vow::Kind::promised) {
      sworn.held.push_back({send->after, cell, ballot});
      release(sworn);
      return {};
    }
    Ballot promised = sworn.told[cell];
    for (const Held& held : sworn.held) {
      promised = held.cell == cell ? std::max(promised, held.ballot) : promised;
    }
    if (ballot >= promised) {
      return {};
    }
    return "node " + std::to_string(replica.node) + " of group " + std::to_string(replica.group.value()) +
           " accepts from tag " + std::to_string(vow->tag.value()) + " after it had promised " +
           std::to_string(promised.first.value());
  }

  void on_durable(const ReplicaName& replica, Io io) override {
    Sworn& sworn = sworn_[replica];
    sworn.durable = io;
    release(sworn);
  }

  void on_life_ended(std::uint32_t node) override {
    for (auto& [replica, sworn] : sworn_) {
      if (replica.node == node) {
        sworn.held.clear();
        sworn.durable = Io();
      }
    }
  }

 private:
  using Ballot = std::pair<Tag, Incarnation>;
  /// A promise that waits for a write.
  struct Held {
    Io after;
    std::string cell;
    Ballot ballot;
  };
  struct Sworn {
    std::map<std::string, Ballot> told;  ///< by cell, the highest promise that has left
    Io durable;                          ///< in this life
    std::deque<Held> held;
  };
  static void release(Sworn& sworn) {
    while (!sworn.held.empty() && sworn.held.front().after <= sworn.durable) {
      Ballot& told = sworn.told[sworn.held.front().cell];
      told = std::max(told, sworn.held.front().ballot);
      sworn.held.pop_front();
    }
  }

  VowOf vow_of_;
  std::map<ReplicaName, Sworn> sworn_;
};

}  // namespace quorate::sim
