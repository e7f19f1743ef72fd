#include "service/answers.h"

#include <utility>

namespace quorate::service {

void AnswerQueue::add(AnswerTo to, Answer answer) {
  items_.push_back({to, std::move(answer)});
  if (!is_scheduled_) {
    is_scheduled_ = true;
    loop_.defer(Callback<>::to<&AnswerQueue::deliver>(this));
  }
}

void AnswerQueue::deliver(std::uint64_t) {
  is_scheduled_ = false;
  std::vector<Item> leaving = std::move(leaving_);
  leaving.swap(items_);
  for (Item& item : leaving) {
    item.to(item.answer);
  }
  leaving.clear();
  leaving_ = std::move(leaving);
}

}  // namespace quorate::service
