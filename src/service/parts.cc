#include "service/parts.h"

#include "service/courier.h"

namespace quorate::service {

void Parts::finish(Request& request, Answer answer) {
  answer.term = leadership.tag();
  if (!request.origin.is_none()) {
    // Only an answer is of use to the node that asked: everything else makes it ask again until its deadline.
    const bool is_answer = answer.outcome == Outcome::ok;
    const Item item{.kind = is_answer ? ItemKind::answer : ItemKind::refuse,
                    .detail = is_answer ? std::uint8_t{0} : static_cast<std::uint8_t>(Refusal::not_leader),
                    .number = request.origin_number,
                    .attempt = request.origin_attempt,
                    .bytes = answer.body.view()};
    courier->reply(request.origin, request.origin_life, item);
    requests.release(request);
    return;
  }
  request.result = std::move(answer);
  answers.add(request);
}

Request* Parts::take_question(RequestKind kind, NodeId from, Incarnation life, const Item& item,
                              const Buffer& message) {
  const Instant now = clock.now();
  Request* added = requests.add(kind, message.slice_of(item.bytes), now, now + config.request_timeout, false);
  if (added != nullptr) {
    added->origin = from;
    added->origin_life = life;
    added->origin_number = item.number;
    added->origin_attempt = item.attempt;
  }
  return added;
}

void Parts::refuse_question(NodeId from, Incarnation life, const Item& item, Refusal why) {
  courier->reply(from, life,
                 {.kind = ItemKind::refuse,
                  .detail = static_cast<std::uint8_t>(why),
                  .number = item.number,
                  .attempt = item.attempt,
                  .bytes = {}});
}

Ticket Parts::answer(AnswerTo to, Answer answer) {
  Request* request = requests.add(RequestKind::barrier, Buffer(), Instant(), Instant::max(), true);
  QUORATE_ASSERT(request != nullptr, "answers of one turn are fewer than slots", requests.size());
  request->to = to;
  const Ticket ticket = request->number;
  finish(*request, std::move(answer));
  return ticket;
}

}  // namespace quorate::service
