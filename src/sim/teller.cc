#include "sim/teller.h"

#include <utility>

namespace quorate::sim {
namespace {

using stories::Happening;
using stories::persist_words;
using stories::words;

constexpr std::size_t kTimeWidth = 12;

std::vector<NodeId> node_ids(std::uint32_t count) {
  std::vector<NodeId> ids;
  for (std::uint32_t i = 1; i <= count; ++i) {
    ids.emplace_back(i);
  }
  return ids;
}

std::string time_words(Instant at) {
  const auto microseconds = at.time_since_epoch().count() / 1000;
  std::string decimals = std::to_string(1000 + microseconds % 1000).substr(1);
  std::string text = std::to_string(microseconds / 1000) + "." + decimals + " ms";
  text.insert(0, text.size() < kTimeWidth ? kTimeWidth - text.size() : 0, ' ');
  return text + "  ";
}

std::string kind_words(const Operation& op) {
  const std::string range = op.key + (op.end.empty() ? "" : ".." + op.end);
  const std::string argument = std::to_string(op.argument);
  switch (op.kind) {
    case OperationKind::put: return "put " + op.key + " = " + op.value.substr(0, 12);
    case OperationKind::erase: return "delete " + range;
    case OperationKind::compare_and_put:
      return "if " + op.key + " is of revision " + argument + " put it = " + op.value.substr(0, 12);
    case OperationKind::range: return "read " + range;
    case OperationKind::serializable_range: return "read " + range + " serializably";
    case OperationKind::past_range: return "read " + range + " at revision " + argument;
    case OperationKind::lease_grant: return "grant lease " + argument;
    case OperationKind::lease_revoke: return "revoke lease " + argument;
    case OperationKind::lease_keep_alive: return "keep lease " + argument + " alive";
    case OperationKind::compact: return "compact up to " + argument;
  }
  return "?";
}

std::string outcome_words(const Operation& op) {
  switch (op.outcome) {
    case OperationOutcome::refused: return "without effect";
    case OperationOutcome::unknown: return "outcome unknown";
    case OperationOutcome::ok: break;
  }
  std::string text = "ok at revision " + std::to_string(op.revision);
  for (const KeyValue& kv : op.answer.kvs) {
    text += " " + kv.key + "=" + kv.value.substr(0, 12) + "@" + std::to_string(kv.mod_revision);
  }
  return text;
}

}  // namespace

void Teller::Kept::apply(const consensus::Persist& write) {
  for (const consensus::PersistOp& op : write.ops) {
    if (const auto* small = std::get_if<consensus::SetState>(&op)) {
      state = small->blob;
    } else if (const auto* put = std::get_if<consensus::Put>(&op)) {
      log[put->entry.id.position] = put->entry.id.tag;
    } else if (const auto* cut = std::get_if<consensus::TruncateFrom>(&op)) {
      log.erase(log.lower_bound(cut->position), log.end());
    } else if (const auto* discard = std::get_if<consensus::DiscardBelow>(&op)) {
      log.erase(log.begin(), log.upper_bound(discard->id.position));
      base = discard->id;
    } else if (const auto* reset = std::get_if<consensus::ResetTo>(&op)) {
      log.clear();
      base = reset->snapshot;
    }
  }
}

Teller::Teller(const Story& story, std::uint32_t nodes, std::uint32_t groups)
    : story_(story), groups_(groups), lanes_(node_ids(nodes), story.print) {
  lanes_.draw_legend();
  if (groups_ > 1) {
    lanes_.say("lanes show the roles in group 1 of " + std::to_string(groups_));
  }
  lanes_.say("");
  set_time(Instant());
}

void Teller::set_time(Instant now) { when_ = time_words(now); }

std::string Teller::group_words(GroupId group) const {
  return groups_ == 1 ? "" : "[g" + std::to_string(group.value()) + "] ";
}

void Teller::tell(Happening::Kind kind, const ReplicaName& replica, std::string text, NodeId other) {
  lanes_.draw({.kind = kind,
               .node = NodeId(replica.node),
               .other = other,
               .text = group_words(replica.group) + std::move(text)},
              when_);
}

void Teller::say(const std::string& text) { lanes_.draw({.text = text}, when_); }

void Teller::on_core_start(const ReplicaName& replica, const consensus::PersistedState& state) {
  Kept& kept = kept_[replica];
  kept = {.state = state.state, .base = state.discarded, .log = {}};
  for (const consensus::PersistedState::Slot& slot : state.log) {
    kept.log[slot.id.position] = slot.id.tag;
  }
  writes_.erase(replica);
  tell(Happening::Kind::began, replica, "starts; its disk holds " + kept_words(replica));
}

void Teller::on_core_effect(const ReplicaName& replica, const consensus::Effect& effect) {
  if (const auto* write = std::get_if<consensus::Persist>(&effect)) {
    tell(Happening::Kind::wrote, replica,
         "writes (" + std::to_string(write->io.value()) +
             "): " + persist_words(*write, story_.state_words, story_.cell_words));
    writes_[replica].push_back(*write);
  } else if (const auto* send = std::get_if<consensus::Send>(&effect)) {
    std::string text = story_.message_words(send->message.view());
    if (text.empty()) {
      return;
    }
    if (send->attach) {
      text +=
          ", with " + std::to_string(send->attach->first.value()) + ".." + std::to_string(send->attach->last.value());
    }
    if (!send->after.is_none() && !writes_[replica].empty() && writes_[replica].back().io >= send->after &&
        writes_[replica].front().io <= send->after) {
      text += ", after write " + std::to_string(send->after.value());
    }
    tell(Happening::Kind::sent, replica, std::move(text), send->to);
  } else if (const auto* commit = std::get_if<consensus::Commit>(&effect)) {
    tell(Happening::Kind::said, replica, "commits " + std::to_string(commit->up_to.value()));
  } else if (const auto* chosen = std::get_if<consensus::Chosen>(&effect)) {
    tell(Happening::Kind::said, replica,
         "knows that " + std::string(chosen->key.view()) + " is " + std::string(chosen->payload.view()));
  } else if (const auto* change = std::get_if<consensus::RoleChanged>(&effect)) {
    const bool shows = groups_ == 1 || replica.group == GroupId(1);
    lanes_.draw({.kind = shows ? Happening::Kind::role : Happening::Kind::said,
                 .node = NodeId(replica.node),
                 .role = change->to,
                 .text = group_words(replica.group) + std::string(name_of(change->to)) + " in term " +
                         std::to_string(change->tag.value()) +
                         (change->leader.is_none() ? "" : ", leader " + stories::name_of(change->leader)) + ": " +
                         std::string(change->why)},
                when_);
  } else if (const auto* branch = std::get_if<consensus::Trace>(&effect)) {
    tell(Happening::Kind::branched, replica,
         std::string(branch->event.name) + " " + std::to_string(branch->event.a) + " " +
             std::to_string(branch->event.b));
  }
}

void Teller::on_core_receive(const ReplicaName& replica, const consensus::Receive& receive) {
  std::string text = story_.message_words(receive.message);
  if (text.empty()) {
    return;
  }
  if (!receive.entries.empty()) {
    text += ", with " + std::to_string(receive.entries.front().id.position.value()) + ".." +
            std::to_string(receive.entries.back().id.position.value());
  }
  tell(Happening::Kind::arrived, replica, std::move(text), receive.from);
}

void Teller::on_core_durable(const ReplicaName& replica, Io io) {
  std::deque<consensus::Persist>& writes = writes_[replica];
  while (!writes.empty() && writes.front().io <= io) {
    kept_[replica].apply(writes.front());
    writes.pop_front();
  }
  tell(Happening::Kind::durable, replica, "write " + std::to_string(io.value()) + " is durable");
}

void Teller::on_events(const ReplicaName& replica, std::int64_t revision, std::span<const kv::Event> events) {
  std::string text = "executes revision " + std::to_string(revision) + ":";
  for (const kv::Event& event : events) {
    const Change change = change_of(event);
    text += change.is_erase ? " delete " + change.key : " put " + change.key + " = " + change.value.substr(0, 12);
  }
  tell(Happening::Kind::said, replica, std::move(text));
}

void Teller::on_fault(Fault fault, std::uint32_t node) {
  lanes_.draw({.node = NodeId(node), .text = "FAULT " + std::string(fault_name(fault))}, when_);
}

void Teller::on_life_ended(std::uint32_t node) {
  for (const auto& [replica, kept] : kept_) {
    if (replica.node == node) {
      tell(Happening::Kind::ended, replica, "ends; its disk keeps for certain " + kept_words(replica));
    }
  }
}

void Teller::on_operation(GroupId group, const Operation& operation) {
  std::string asked_at = time_words(operation.invoked);
  asked_at = asked_at.substr(asked_at.find_first_not_of(' '));
  asked_at.erase(asked_at.find_last_not_of(' ') + 1);
  say("client " + std::to_string(operation.client) + " asked n" + std::to_string(operation.node) + " at " + asked_at +
      ": " + group_words(group) + kind_words(operation) + " -> " + outcome_words(operation));
}

void Teller::tell_disks() {
  lanes_.flush();
  for (const auto& [replica, kept] : kept_) {
    lanes_.say("disk of n" + std::to_string(replica.node) + ": " + group_words(replica.group) + kept_words(replica));
  }
}

/// "term 2 vote n3, log [..7@1] 8..20@1 21@2"
std::string Teller::kept_words(const ReplicaName& replica) {
  const Kept& kept = kept_[replica];
  std::string text = story_.state_words(kept.state.view()) + ", log";
  if (!kept.base.position.is_none()) {
    text += " [.." + words(kept.base) + "]";
  }
  for (auto first = kept.log.begin(); first != kept.log.end();) {
    auto last = first;
    auto next = std::next(first);
    while (next != kept.log.end() && next->second == first->second && next->first == last->first.next()) {
      last = next++;
    }
    text += " " + (first == last ? "" : std::to_string(first->first.value()) + "..") +
            words(EntryId{last->first, last->second});
    first = next;
  }
  return text;
}

}  // namespace quorate::sim
