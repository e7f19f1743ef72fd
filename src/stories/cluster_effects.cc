// What a replica's effects do to its disk, the network and the others' books.

#include <algorithm>
#include <utility>

#include "base/match.h"
#include "stories/cluster.h"
#include "stories/words.h"

namespace quorate::stories {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string milliseconds(Duration duration) { return number(static_cast<std::uint64_t>(duration.count() / 1'000'000)); }

}  // namespace

void Cluster::run_effects(NodeId id, Node& node) {
  std::vector<Effect> effects;
  std::vector<Effect> ready;
  node.core->take_effects(effects);
  node.executor.admit(effects, ready);
  for (const Effect& effect : ready) {
    carry_out(id, node, effect);
  }
  if (node.loss.kind != Loss::Kind::none && node.core->status().loss.kind == Loss::Kind::none && !node.repaired) {
    node.repaired = node.unconfirmed.empty() ? Io() : node.unconfirmed.back().io;
    settle_loss(node, node.unconfirmed.empty() ? Io() : node.unconfirmed.front().io.previous());
  }
  if (node.executed < node.commit) {
    node.executed = node.commit;
    step(id, Applied{node.executed});
  }
  if (!node.options.manual_disk) {
    confirm(id, node, node.unconfirmed.size());
  }
}

void Cluster::carry_out(NodeId id, Node& node, const Effect& effect) {
  if (std::string broken = law == nullptr ? std::string() : law->check(*this, id, effect); !broken.empty()) {
    violation(name_of(id) + " " + broken);
  }
  const auto tell = [&](std::string text) { say(id, std::move(text)); };
  std::visit(Match{[&](const Persist& one) {
                     std::string text = "writes";
                     if (node.options.manual_disk) {
                       text += " (" + number(one.io.value()) + ")";
                     }
                     text += ": " + persist_words(one, protocol_.state_words, protocol_.cell_words);
                     say(id, std::move(text), Happening::Kind::wrote);
                     for (const PersistOp& op : one.ops) {
                       if (const auto* reset = std::get_if<ResetTo>(&op)) {
                         carry_out_reset(id, node, *reset);
                       }
                     }
                     node.written.apply(one);
                     node.unconfirmed.push_back(one);
                   },
                   [&](const Send& one) { carry_out_send(id, node, one); },
                   [&](const Commit& one) { carry_out_commit(id, node, one.up_to); },
                   [&](const Chosen& one) { carry_out_chosen(id, node, one); },
                   [&](const Placed& one) { tell("placed " + context_name(one.context) + " at " + words(one.id)); },
                   [&](const Dropped& one) {
                     tell("dropped " + context_name(one.context) +
                          (one.outcome == Dropped::Outcome::never ? ": no effect" : ": outcome unknown"));
                   },
                   [&](const ServeRead& one) { carry_out_read(id, node, one); },
                   [&](const SendSnapshot& one) {
                     say(id, "a snapshot of at least " + number(one.at_least.value()), Happening::Kind::sent, one.to);
                     snapshots.push_back({id, one.to});
                   },
                   [&](const InstallSnapshot& one) {
                     tell("asks " + name_of(one.from) + " for the snapshot " + words(one.id));
                     asked_.insert({id, one.id.position});
                   },
                   [&](const ConfigurationChanged& one) {
                     tell("uses " + membership_words(one.membership) + " of " + words(one.id) +
                          (one.committed ? ", committed" : ", not committed"));
                   },
                   [&](const SetTimer& one) {
                     node.timers.insert(one.kind);
                     if (shows_timers) {
                       tell(std::string(timer_words(one.kind)) + " timer in " + milliseconds(one.min) + ".." +
                            milliseconds(one.max) + " ms");
                     }
                   },
                   [&](const CancelTimer& one) { node.timers.erase(one.kind); },
                   [&](const RoleChanged& one) {
                     say(id,
                         std::string(name_of(one.to)) + " in term " + words(one.tag) +
                             (one.leader.is_none() ? "" : ", leader " + name_of(one.leader)) + ": " +
                             std::string(one.why),
                         Happening::Kind::role, {}, one.to);
                     if (one.to == Role::leader) {
                       const auto [known, is_new] = leaders_.try_emplace(one.tag, id);
                       if (!is_new && known->second != id) {
                         violation("two leaders in term " + words(one.tag));
                       }
                     }
                   },
                   [&](const Trace& one) {
                     branches_.insert(one.event.name);
                     say(id, std::string(one.event.name) + " " + number(one.event.a) + " " + number(one.event.b),
                         Happening::Kind::branched);
                   }},
             effect);
}

void Cluster::carry_out_chosen(NodeId id, Node& node, const Chosen& chosen) {
  const std::string cell(chosen.key.view());
  const std::string value(chosen.payload.view());
  if (!node.known.contains(cell)) {
    say(id, "knows that " + cell + " is " + value);
  }
  if (protocol_.keeps_log()) {
    violation(name_of(id) + " decides a cell");
  }
  if (!proposed_.contains({cell, value})) {
    violation(name_of(id) + " takes " + cell + " for " + value + ", which nobody proposed");
  }
  const auto [known, is_new] = decided_.try_emplace(cell, value);
  if (!is_new && known->second != value) {
    violation(cell + " was decided as " + known->second + " and as " + value);
  }
  node.known.try_emplace(cell, value);
}

void Cluster::carry_out_read(NodeId id, Node& node, const ServeRead& read) {
  const std::string name = context_name(read.context);
  if (!protocol_.keeps_log()) {
    const auto known = node.known.find(name);
    say(id, "may serve " + name + ": " + (known == node.known.end() ? "nothing is decided" : known->second));
    if (known == node.known.end() && decided_at_read_.contains(read.context)) {
      violation(name_of(id) + " serves " + name + " as not decided to a read that began when it was");
    }
    return;
  }
  say(id, "may serve " + name + " at " + number(read.position.value()));
  if (read.position < committed_at_read_[read.context]) {
    violation(name_of(id) + " serves a read at " + number(read.position.value()) + " that began when " +
              number(committed_at_read_[read.context].value()) + " was committed");
  }
}

void Cluster::carry_out_send(NodeId id, Node& node, const Send& send) {
  Packet packet{.from = id, .to = send.to, .message = send.message, .entries = {}};
  if (send.attach) {
    const auto last = node.written.log.find(send.attach->last);
    if (last == node.written.log.end() || last->second.id.tag != send.attach->last_tag ||
        !node.written.log.contains(send.attach->first)) {
      say(id, message_words(packet) + " (not sent: replaced)", Happening::Kind::lost, send.to);
      step(id, SendDropped{send.to, send.attach->first, send.attach->last});
      return;
    }
    for (Position at = send.attach->first; at <= send.attach->last; at = at.next()) {
      packet.entries.push_back(node.written.log.at(at));
    }
  }
  const bool is_cut = cut_links.contains({id, send.to});
  say(id, message_words(packet) + (is_cut ? " (lost)" : ""), is_cut ? Happening::Kind::lost : Happening::Kind::sent,
      send.to);
  if (!is_cut) {
    network.push_back(std::move(packet));
  }
}

/// The node's state becomes that of the snapshot.
void Cluster::carry_out_reset(NodeId id, Node& node, const ResetTo& reset) {
  const EntryId& snapshot = reset.snapshot;
  const auto known = committed_.find(snapshot.position);
  if (known == committed_.end() || known->second.id != snapshot) {
    violation(name_of(id) + " goes over to a snapshot of " + words(snapshot) + ", which was not committed");
  }
  if (snapshot.position <= node.commit) {
    violation(name_of(id) + " goes back to " + words(snapshot) + " after " + number(node.commit.value()));
  }
  if (const auto entry = node.written.log.find(snapshot.position);
      !reset.keeps_later && entry != node.written.log.end() && entry->second.id == snapshot) {
    violation(name_of(id) + " drops a log that has " + words(snapshot) + " and may have been acknowledged");
  }
  node.commit = snapshot.position;
  node.executed = snapshot.position;
}

void Cluster::carry_out_commit(NodeId id, Node& node, Position up_to) {
  say(id, "commits " + number(up_to.value()));
  if (up_to <= node.commit) {
    violation(name_of(id) + " commits " + number(up_to.value()) + " after " + number(node.commit.value()));
  }
  for (Position at = node.commit.next(); at <= up_to; at = at.next()) {
    const auto entry = node.written.log.find(at);
    if (entry == node.written.log.end()) {
      violation(name_of(id) + " commits " + number(at.value()) + ", which is not in its log");
      continue;
    }
    const auto [known, is_new] = committed_.try_emplace(at, entry->second);
    if (!is_new && !(known->second == entry->second)) {
      violation("position " + number(at.value()) + " was committed as " + words(known->second) + " and as " +
                words(entry->second));
    }
  }
  node.commit = std::max(node.commit, up_to);
}

}  // namespace quorate::stories
