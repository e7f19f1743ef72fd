#include "service/answers.h"

#include <utility>

namespace quorate::service {

void AnswerQueue::add(Request& request) {
  requests_.settle(request);
  leaving_.push_back(request.number);
  if (!std::exchange(is_scheduled_, true)) {
    loop_.defer(Callback<>::to<&AnswerQueue::deliver>(this));
  }
}

void AnswerQueue::deliver(std::uint64_t) {
  is_scheduled_ = false;
  std::vector<Ticket> leaving = std::exchange(spare_, {});
  leaving.swap(leaving_);
  for (const Ticket number : leaving) {
    Request* request = requests_.find(number);
    if (request == nullptr) {
      continue;  // abandoned
    }
    const AnswerTo to = request->to;
    const Answer answer = std::move(request->result);
    requests_.release(*request);
    if (to) {
      to(answer);
    }
  }
  leaving.clear();
  spare_ = std::move(leaving);
}

}  // namespace quorate::service
