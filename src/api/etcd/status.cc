#include "api/etcd/status.h"

#include <array>

#include "base/assert.h"

namespace quorate::etcd {

using rpc::Code;

RpcStatus status_of(kv::Failure failure) {
  switch (failure) {
    case kv::Failure::none: return {};
    case kv::Failure::empty_key: return {Code::invalid_argument, "etcdserver: key is not provided"};
    case kv::Failure::key_not_found: return {Code::invalid_argument, "etcdserver: key not found"};
    case kv::Failure::value_provided: return {Code::invalid_argument, "etcdserver: value is provided"};
    case kv::Failure::lease_provided: return {Code::invalid_argument, "etcdserver: lease is provided"};
    case kv::Failure::too_many_ops: return {Code::invalid_argument, "etcdserver: too many operations in txn request"};
    case kv::Failure::duplicate_key: return {Code::invalid_argument, "etcdserver: duplicate key given in txn request"};
    case kv::Failure::invalid_sort_option: return {Code::invalid_argument, "etcdserver: invalid sort option"};
    case kv::Failure::compacted: return {Code::out_of_range, "etcdserver: mvcc: required revision has been compacted"};
    case kv::Failure::future_revision:
      return {Code::out_of_range, "etcdserver: mvcc: required revision is a future revision"};
    case kv::Failure::no_space: return {Code::resource_exhausted, "etcdserver: mvcc: database space exceeded"};
    case kv::Failure::lease_not_found: return {Code::not_found, "etcdserver: requested lease not found"};
    case kv::Failure::lease_exists: return {Code::failed_precondition, "etcdserver: lease already exists"};
    case kv::Failure::lease_ttl_too_large: return {Code::out_of_range, "etcdserver: too large lease TTL"};
    case kv::Failure::malformed: return kMalformed;
    case kv::Failure::member_not_found: return {Code::not_found, "etcdserver: member not found"};
  }
  QUORATE_UNREACHABLE("a failure without a status", failure);
}

RpcStatus status_of(service::Outcome outcome, kv::Failure failure) {
  using service::Outcome;
  switch (outcome) {
    case Outcome::ok: return {};
    case Outcome::failed: return status_of(failure);
    case Outcome::no_leader: return kNoLeader;
    case Outcome::leader_changed: return {Code::unavailable, "etcdserver: leader changed"};
    case Outcome::timed_out: return {Code::unavailable, "etcdserver: request timed out"};
    case Outcome::timed_out_leader_lost:
      return {Code::unavailable, "etcdserver: request timed out, possibly due to previous leader failure"};
    case Outcome::timed_out_connection:
      return {Code::unavailable, "etcdserver: request timed out, possibly due to connection lost"};
    case Outcome::too_many_requests: return kTooManyRequests;
    case Outcome::request_too_large: return {Code::invalid_argument, "etcdserver: request is too large"};
    case Outcome::no_space: return status_of(kv::Failure::no_space);
    case Outcome::corrupt: return {Code::data_loss, "etcdserver: corrupt cluster"};
    case Outcome::not_leader: return {Code::failed_precondition, "etcdserver: not leader"};
    case Outcome::bad_transferee: return {Code::failed_precondition, "etcdserver: bad leader transferee"};
    case Outcome::timed_out_transfer:
      return {Code::unknown, "etcdserver: request timed out, leader transfer took too long"};
    case Outcome::stopped: return kStopped;
    case Outcome::bad_member_change:
      return {Code::invalid_argument, "quorate: the change of the members is not a possible one"};
    case Outcome::member_not_found: return status_of(kv::Failure::member_not_found);
    case Outcome::peer_url_exists: return {Code::failed_precondition, "etcdserver: Peer URLs already exists"};
    case Outcome::too_many_members: return {Code::failed_precondition, "quorate: a cluster has at most 128 members"};
    case Outcome::too_many_learners:
      return {Code::failed_precondition, "etcdserver: too many learner members in cluster"};
    case Outcome::not_enough_started:
      return {Code::failed_precondition, "etcdserver: re-configuration failed due to not enough started members"};
    case Outcome::unhealthy_cluster: return {Code::unavailable, "etcdserver: unhealthy cluster"};
    case Outcome::not_a_learner: return {Code::failed_precondition, "etcdserver: can only promote a learner member"};
    case Outcome::learner_not_ready:
      return {Code::failed_precondition, "etcdserver: can only promote a learner member which is in sync with leader"};
    case Outcome::quorums_do_not_fit:
      return {Code::failed_precondition,
              "quorate: the quorum sizes that the cluster was founded with (--phase-1-quorum, --phase-2-quorum) do not "
              "fit so many voters: each must be at most their number, and both together more"};
  }
  QUORATE_UNREACHABLE("an outcome without a status", outcome);
}

std::string_view name_of(Code code) {
  constexpr std::array<std::string_view, 17> kNames = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  return kNames[static_cast<std::size_t>(code)];
}

}  // namespace quorate::etcd
