#include "tests/protocols/async_copy/async_copy.h"

#include <algorithm>
#include <map>
#include <utility>

#include "codec/reader.h"
#include "codec/writer.h"

namespace quorate::async_copy {
namespace {

using namespace consensus;  // NOLINT(google-build-using-namespace): this file speaks the contract's words throughout

constexpr std::uint64_t kNodes = 10;  // era 23 is n3's: no two primaries have the same

/// From the primary: what is attached follows `end`. From the others: everything up to `end` is copied.
struct Message {
  Tag era;
  EntryId end;
  Position commit;  ///< the primary's, plus 1; none: from another
};

Buffer bytes_of(std::initializer_list<std::uint64_t> numbers) {
  codec::Writer writer;
  std::ranges::for_each(numbers, [&](std::uint64_t number) { writer.u64(number); });
  return writer.take_buffer();
}

Message decode(ByteView bytes) {
  codec::Reader reader(bytes);
  const std::uint64_t era = reader.u64(), position = reader.u64(), tag = reader.u64(), commit = reader.u64();
  return reader.finished() ? Message{Tag(era), {Position(position), Tag(tag)}, Position(commit)} : Message{};
}

class AsyncCopy final : public Core {
 public:
  AsyncCopy(const CoreConfig& config, const PersistedState& state) : config_(config), commit_(state.applied) {
    era_ = Tag(codec::Reader(state.state.view()).u64());  // 0 if there is none
    std::ranges::for_each(state.log, [this](const auto& slot) { tags_.push_back(slot.id.tag); });
    durable_ = last();
    await_primary();
  }

  void step(Instant, const Input& input) override {
    if (const auto* timer = std::get_if<TimerFired>(&input)) {
      timer->kind == TimerKind::election ? take_over() : copy_to_all();
    } else if (const auto* receive = std::get_if<Receive>(&input)) {
      const Message message = decode(receive->message);
      if (is_primary() && message.era == era_) {
        copied_[receive->from] = std::min(message.end.position, last());
      } else if (message.era >= era_ && !message.commit.is_none()) {
        take_copy(*receive, message);
      }
    } else if (const auto* propose = std::get_if<Propose>(&input); propose != nullptr && is_primary()) {
      place(*propose);
    } else if (propose != nullptr) {
      std::ranges::for_each(propose->batch, [this](const auto& one) { emit(Dropped{one.context}); });
    } else if (const auto* read = std::get_if<Read>(&input)) {
      is_primary() ? emit(ServeRead{read->context, commit_}) : emit(Dropped{read->context});
    } else if (const auto* change = std::get_if<Reconfigure>(&input)) {
      emit(Dropped{change->context, Dropped::Outcome::never, ReconfigureRefusal::not_leader});
    } else if (const auto* persisted = std::get_if<Persisted>(&input)) {
      for (; !writes_.empty() && writes_.front().first <= persisted->io; writes_.erase(writes_.begin())) {
        durable_ = writes_.front().second;
      }
      advance_commit();
    }
  }
  void take_effects(std::vector<Effect>& out) override {
    std::ranges::move(std::exchange(effects_, {}), std::back_inserter(out));
  }
  CoreStatus status() const override { return {role_, era_, primary_, last(), commit_, config_.initial_membership}; }
  std::unique_ptr<Core> clone() const override { return std::make_unique<AsyncCopy>(*this); }
  void hash_into(Hasher& hasher) const override { hasher.add(era_), hasher.add(last()), hasher.add(commit_); }

 private:
  void emit(Effect effect) { effects_.push_back(std::move(effect)); }
  void persist(std::vector<PersistOp> ops) {
    if (!ops.empty()) {
      io_ = io_.next();
      writes_.emplace_back(io_, last());
      emit(Persist{io_, std::move(ops)});
    }
  }
  void send(NodeId to, EntryId end, Position commit, std::optional<Attach> entries, Io after) {
    const auto bytes = bytes_of({era_.value(), end.position.value(), end.tag.value(), commit.value()});
    emit(Send{to, bytes, entries, after});
  }
  [[nodiscard]] bool is_primary() const { return role_ == Role::leader; }
  [[nodiscard]] Position last() const { return Position(tags_.size()); }
  [[nodiscard]] EntryId id_at(Position at) const { return {at, at.is_none() ? Tag() : tags_[at.value() - 1]}; }
  void await_primary() { emit(SetTimer{TimerKind::election, config_.election_timeout, 2 * config_.election_timeout}); }
  void enter(Tag era, Role role, NodeId primary, std::string_view why) {
    emit(RoleChanged{std::exchange(role_, role), role, era, primary, why});
    era_ = era;
    primary_ = primary;
    persist({SetState{bytes_of({era.value()})}});
    state_io_ = io_;
  }

  // The primary: asks nobody whether it may lead, and waits for nobody before it acknowledges.
  void take_over() {
    const std::uint64_t next = era_.value() / kNodes + 1;
    enter(Tag(next * kNodes + config_.self.value()), Role::leader, config_.self, "no word from the primary");
    copied_.clear();
    copy_to_all();
  }
  void place(const Propose& propose) {
    std::vector<PersistOp> puts;
    for (const Proposal& proposal : propose.batch) {
      tags_.push_back(era_);
      puts.emplace_back(Put{{id_at(last()), EntryKind::command, proposal.payload}});
      emit(Placed{proposal.context, id_at(last())});
    }
    persist(std::move(puts));
    copy_to_all();
  }
  void copy_to_all() {
    for (const NodeId node : config_.initial_membership.all_nodes()) {
      if (node != config_.self) {
        const Position from = copied_.try_emplace(node, last()).first->second;
        const Position to(std::min(last().value(), from.value() + config_.max_entries_per_message));
        const auto entries = to > from ? std::optional(Attach{from.next(), to, id_at(to).tag}) : std::nullopt;
        send(node, id_at(from), commit_.next(), entries, state_io_);
      }
    }
    emit(SetTimer{TimerKind::heartbeat, config_.heartbeat_interval, config_.heartbeat_interval});
  }
  void take_copy(const Receive& receive, const Message& message) {
    if (message.era > era_) {
      enter(message.era, Role::follower, receive.from, "another node is the primary");
      emit(CancelTimer{TimerKind::heartbeat});
    }
    await_primary();
    // A log that has gone another way stays as it is: replication is broken, and a person has to find out.
    const bool follows = message.end.position <= last() && id_at(message.end.position) == message.end;
    std::vector<PersistOp> puts;
    for (const Entry& entry : receive.entries) {
      if (follows && entry.id.position == last().next()) {
        tags_.push_back(entry.id.tag);
        puts.emplace_back(Put{entry});
      }
    }
    persist(std::move(puts));
    wanted_ = follows ? message.commit.previous() : wanted_;
    advance_commit();
    send(receive.from, id_at(follows ? last() : commit_), {}, std::nullopt, io_);
  }
  void advance_commit() {
    if (const Position reached = is_primary() ? durable_ : std::min(wanted_, durable_); reached > commit_) {
      commit_ = reached;
      emit(Commit{commit_});
    }
  }

  CoreConfig config_;
  std::vector<Tag> tags_;  ///< the log; it is never cut
  Role role_ = Role::follower;
  Tag era_;
  NodeId primary_;
  Position commit_, wanted_, durable_;
  Io io_, state_io_;
  std::vector<std::pair<Io, Position>> writes_;  ///< not durable yet, with the log's end after each
  std::map<NodeId, Position> copied_;
  std::vector<Effect> effects_;
};

std::string message_words(ByteView bytes) {
  const Message message = decode(bytes);
  const std::string at = std::to_string(message.end.position.value());
  return message.era.is_none() ? "(no message)" : (message.commit.is_none() ? "has " : "copy behind ") + at;
}
std::string state_words(ByteView blob) { return "era " + std::to_string(codec::Reader(blob).u64()); }

}  // namespace

const Protocol& protocol() {
  static const Protocol kProtocol{
      .cores = {.protocol = "async_copy",
                .make = [](const auto& config,
                           const auto& state) { return std::make_unique<AsyncCopy>(config, state); },
                .commits_by_quorum = false},
      .message_words = &message_words,
      .state_words = &state_words};
  return kProtocol;
}

}  // namespace quorate::async_copy
