#pragma once
// What the workers of one group's service share: its configuration, the world, the replica and the store, the requests
// that wait and the answers that leave.
//
// Invariant: an answer goes through finish(), and the queue frees the request's slot: each request is answered once.
// Owned by the group's service, which outlives its workers; on the loop.

#include <utility>

#include "base/assert.h"
#include "base/trace.h"
#include "env/clock.h"
#include "env/loop.h"
#include "group/replica.h"
#include "service/answers.h"
#include "service/branches.h"
#include "service/leadership.h"
#include "service/requests.h"
#include "service/service_message.h"
#include "state/kv/store.h"

namespace quorate::service {

class Courier;

struct Parts {
  Parts(ServiceConfig the_config, GroupId the_group, NodeId the_self, Incarnation the_incarnation,
        const env::Clock& the_clock, env::Loop& the_loop, TraceSink& the_traces)
      : config(the_config),
        group(the_group),
        self(the_self),
        incarnation(the_incarnation),
        clock(the_clock),
        loop(the_loop),
        traces(the_traces),
        requests(the_config.max_pending_requests, the_config.max_pending_bytes),
        answers(the_loop, requests),
        leadership(the_self, the_config.election_timeout) {}

  void trace(Branch branch, std::uint64_t a = 0, std::uint64_t b = 0) { traces.trace({name_of(branch), a, b}); }

  /// Answers `request` at the end of the turn and frees its slot.
  void finish(Request& request, Answer answer);
  void finish(Request& request, Outcome outcome) { finish(request, Answer{.outcome = outcome}); }
  /// Takes a question that another node's service forwarded here; null if there is no room.
  [[nodiscard]] Request* take_question(RequestKind kind, NodeId from, Incarnation life, const Item& item,
                                       const Buffer& message);
  /// Tells that service that nothing was done.
  void refuse_question(NodeId from, Incarnation life, const Item& item, Refusal why);
  /// Answers what is not even begun; the ticket serves to abandon it.
  Ticket answer(AnswerTo to, Answer answer);
  [[nodiscard]] static Answer answer_of(kv::Reply reply) {
    return {.outcome = reply.failure == kv::Failure::none ? Outcome::ok : Outcome::failed,
            .failure = reply.failure,
            .revision = reply.revision,
            .body = std::move(reply.body)};
  }

  const ServiceConfig config;
  const GroupId group;
  const NodeId self;
  const Incarnation incarnation;
  const env::Clock& clock;
  env::Loop& loop;
  TraceSink& traces;
  group::Replica* replica = nullptr;  ///< set by attach(), as is the store
  kv::Store* store = nullptr;
  Courier* courier = nullptr;  ///< for answers to questions of other nodes
  RequestTable requests;
  AnswerQueue answers;
  Leadership leadership;
  bool is_stopped = false;
};

}  // namespace quorate::service
