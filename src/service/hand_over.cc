#include "service/hand_over.h"

#include <algorithm>
#include <utility>

namespace quorate::service {

Ticket HandOver::ask(NodeId to, Instant deadline, AnswerTo to_whom) {
  if (!parts_.leadership.is_leader()) {
    return parts_.answer(to_whom, {.outcome = Outcome::not_leader});
  }
  if (!parts_.replica->status().membership.is_voter(to)) {
    return parts_.answer(to_whom, {.outcome = Outcome::bad_transferee});
  }
  if (to == parts_.self) {
    return parts_.answer(to_whom, {});
  }
  const Instant now = parts_.clock.now();
  Request* request = parts_.requests.add(RequestKind::hand_over, Buffer(), now,
                                         std::min(deadline, now + parts_.config.request_timeout), false);
  if (request == nullptr) {
    return parts_.answer(to_whom, {.outcome = Outcome::too_many_requests});
  }
  request->to = to_whom;
  request->stage = Stage::waiting;
  request->asked = to;
  waiting_.push_back(request->number);
  parts_.replica->transfer_leadership(to);
  return request->number;
}

void HandOver::on_role_changed() {
  if (!parts_.leadership.has_leader()) {
    return;
  }
  std::erase_if(waiting_, [this](Ticket number) {
    Request* request = parts_.requests.find_waiting(number);
    if (request != nullptr && request->asked == parts_.leadership.leader()) {
      parts_.finish(*request, Outcome::ok);
      return true;
    }
    return request == nullptr;  // answered by its deadline, or abandoned
  });
}

}  // namespace quorate::service
