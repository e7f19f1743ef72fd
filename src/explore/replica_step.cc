#include "explore/replica_step.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "explore/words.h"

namespace quorate::explore {

using namespace consensus;  // NOLINT(google-build-using-namespace)

namespace {

/// All proposals and reads of a protocol without a log are about one cell.
constexpr ByteView kCell = "k";

/// Proposals have other contexts than reads.
constexpr std::uint64_t kProposals = 1000;

CoreConfig config_of(const Model& model, NodeId id, Incarnation life) {
  CoreConfig config{.self = id, .incarnation = life};
  for (std::size_t n = 1; n <= model.bounds.nodes; ++n) {
    config.initial_membership.voters.emplace_back(n);
  }
  // Both only keep nodes from campaigning: without them any may at any moment, so that more is explored with less.
  config.pre_vote = false;
  config.check_quorum = false;
  // A commit is told by what follows it; the word for it alone has a timer that the budget holds.
  config.commit_notice_delay = model.bounds.budget.heartbeats > 0 ? config.heartbeat_interval : Duration::max();
  config.max_entries_per_message = model.bounds.entries_per_message;
  return config;
}

/// What is said holds after a crash: no message leaves before the small state that it may reveal is durable.
std::string check_sends(const Replica& replica, const std::vector<Effect>& emitted) {
  const auto holds_state = [](const Persist& write) {
    return std::ranges::any_of(write.ops, [](const PersistOp& op) { return std::holds_alternative<SetState>(op); });
  };
  Io state;
  for (const Persist& write : replica.unconfirmed) {
    state = holds_state(write) ? write.io : state;
  }
  for (const Effect& effect : emitted) {
    if (const auto* write = std::get_if<Persist>(&effect); write != nullptr && holds_state(*write)) {
      state = write->io;
    } else if (const auto* send = std::get_if<Send>(&effect); send != nullptr && send->after < state) {
      return "durable before revealed: " + words(replica.id) + " speaks to " + words(send->to) +
             " while a crash may take its term or vote";
    }
  }
  return "";
}

class Step {
 public:
  Step(const Model& model, StepResult& result, std::vector<std::string>* story)
      : model_(model), result_(result), replica_(result.next), story_(story) {}

  void give(const Input& input) {
    replica_.core->step(Instant(), input);
    take_effects();
  }

  void take_effects() {
    std::vector<Effect> effects;
    std::vector<Effect> ready;
    replica_.core->take_effects(effects);
    if (std::string broken = check_sends(replica_, effects); !broken.empty()) {
      result_.notes.emplace_back(RuleBroken{std::move(broken)});
    }
    replica_.executor.admit(effects, ready);
    carry_out(ready);
  }

  void confirm_one() {
    const Persist write = std::move(replica_.unconfirmed.front());
    replica_.unconfirmed.erase(replica_.unconfirmed.begin());
    replica_.durable.apply(write);
    if (model_.protocol.cores.keeps_log) {
      say("its disk holds ", replica_.durable.log);
    }
    std::vector<Effect> ready;
    replica_.executor.confirm(write.io, ready);
    carry_out(ready);
    give(Persisted{write.io});
  }

  /// A time-out that only ends the trust in a leader changes nothing that others see.
  void run_out_of_patience() {
    say("its election timer runs out");
    const CoreStatus before = replica_.core->status();
    constexpr int kAtMost = 3;
    for (int i = 0; i < kAtMost && replica_.is_armed(TimerKind::election); ++i) {
      fire(TimerKind::election);
      const CoreStatus now = replica_.core->status();
      if (now.tag != before.tag || now.role != before.role) {
        return;
      }
    }
  }

  void hang() {
    say("its disk hangs: what it writes from now on is not synced");
    replica_.disk_hangs = true;
  }

  void fire(TimerKind kind) {
    replica_.arm(kind, false);
    give(TimerFired{kind});
  }

  /// One line of the story; nothing is put into words if nobody listens.
  template <class... Parts>
  void say(const Parts&... parts) {
    if (story_ != nullptr) {
      story_->push_back(words(replica_.id) + ": " + (words(parts) + ...));
    }
  }

  void tell_arrival(const Packet& packet) {
    if (story_ != nullptr) {
      say("<- ", packet.from, " ", packet_words(packet));
    }
  }

 private:
  void carry_out(const std::vector<Effect>& effects) {
    for (const Effect& effect : effects) {
      std::visit([this](const auto& one) { on(one); }, effect);
    }
  }

  template <class Other>
  void on(const Other& /*effect*/) {}  // for clients, people and snapshots, none of which are here

  void on(const Persist& write) {
    replica_.written.apply(write);
    replica_.unconfirmed.push_back(write);
    say("writes, unsynced: ", model_.protocol.cores.keeps_log ? words(replica_.written.log) : cell_words(write));
  }

  void on(const Send& send) {
    Packet packet{.from = replica_.id, .to = send.to, .message = send.message, .entries = {}};
    if (send.attach) {
      if (!replica_.written.has({send.attach->last, send.attach->last_tag})) {
        give(SendDropped{send.to, send.attach->first, send.attach->last});
        return;
      }
      for (Position at = send.attach->first; at <= send.attach->last; at = at.next()) {
        packet.entries.push_back(*replica_.written.find(at));
      }
    }
    if (story_ != nullptr) {
      say("-> ", send.to, " ", packet_words(packet));
    }
    if (send.to.value() <= model_.bounds.nodes) {
      packet.seal();
      result_.sent.push_back(std::move(packet));
    }
  }

  void on(const Commit& commit) {
    say("decides up to ", commit.up_to.value());
    const CoreStatus status = replica_.core->status();
    result_.notes.emplace_back(DecidedUpTo{
        .before = replica_.commit, .up_to = commit.up_to, .term = status.tag, .leads = status.role == Role::leader});
    replica_.commit = commit.up_to;
  }

  void on(const Chosen& chosen) {
    const std::string cell(chosen.key.view());
    const std::string value(chosen.payload.view());
    say("knows that ", cell + " is " + value);
    replica_.decided.try_emplace(cell, value);
    result_.notes.emplace_back(DecidedCell{cell, value});
  }

  void on(const ServeRead& served) {
    const Position position = model_.protocol.cores.keeps_log ? served.position : Position(replica_.decided.size());
    say("serves the read at ", position.value());
    result_.notes.emplace_back(ReadServed{served.context, position});
  }

  void on(const Dropped& dropped) {
    say("refuses what it was asked");
    result_.notes.emplace_back(ReadDropped{dropped.context});
  }

  void on(const SetTimer& timer) { replica_.arm(timer.kind, true); }
  void on(const CancelTimer& timer) { replica_.arm(timer.kind, false); }

  void on(const RoleChanged& change) {
    const bool campaigns = change.to == Role::candidate || change.to == Role::pre_candidate;
    const char* verb = change.to == Role::leader ? "leads term "
                       : campaigns               ? "campaigns in term "
                                                 : "follows in term ";
    say(verb, change.tag.value(), ": ", std::string(change.why));
    if (change.to == Role::leader) {
      result_.notes.emplace_back(LeadTaken{change.tag});
    }
  }

  void on(const ConfigurationChanged& change) {
    say("uses the members ", change.membership, change.committed ? ", decided" : "");
  }

  [[nodiscard]] std::string cell_words(const Persist& write) const {
    std::string text;
    for (const PersistOp& op : write.ops) {
      if (const auto* cell = std::get_if<SetCell>(&op); cell != nullptr && model_.protocol.cell_words != nullptr) {
        text += (text.empty() ? "" : ", ") + model_.protocol.cell_words(cell->key.view(), cell->blob.view());
      }
    }
    return text;
  }

  [[nodiscard]] std::string packet_words(const Packet& packet) const {
    return model_.protocol.message_words(packet.message.view()) +
           (packet.entries.empty() ? "" : " " + words(packet.entries));
  }

  const Model& model_;
  StepResult& result_;
  Replica& replica_;
  std::vector<std::string>* story_;
};

Replica new_life(const Model& model, NodeId id, Incarnation life, Disk disk) {
  PersistedState state;
  state.state = disk.state;
  for (const Entry& entry : disk.log) {
    if (entry.id.position.is_none()) {
      continue;
    }
    state.log.push_back({entry.id, entry.kind, entry.kind == EntryKind::configuration ? entry.payload : Buffer()});
  }
  for (const auto& [name, blob] : disk.cells) {
    state.cells.emplace_back(Buffer::copy_of(name), blob);
  }
  Replica replica{.id = id, .life = life, .durable = disk, .written = std::move(disk)};
  replica.core = model.protocol.cores.make(config_of(model, id, life), std::move(state));
  return replica;
}

/// What the disk has after a crash that spared the first `kept` unsynced writes.
Disk disk_after_crash(const Replica& replica, std::size_t kept) {
  Disk disk = replica.durable;
  for (std::size_t i = 0; i < kept; ++i) {
    disk.apply(replica.unconfirmed[i]);
  }
  return disk;
}

void act(const Model& model, const StepInput& input, const Packet* packet, const Replica& replica, Step& step) {
  switch (input.kind) {
    case InputKind::election: step.run_out_of_patience(); break;
    case InputKind::heartbeat:
      step.say("its heartbeat is due");
      step.fire(TimerKind::heartbeat);
      break;
    case InputKind::retry:
      step.say("tries again");
      step.fire(TimerKind::retry);
      break;
    case InputKind::notice:
      step.say("its word of the commit is due");
      step.fire(TimerKind::notice);
      break;
    case InputKind::deliver:
      QUORATE_ASSERT(packet != nullptr, "a delivery has a packet", input.argument);
      step.tell_arrival(*packet);
      step.give(Receive{.from = packet->from, .message = packet->message.view(), .entries = packet->entries});
      break;
    case InputKind::confirm:
      step.say("a write is synced");
      step.confirm_one();
      break;
    case InputKind::hang: step.hang(); break;
    case InputKind::propose: {
      const std::string payload = "x" + std::to_string(input.argument);
      const Buffer cell = model.protocol.cores.keeps_log ? Buffer() : Buffer::copy_of(kCell);
      step.say("is asked to place ", payload);
      step.give(Propose{
          {{.context = Context(kProposals + input.argument), .payload = Buffer::copy_of(payload), .cell = cell}}});
      break;
    }
    case InputKind::read:
      step.say("is asked for a read");
      step.give(Read{.context = Context(input.argument),
                     .cell = model.protocol.cores.keeps_log ? Buffer() : Buffer::copy_of(kCell)});
      break;
    case InputKind::reconfigure:
      step.say("is asked for the members ", model.bounds.targets[input.argument]);
      step.give(Reconfigure{Context(kProposals), model.bounds.targets[input.argument]});
      break;
    case InputKind::crash:
      step.say("crashes; of ", std::uint64_t{replica.unconfirmed.size()}, " unsynced writes its disk kept ",
               std::uint64_t{input.argument}, "; restarts");
      step.take_effects();
      break;
  }
}

void seal(const Model& model, Replica& replica) {
  const Tag tag = replica.core->status().tag;
  replica.seal(model.protocol.round_of == nullptr ? tag.value() : model.protocol.round_of(tag));
}

}  // namespace

Replica first_life(const Model& model, NodeId id) {
  StepResult result;
  result.next = new_life(model, id, Incarnation(1), Disk());
  Step(model, result, nullptr).take_effects();
  seal(model, result.next);
  return std::move(result.next);
}

StepResult take_step(const Model& model, const Replica& replica, const StepInput& input, const Packet* packet,
                     std::vector<std::string>* story) {
  StepResult result;
  result.next = input.kind == InputKind::crash
                    ? new_life(model, replica.id, replica.life.next(), disk_after_crash(replica, input.argument))
                    : replica.copy();
  Step step(model, result, story);
  act(model, input, packet, replica, step);
  while (model.bounds.reduced && !result.next.disk_hangs && !result.next.unconfirmed.empty()) {
    step.confirm_one();
  }
  seal(model, result.next);
  return result;
}

}  // namespace quorate::explore
