#include "group/mender.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/match.h"
#include "base/plant.h"

namespace quorate::group {
void Mender::lacks(GroupId group, std::vector<storage::LogEntry> entries) {
  QUORATE_ASSERT(!entries.empty(), "who lacks nothing is whole", group);
  Gap& gap = gaps_[group];
  gap.missing = entries.size();
  gap.is_there.assign(entries.size(), false);
  gap.entries = std::move(entries);
}

void Mender::start() {
  if (!gaps_.empty()) {
    ask_again(0);
  }
}

void Mender::stop() {
  is_stopped_ = true;
  gaps_.clear();
  debts_.clear();
  node_.loop.cancel(timer_);
  timer_ = 0;
}

// ---- what this node lacks ---------------------------------------------------------------------------------

void Mender::ask_again(std::uint64_t) {
  timer_ = 0;
  end_mended();
  end_needless();
  if (gaps_.empty() || is_stopped_) {
    return;
  }
  for (const peer::LinkStatus& link : node_.mesh->links()) {
    if (link.up) {
      on_peer_up(link.node);
    }
  }
  if (QUORATE_PLANT(payloads_asked_once)) {
    return;
  }
  timer_ = node_.loop.arm(node_.clock.now() + pace_.ask_every, Callback<>::to<&Mender::ask_again>(this));
}

void Mender::on_peer_up(NodeId node) {
  for (const auto& [group, gap] : gaps_) {
    ask(node, group, gap);
  }
}

void Mender::ask(NodeId node, GroupId group, const Gap& gap) {
  PayloadQuestion question;
  for (std::size_t i = 0; i < gap.entries.size() && question.entries.size() < kMostAskedAtOnce; ++i) {
    if (!gap.is_there[i]) {
      question.entries.push_back(gap.entries[i].id);
    }
  }
  if (!question.entries.empty() && send(node, group, question)) {
    trace("group.payloads_asked", group, question.entries.size());
  }
}

/// It stands in the log anew: as one that is moved, with nothing changed but the place.
void Mender::take(NodeId from, GroupId group, const PayloadAnswer& answer) {
  const auto gap = gaps_.find(group);
  if (gap == gaps_.end()) {
    return;
  }
  std::vector<storage::LogEntry>& entries = gap->second.entries;
  const auto at = std::ranges::lower_bound(entries, answer.entry.position, {},
                                           [](const storage::LogEntry& entry) { return entry.id.position; });
  const auto index = static_cast<std::size_t>(at - entries.begin());
  if (at == entries.end() || at->id != answer.entry || gap->second.is_there[index]) {
    return;  // answered twice
  }
  if (!node_.log.is_payload_of(group, answer.entry, answer.payload.view())) {
    trace("group.payload_refused", group, from.value());
    return;
  }
  at->payload = Buffer::copy_of(answer.payload.view());
  gap->second.is_there[index] = true;
  gap->second.needless_since.reset();
  --gap->second.missing;
  node_.log.append(group, Io(0), {{.kind = storage::LogOp::Kind::put, .entry = *at}});
  gap->second.last_frame = node_.log.added_frames();
  trace("group.payload_mended", group, answer.entry.position.value());
  if (gap->second.missing > 0 && (entries.size() - gap->second.missing) % kMostAskedAtOnce == 0) {
    ask(from, group, gap->second);  // as much as a question holds is there
  }
}

/// One after the other: what is told of one may stop the node, and so forget the others.
template <class Condition>
std::optional<GroupId> Mender::find_gap(Condition condition) const {
  const auto found = std::ranges::find_if(gaps_, [&condition](const auto& one) { return condition(one.second); });
  return found == gaps_.end() ? std::nullopt : std::optional(found->first);
}

void Mender::end_mended() {
  const auto is_whole = [this](const Gap& gap) {
    return gap.missing == 0 && node_.log.durable_frames() >= gap.last_frame;
  };
  while (const std::optional<GroupId> group = find_gap(is_whole)) {
    const std::vector<storage::LogEntry> entries = std::move(gaps_.extract(*group).mapped().entries);
    trace("group.log_mended", *group, entries.size());
    owner_.on_mended(*group, entries);
  }
}

void Mender::note_needless(GroupId group) {
  if (const auto gap = gaps_.find(group); gap != gaps_.end() && !gap->second.needless_since) {
    gap->second.needless_since = node_.clock.now();
  }
}

/// Nobody sends any more, and somebody goes on without: what others hold of the group is enough to make this node
/// whole.
void Mender::end_needless() {
  const auto is_given_up = [this](const Gap& gap) {
    return gap.missing > 0 && gap.needless_since && node_.clock.now() - *gap.needless_since >= pace_.patience;
  };
  while (const std::optional<GroupId> group = find_gap(is_given_up)) {
    gaps_.erase(*group);
    trace("group.mending_needless", *group, 0);
    owner_.on_needless(*group);
  }
}

void Mender::on_message(NodeId from, GroupId group, const MendMessage& message) {
  if (is_stopped_) {
    return;
  }
  std::visit(Match{[&](const PayloadQuestion& one) { answer(from, group, one); },
                   [&](const PayloadAnswer& one) { take(from, group, one); },
                   [&](const PayloadNeedless&) { note_needless(group); }},
             message);
}

// ---- what others lack -------------------------------------------------------------------------------------

void Mender::answer(NodeId from, GroupId group, const PayloadQuestion& question) {
  if (QUORATE_PLANT(who_waits_gives_no_payload) && !gaps_.empty()) {
    return;
  }
  for (const EntryId& entry : question.entries) {
    if (node_.log.tag_of(group, entry.position) == entry.tag) {
      const bool is_owed = std::ranges::any_of(
          debts_, [&](const Debt& debt) { return debt.to == from && debt.group == group && debt.entry == entry; });
      if (!is_owed && debts_.size() < kMostAskedAtOnce) {
        debts_.push_back({from, group, entry});
      }
    } else if (owner_.goes_on_without(group, entry, from)) {
      static_cast<void>(send(from, group, PayloadNeedless{}));  // else it asks again
      return;
    }
  }
  pay_debts();
}

/// One after the other: the disk has others to serve.
void Mender::pay_debts() {
  while (!debts_.empty() && !is_fetching_) {
    const Debt debt = debts_.front();
    read_.clear();
    const Position at = debt.entry.position;
    if (node_.log.tag_of(debt.group, at) != debt.entry.tag) {
      debts_.pop_front();  // cut off meanwhile
    } else if (node_.log.cached(debt.group, at, at, SIZE_MAX, read_)) {
      static_cast<void>(send(debt.to, debt.group, PayloadAnswer{debt.entry, read_.front().payload}));
      debts_.pop_front();
    } else {
      is_fetching_ = true;
      node_.log.fetch(debt.group, at, at, 1, Callback<Status>::to<&Mender::on_fetched>(this));
    }
  }
}

void Mender::on_fetched(std::uint64_t, Status status) {
  is_fetching_ = false;
  if (is_stopped_ || debts_.empty()) {
    return;
  }
  if (!status) {
    const Debt debt = debts_.front();
    debts_.pop_front();
    trace("group.payload_lost_here_too", debt.group, debt.entry.position.value());
    if (owner_.goes_on_without(debt.group, debt.entry, debt.to)) {
      static_cast<void>(send(debt.to, debt.group, PayloadNeedless{}));
    }
  }
  pay_debts();
}

bool Mender::send(NodeId to, GroupId group, const MendMessage& message) {
  const std::vector<Buffer> parts = encode_mend_message(message);
  return node_.mesh != nullptr && node_.mesh->send(to, peer::Channel::mending, group, parts);
}

}  // namespace quorate::group
