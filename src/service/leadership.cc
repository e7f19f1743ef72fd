#include "service/leadership.h"

#include <algorithm>

namespace quorate::service {

void Leadership::on_status(const consensus::CoreStatus& status, Instant now) {
  role_ = status.role;
  tag_ = status.tag;
  member_count_ = status.membership.voters.size();
  set_leader(status.leader, now);
}

void Leadership::on_role_changed(const consensus::RoleChanged& change, Instant now) {
  role_ = change.to;
  tag_ = change.tag;
  set_leader(change.leader, now);
}

void Leadership::set_leader(NodeId leader, Instant now) {
  leader_ = leader;
  if (!leader.is_none() && (leader != last_leader_ || tag_ != last_leader_tag_)) {
    last_leader_ = leader;
    last_leader_tag_ = tag_;
    elected_ = now;
  }
}

bool Leadership::was_down_since(NodeId node, Instant since) const {
  const auto found = last_down_.find(node);
  return found != last_down_.end() && found->second >= since;
}

bool Leadership::lost_quorum_since(Instant since) const {
  const auto down = static_cast<std::size_t>(
      std::ranges::count_if(last_down_, [since](const auto& entry) { return entry.second >= since; }));
  return member_count_ > 0 && member_count_ - std::min(down, member_count_) < member_count_ / 2 + 1;
}

Outcome Leadership::choose_time_out(Instant began) const {
  if (!last_leader_.is_none() && began > elected_ - 2 * election_timeout_ && began < elected_) {
    return Outcome::timed_out_leader_lost;
  }
  if (leader_.is_none()) {
    return Outcome::timed_out;
  }
  const bool lost = leader_ == self_ ? lost_quorum_since(began) : was_down_since(leader_, began);
  return lost ? Outcome::timed_out_connection : Outcome::timed_out;
}

}  // namespace quorate::service
