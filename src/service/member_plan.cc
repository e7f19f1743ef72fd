#include "service/member_plan.h"

#include <algorithm>
#include <map>

#include "consensus/contract/membership_codec.h"

namespace quorate::service {
namespace {

using consensus::Contact;
using consensus::Membership;
using Kind = MemberChange::Kind;

void insert(std::vector<NodeId>& nodes, NodeId node) {
  const auto at = std::ranges::lower_bound(nodes, node);
  if (at == nodes.end() || *at != node) {
    nodes.insert(at, node);
  }
}

std::size_t count_started(const std::vector<NodeId>& voters, const MemberView& view) {
  return static_cast<std::size_t>(std::ranges::count_if(voters, view.has_started));
}

std::size_t count_linked(const std::vector<NodeId>& voters, const MemberView& view) {
  return static_cast<std::size_t>(std::ranges::count_if(voters, view.is_linked));
}

/// True if one of `urls` is another member's.
bool is_taken(std::string_view urls, NodeId node, const MemberView& view) {
  const auto each = [](std::string_view list, const auto& visit) {
    while (!list.empty()) {
      const std::size_t comma = list.find(',');
      visit(list.substr(0, comma));
      list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    }
  };
  bool taken = false;
  for (const Contact& contact : view.contacts) {
    if (contact.node == node || !view.membership.contains(contact.node)) {
      continue;
    }
    each(contact.urls,
         [&](std::string_view known) { each(urls, [&](std::string_view wanted) { taken |= known == wanted; }); });
  }
  return taken;
}

/// Who votes, and who will by itself.
std::vector<NodeId> present_and_future_voters(const MemberView& view) {
  std::vector<NodeId> voters = view.membership.voters;
  for (const Contact& contact : view.contacts) {
    if (contact.will_vote && view.membership.contains(contact.node)) {
      insert(voters, contact.node);
    }
  }
  return voters;
}

/// The first that is not ok.
Outcome both(Outcome first, Outcome second) { return first == Outcome::ok ? second : first; }

Outcome check_fit(std::size_t voters, const MemberView& view) {
  return view.quorum_sizes.fit(voters) ? Outcome::ok : Outcome::quorums_do_not_fit;
}

/// One more voter beside `voters`, who may not have started yet: who has must be enough to decide (M-13: whether all of
/// them are reachable does not matter). A cluster of one has nobody to lose.
Outcome check_started(const MemberView& view, const std::vector<NodeId>& voters, bool newcomer_has_started) {
  const std::size_t started = count_started(voters, view) + (newcomer_has_started ? 1 : 0);
  const bool is_second_of_one = voters.size() == 1 && started >= 1;
  const std::size_t needed = view.quorum_sizes.larger_of(voters.size() + 1);
  return is_second_of_one || started >= needed ? Outcome::ok : Outcome::not_enough_started;
}

Outcome check_linked(const std::vector<NodeId>& voters, const MemberView& view) {
  return count_linked(voters, view) < view.quorum_sizes.larger_of(voters.size()) ? Outcome::unhealthy_cluster
                                                                                 : Outcome::ok;
}

/// An unreachable voter may always go; another one only if those who stay can still decide.
Outcome check_removal(NodeId node, const MemberView& view) {
  std::vector<NodeId> rest = view.membership.voters;
  std::erase(rest, node);
  if (rest.empty()) {
    return Outcome::not_enough_started;
  }
  if (check_fit(rest.size(), view) != Outcome::ok) {
    return Outcome::quorums_do_not_fit;
  }
  if (count_started(rest, view) < view.quorum_sizes.larger_of(rest.size())) {
    return Outcome::not_enough_started;
  }
  return view.is_linked(node) ? check_linked(rest, view) : Outcome::ok;
}

/// etcd's measure: at least nine tenths of what is committed.
bool is_in_sync(NodeId node, const MemberView& view) {
  const auto found = std::ranges::find(view.progress, node, &consensus::MemberProgress::node);
  return found != view.progress.end() && found->match.value() * 10 >= view.commit.value() * 9;
}

Outcome plan_addition(const MemberChange& change, const MemberView& view, Membership& target) {
  if (view.membership.contains(change.node)) {
    return Outcome::ok;  // asked a second time: it is there
  }
  if (is_taken(change.urls, change.node, view)) {
    return Outcome::peer_url_exists;
  }
  if (view.membership.all_nodes().size() >= consensus::kMaxMembers) {
    return Outcome::too_many_members;
  }
  if (change.kind == Kind::add_learner) {
    if (change.max_learners != 0 && view.membership.learners.size() >= change.max_learners) {
      return Outcome::too_many_learners;
    }
    insert(target.learners, change.node);
    return Outcome::ok;
  }
  insert(target.learners, change.node);
  const std::vector<NodeId> voters = present_and_future_voters(view);
  return both(check_fit(voters.size() + 1, view),
              both(check_started(view, voters, false), check_linked(view.membership.voters, view)));
}

Outcome plan_promotion(const MemberChange& change, const MemberView& view, Membership& target) {
  if (!std::ranges::binary_search(view.membership.learners, change.node)) {
    return view.membership.contains(change.node) ? Outcome::not_a_learner : Outcome::member_not_found;
  }
  if (check_fit(view.membership.voters.size() + 1, view) != Outcome::ok) {
    return Outcome::quorums_do_not_fit;
  }
  if (!is_in_sync(change.node, view)) {
    return Outcome::learner_not_ready;
  }
  std::erase(target.learners, change.node);
  insert(target.voters, change.node);
  return both(check_started(view, view.membership.voters, view.has_started(change.node)),
              check_linked(target.voters, view));
}

Outcome plan_set(const MemberChange& change, const MemberView& view, Membership& target) {
  if (check_fit(change.voters.size(), view) != Outcome::ok) {
    return Outcome::quorums_do_not_fit;
  }
  for (const NodeId node : change.voters) {
    if (!view.membership.contains(node)) {
      return Outcome::member_not_found;
    }
    if (!view.membership.is_voter(node) && !is_in_sync(node, view)) {
      return Outcome::learner_not_ready;
    }
    std::erase(target.learners, node);
  }
  target.voters = change.voters;
  if (count_started(target.voters, view) < view.quorum_sizes.larger_of(target.voters.size())) {
    return Outcome::not_enough_started;
  }
  return check_linked(target.voters, view);
}

Outcome plan_target(const MemberChange& change, const MemberView& view, Membership& target) {
  switch (change.kind) {
    case Kind::add:
    case Kind::add_learner: return plan_addition(change, view, target);
    case Kind::promote: return plan_promotion(change, view, target);
    case Kind::set: return plan_set(change, view, target);
    case Kind::remove:
      if (!view.membership.contains(change.node)) {
        return Outcome::member_not_found;
      }
      if (std::erase(target.learners, change.node) > 0) {
        return Outcome::ok;
      }
      std::erase(target.voters, change.node);
      return check_removal(change.node, view);
    case Kind::update:
      if (!view.membership.contains(change.node)) {
        return Outcome::member_not_found;
      }
      return is_taken(change.urls, change.node, view) ? Outcome::peer_url_exists : Outcome::ok;
  }
  return Outcome::failed;
}

}  // namespace

bool has_happened(const MemberChange& change, const Membership& committed) {
  switch (change.kind) {
    case Kind::add:
    case Kind::add_learner: return committed.contains(change.node);
    case Kind::remove: return !committed.contains(change.node);
    case Kind::promote: return committed.is_voter(change.node);
    case Kind::set: return committed.voters == change.voters;
    case Kind::update: return false;
  }
  return false;
}

MemberPlan plan_member_change(const MemberChange& change, const MemberView& view) {
  MemberPlan plan{.refusal = Outcome::ok, .target = view.membership, .contacts = {}};
  plan.refusal = plan_target(change, view, plan.target);
  std::map<NodeId, Contact> contacts;
  for (const Contact& contact : view.contacts) {
    if (view.membership.contains(contact.node)) {
      contacts[contact.node] = contact;
    }
  }
  if (!change.urls.empty()) {
    Contact& contact = contacts[change.node];
    contact.node = change.node;
    contact.urls = change.urls;
    contact.will_vote |= change.kind == Kind::add;
  }
  for (auto& [node, contact] : contacts) {
    contact.will_vote &= std::ranges::binary_search(plan.target.learners, node);
    plan.contacts.push_back(std::move(contact));
  }
  return plan;
}

}  // namespace quorate::service
