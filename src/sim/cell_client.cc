#include "sim/cell_client.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "service/register_service.h"

namespace quorate::sim {
namespace {

using Outcome = CellOperation::Outcome;

constexpr std::uint64_t kKeysAtOnce = 3;

Outcome outcome_of(const CellOperation& operation, service::RegisterAnswer::Outcome outcome) {
  switch (outcome) {
    case service::RegisterAnswer::Outcome::decided: return Outcome::decided;
    case service::RegisterAnswer::Outcome::not_decided: return Outcome::not_decided;
    case service::RegisterAnswer::Outcome::timed_out: return operation.wish ? Outcome::unknown : Outcome::refused;
    case service::RegisterAnswer::Outcome::busy:
    case service::RegisterAnswer::Outcome::refused: return Outcome::refused;
  }
  return Outcome::unknown;
}

}  // namespace

CellClient::CellClient(std::uint32_t number, const WorkloadSettings& settings, Cluster& cluster, Random random,
                       std::map<GroupId, CellField>& fields, std::uint32_t groups)
    : number_(number),
      settings_(settings),
      cluster_(cluster),
      random_(random.split("client")),
      fields_(fields),
      groups_(groups) {}

void CellClient::think() {
  const auto spread = static_cast<std::uint64_t>((settings_.think_max - settings_.think_min).count());
  const Duration pause = settings_.think_min + Duration(static_cast<std::int64_t>(random_.between(0, spread)));
  cluster_.queue().schedule(cluster_.now() + pause, Owner{}, Callback<>::to<&CellClient::next>(this));
}

std::string CellClient::random_key(const CellField& field) {
  const bool looks_back = field.first_key > 1 && random_.chance(1, 8);
  return "k" + std::to_string(looks_back ? random_.between(1, field.first_key - 1)
                                         : field.first_key + random_.between(0, kKeysAtOnce - 1));
}

void CellClient::next(std::uint64_t) {
  if (stopping_ || current_) {
    return;
  }
  const auto node = static_cast<std::uint32_t>(random_.between(1, cluster_.node_count()));
  if (!cluster_.node(node).is_alive()) {
    think();
    return;
  }
  const GroupId group(random_.between(1, groups_));
  std::string key = random_key(fields_[group]);
  std::optional<std::string> wish;
  if (random_.chance(2, 3)) {
    wish = "v" + std::to_string(number_) + "." + std::to_string(sequence_ + 1);
    if (settings_.value_bytes_max > 0) {
      wish->append(random_.between(0, settings_.value_bytes_max), 'x');
    }
  }
  ask(node, group, std::move(key), std::move(wish));
}

void CellClient::ask(std::uint32_t node, GroupId group, std::string key, std::optional<std::string> wish) {
  QUORATE_ASSERT(!current_, "one operation at a time", number_);
  group_ = group;
  current_ = CellOperation{.client = number_,
                           .node = node,
                           .wish = std::move(wish),
                           .key = std::move(key),
                           .invoked = cluster_.now(),
                           .outcome = Outcome::unknown,
                           .value = {}};
  ++sequence_;
  if (!cluster_.node(node).is_alive()) {
    finish(Outcome::refused);
    return;
  }
  submit();
}

void CellClient::submit() {
  Node& node = cluster_.node(current_->node);
  const Instant deadline = node.now() + settings_.request_timeout;
  const auto to = service::RegisterAnswerTo::to<&CellClient::on_answer>(this, sequence_);
  service::RegisterService& keys = node.register_service(group_);
  if (current_->wish) {
    keys.propose(Buffer::copy_of(current_->key), Buffer::copy_of(*current_->wish), deadline, to);
  } else {
    keys.learn(Buffer::copy_of(current_->key), deadline, to);
  }
}

void CellClient::on_answer(std::uint64_t number, const service::RegisterAnswer& answer) {
  if (!current_ || number != sequence_) {
    return;
  }
  current_->value = std::string(answer.value.view());
  finish(outcome_of(*current_, answer.outcome));
}

void CellClient::on_life_ended(std::uint32_t node) {
  if (current_ && current_->node == node) {
    finish(current_->wish ? Outcome::unknown : Outcome::refused);
  }
}

void CellClient::finish(Outcome outcome) {
  current_->outcome = outcome;
  current_->returned = cluster_.now();
  last_outcome_ = outcome;
  acknowledged_ += outcome == Outcome::decided || outcome == Outcome::not_decided ? 1 : 0;
  CellField& field = fields_[group_];
  if (outcome == Outcome::decided && current_->key == "k" + std::to_string(field.first_key) && !stopping_) {
    ++field.first_key;
  }
  field.history.push_back(std::move(*current_));
  current_.reset();
  if (!stopping_) {
    think();
  }
}

}  // namespace quorate::sim
