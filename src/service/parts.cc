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
  } else if (request.to) {
    answers.add(request.to, std::move(answer));
  }
  requests.release(request);
}

}  // namespace quorate::service
