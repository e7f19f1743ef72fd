#include "state/kv/record_reader.h"

#include <utility>

#include "base/assert.h"

namespace quorate::kv {

void RecordReader::begin(bool keep_all) {
  ++round_;
  missed_ = 0;
  keep_all_ = keep_all;
  used_.clear();
}

env::Lookup::State RecordReader::read(Revision at, Buffer& value) {
  using State = env::Lookup::State;
  if (const Buffer* block = recent_.find(at)) {
    value = block->slice(kRevisionKeyBytes, block->size() - kRevisionKeyBytes);
    return State::value;
  }
  if (const auto held = held_.find(at); held != held_.end()) {
    value = held->second.value;
    used_.push_back(at);
    return State::value;
  }
  if (cache_.find(at, value)) {
    if (keep_all_) {
      hold(at, {value, round_});
      used_.push_back(at);
    }
    return State::value;
  }
  if (missed_ >= kMaxFetches) {
    ++missed_;
    return State::pending;
  }
  const RevisionKey key = keys_.revision(at);
  env::Lookup found = records_.get({key.data(), key.size()}, Callback<>::to<&RecordReader::on_arrived>(this, round_));
  if (found.state == State::value) {
    value = std::move(found.value);
    cache_.insert(at, value);
    if (keep_all_) {
      hold(at, {value, round_});
      used_.push_back(at);
    }
  } else if (found.state == State::pending) {
    ++missed_;
    Round& round = rounds_[round_];
    ++round.outstanding;
    round.wanted.push_back(at);
  }
  return found.state;
}

state::Execution RecordReader::finish(Callback<> ready) {
  keep_all_ = false;
  if (missed_ > 0) {
    rounds_[round_].ready = ready;
    return state::Execution::pending;
  }
  for (const Revision at : used_) {
    if (const auto held = held_.find(at); held != held_.end()) {
      held_bytes_ -= held->second.value.size();
      if (!held->second.is_of_page) {
        cache_.insert(at, held->second.value);
      }
      held_.erase(held);
    }
  }
  used_.clear();
  return state::Execution::done;
}

bool RecordReader::is_at_hand(Revision at) const {
  Buffer ignored;
  return recent_.find(at) != nullptr || held_.contains(at) || cache_.find(at, ignored);
}

void RecordReader::read_ahead(Revision from, std::int64_t last, std::size_t max_bytes, Callback<> ready) {
  QUORATE_ASSERT(!ahead_, "one page is read ahead at a time", from.main);
  ahead_ = ready;
  const RevisionKey first = keys_.revision(from);
  const RevisionKey behind = keys_.revision({last + 1, 0});
  records_.read_page_async(records_.scan({first.data(), first.size()}, {behind.data(), behind.size()}), max_bytes,
                           Callback<Result<env::RecordPage>>::to<&RecordReader::on_page>(this));
}

/// A page that cannot be read brings nothing: who needs the record then asks for it alone, and hears what is wrong.
void RecordReader::on_page(std::uint64_t, Result<env::RecordPage> page) {
  if (page.has_value()) {
    const Buffer bytes = Buffer::adopt(std::move(page->bytes));
    std::size_t at = 0;
    for (const env::RecordPage::Sizes& sizes : page->sizes) {
      hold(revision_of(bytes.view().substr(at, sizes.key)), {bytes.slice(at + sizes.key, sizes.value), round_, true});
      at += sizes.key + sizes.value;
    }
    drop_old(round_);
  }
  const Callback<> ready = std::exchange(ahead_, {});
  ready();
}

void RecordReader::on_arrived(std::uint64_t number) {
  const auto place = rounds_.find(number);
  if (place == rounds_.end()) {
    return;
  }
  Round& round = place->second;
  QUORATE_ASSERT(round.outstanding > 0, "each fetch arrives once", number);
  if (--round.outstanding > 0) {
    return;
  }
  for (const Revision at : round.wanted) {
    const RevisionKey key = keys_.revision(at);
    const env::Lookup found =
        records_.get({key.data(), key.size()}, Callback<>::to<&RecordReader::on_late>(this, number));
    if (found.state == env::Lookup::State::value) {
      hold(at, {found.value, number});
    }
  }
  const Callback<> ready = round.ready;
  rounds_.erase(place);
  drop_old(number);
  if (ready) {
    ready();
  }
}

void RecordReader::hold(Revision at, Held held) {
  const std::size_t size = held.value.size();
  if (held_.try_emplace(at, std::move(held)).second) {
    held_bytes_ += size;
  }
}

/// Makes room by forgetting what attempts that were given up left behind: the oldest revisions first.
void RecordReader::drop_old(std::uint64_t newest_round) {
  for (auto held = held_.begin(); held != held_.end() && held_bytes_ > kHeldBytes;) {
    if (held->second.round == newest_round) {
      ++held;
      continue;
    }
    held_bytes_ -= held->second.value.size();
    held = held_.erase(held);
  }
}

}  // namespace quorate::kv
