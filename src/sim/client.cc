#include "sim/client.h"

#include "base/assert.h"
#include "service/kv_service.h"

namespace quorate::sim {
namespace {

constexpr Duration kRetryPause = std::chrono::milliseconds(5);

bool is_write(OperationKind kind) {
  switch (kind) {
    case OperationKind::range:
    case OperationKind::serializable_range:
    case OperationKind::past_range:
    case OperationKind::lease_keep_alive: return false;
    default: return true;
  }
}

OperationOutcome outcome_of(const Operation& op, const service::Answer& answer) {
  switch (answer.outcome) {
    case service::Outcome::ok: return OperationOutcome::ok;
    case service::Outcome::timed_out:
    case service::Outcome::timed_out_leader_lost:
    case service::Outcome::timed_out_connection:
    case service::Outcome::stopped: return is_write(op.kind) ? OperationOutcome::unknown : OperationOutcome::refused;
    default: return OperationOutcome::refused;  // every other outcome promises that nothing was placed
  }
}

AnswerFields read_answer(OperationKind kind, std::string_view body) {
  switch (kind) {
    case OperationKind::range:
    case OperationKind::serializable_range:
    case OperationKind::past_range: return read_range_answer(body);
    case OperationKind::erase: return read_delete_answer(body);
    case OperationKind::compare_and_put: return read_txn_answer(body);
    case OperationKind::lease_grant:
    case OperationKind::lease_keep_alive: return read_lease_answer(body);
    case OperationKind::put:
    case OperationKind::lease_revoke:
    case OperationKind::compact: return {};
  }
  return {};
}

}  // namespace

Client::Client(std::uint32_t number, const WorkloadSettings& settings, Cluster& cluster, Random random,
               std::map<GroupId, History>& histories, std::uint32_t groups)
    : number_(number),
      settings_(settings),
      cluster_(cluster),
      random_(random.split("client")),
      histories_(histories),
      groups_(groups) {}

void Client::start() { think(); }

void Client::think() {
  const auto spread = static_cast<std::uint64_t>((settings_.think_max - settings_.think_min).count());
  const Duration pause = settings_.think_min + Duration(static_cast<std::int64_t>(random_.between(0, spread)));
  cluster_.queue().schedule(cluster_.now() + pause, Owner{}, Callback<>::to<&Client::next>(this));
}

void Client::next(std::uint64_t) {
  if (stopping_ || current_) {
    return;
  }
  begin();
}

std::optional<std::uint32_t> Client::random_live_node() {
  const auto first = static_cast<std::uint32_t>(random_.between(0, cluster_.node_count() - 1));
  for (std::uint32_t i = 0; i < cluster_.node_count(); ++i) {
    const std::uint32_t node = (first + i) % cluster_.node_count() + 1;
    if (cluster_.node(node).is_alive()) {
      return node;
    }
  }
  return std::nullopt;
}

std::string Client::random_key() { return "k" + std::to_string(random_.between(1, settings_.keys)); }

void Client::begin() {
  const auto node = random_live_node();
  if (!node) {
    cluster_.queue().schedule(cluster_.now() + kRetryPause, Owner{}, Callback<>::to<&Client::next>(this));
    return;
  }
  group_ = GroupId(random_.between(1, groups_));
  Operation op;
  op.client = number_;
  op.node = *node;
  choose_operation(op);
  current_ = std::move(op);
  submit();
}

void Client::choose_operation(Operation& op) {
  op.key = random_key();
  const std::uint64_t dice = random_.between(0, 99);
  if (dice < 35) {
    op.kind = OperationKind::put;
  } else if (dice < 52) {
    op.kind = OperationKind::compare_and_put;
    op.argument = seen_revision_[{group_, op.key}];
    op.other = random_.chance(1, 3) ? random_key() : "";
  } else if (dice < 60) {
    op.kind = OperationKind::erase;
    op.end = random_.chance(1, 4) ? "k9" : "";
    op.argument = random_.chance(1, 2) ? 1 : 0;
  } else if (dice < 82) {
    op.kind = OperationKind::range;
    op.end = random_.chance(1, 3) ? "l" : "";
  } else if (dice < 89) {
    op.kind = OperationKind::serializable_range;
    op.end = random_.chance(1, 2) ? "l" : "";
  } else if (dice < 92) {
    op.kind = OperationKind::past_range;
    const auto& trail = histories_[group_].trail;
    op.argument = trail.empty() ? 1
                                : std::max<std::int64_t>(
                                      1, trail.rbegin()->first - static_cast<std::int64_t>(random_.between(0, 9)));
  } else if (dice < 94) {
    op.kind = OperationKind::compact;
    const auto& trail = histories_[group_].trail;
    op.argument = trail.empty() ? 1 : std::max<std::int64_t>(1, trail.rbegin()->first - 20);
  } else if (cluster_.now() < settings_.leases_until) {
    choose_lease_operation(op);
  } else {
    op.kind = OperationKind::put;
  }
  const bool writes_value = op.kind == OperationKind::put || op.kind == OperationKind::compare_and_put;
  op.value = writes_value ? next_value() : "";
}

/// Large ones span sectors, so that a torn write keeps a part of them.
std::string Client::next_value() {
  std::string value = "c" + std::to_string(number_) + "." + std::to_string(sequence_ + 1);
  if (settings_.value_bytes_max > 0) {
    value.resize(std::max<std::size_t>(value.size(), random_.between(0, settings_.value_bytes_max)), '.');
  }
  return value;
}

void Client::choose_lease_operation(Operation& op) {
  std::int64_t& lease = lease_[group_];
  op.key = "lease";  // only names the operation
  if (lease == 0) {
    op.kind = OperationKind::lease_grant;
    op.argument = static_cast<std::int64_t>(number_ * 1'000'000 + sequence_ + 1);
    lease = op.argument;
    return;
  }
  op.argument = lease;
  const std::uint64_t dice = random_.between(0, 9);
  if (dice < 5) {
    op.kind = OperationKind::put;
    op.key = random_key();
  } else if (dice < 8) {
    op.kind = OperationKind::lease_keep_alive;
  } else {
    op.kind = OperationKind::lease_revoke;
    lease = 0;
  }
}

void Client::submit() {
  Operation& op = *current_;
  ++sequence_;
  op.invoked = cluster_.now();
  Node& node = cluster_.node(op.node);
  service::KvService& service = node.service(group_);
  const Instant deadline = node.now() + settings_.request_timeout;
  const auto to = service::AnswerTo::to<&Client::on_answer>(this, sequence_);
  switch (op.kind) {
    case OperationKind::put: service.put(put_request(op.key, op.value, op.argument), deadline, to); return;
    case OperationKind::erase:
      service.delete_range(delete_request(op.key, op.end, op.argument != 0), deadline, to);
      return;
    case OperationKind::compare_and_put:
      service.txn(compare_and_put_request(op.key, op.argument, op.value, op.other), deadline, to);
      return;
    case OperationKind::range: service.range(range_request(op.key, op.end, 0, false), deadline, to); return;
    case OperationKind::serializable_range: service.range(range_request(op.key, op.end, 0, true), deadline, to); return;
    case OperationKind::past_range:
      service.range(range_request(op.key, op.end, op.argument, false), deadline, to);
      return;
    case OperationKind::compact: service.compact(compact_request(op.argument), deadline, to); return;
    case OperationKind::lease_grant:
      service.lease_grant(lease_grant_request(op.argument, settings_.lease_ttl_seconds), deadline, to);
      return;
    case OperationKind::lease_revoke: service.lease_revoke(lease_id_request(op.argument), deadline, to); return;
    case OperationKind::lease_keep_alive: service.lease_keep_alive(lease_id_request(op.argument), deadline, to); return;
  }
}

void Client::on_answer(std::uint64_t number, const service::Answer& answer) {
  if (!current_ || number != sequence_) {
    return;
  }
  Operation& op = *current_;
  op.returned = cluster_.now();
  op.revision = answer.revision;
  const OperationOutcome outcome = outcome_of(op, answer);
  if (outcome == OperationOutcome::ok) {
    op.answer = read_answer(op.kind, answer.body.view());
    for (const KeyValue& kv : op.answer.kvs) {
      seen_revision_[{group_, kv.key}] = kv.mod_revision;
    }
    if (op.kind == OperationKind::put || (op.kind == OperationKind::compare_and_put && op.answer.succeeded)) {
      seen_revision_[{group_, op.key}] = op.revision;
    }
    if (op.kind == OperationKind::lease_keep_alive && op.answer.ttl == 0) {
      lease_[group_] = 0;
    }
  }
  finish(outcome);
}

void Client::finish(OperationOutcome outcome) {
  current_->outcome = outcome;
  acknowledged_ += outcome == OperationOutcome::ok ? 1 : 0;
  if (is_final_) {
    final_succeeded_ = final_succeeded_ || outcome == OperationOutcome::ok;
    is_final_ = false;
  }
  histories_[group_].operations.push_back(std::move(*current_));
  current_.reset();
  if (!stopping_) {
    think();
  }
}

void Client::start_final_put(std::uint32_t node, GroupId group) {
  QUORATE_ASSERT(is_idle(), "the final put comes after the last operation", number_);
  group_ = group;
  is_final_ = true;
  final_succeeded_ = false;
  Operation op;
  op.client = number_;
  op.node = node;
  op.kind = OperationKind::put;
  op.key = random_key();
  op.value = next_value();
  current_ = std::move(op);
  submit();
}

void Client::on_life_ended(std::uint32_t node) {
  if (!current_ || current_->node != node) {
    return;
  }
  current_->returned = cluster_.now();
  ++sequence_;  // an answer that comes anyway is not for us
  finish(is_write(current_->kind) ? OperationOutcome::unknown : OperationOutcome::refused);
}

}  // namespace quorate::sim
