#include "sim/invariants/all.h"

#include "sim/invariants/durable_before_revealed.h"
#include "sim/invariants/durable_on_quorum.h"
#include "sim/invariants/election_safety.h"
#include "sim/invariants/leader_append_only.h"
#include "sim/invariants/leader_completeness.h"
#include "sim/invariants/leader_hears_quorum.h"
#include "sim/invariants/leader_knows_matches.h"
#include "sim/invariants/log_matching.h"
#include "sim/invariants/membership_of_log.h"
#include "sim/invariants/nothing_goes_back.h"
#include "sim/invariants/one_change_at_a_time.h"
#include "sim/invariants/one_life_counts.h"
#include "sim/invariants/one_value_per_cell.h"
#include "sim/invariants/one_value_per_position.h"
#include "sim/invariants/one_value_per_tag.h"
#include "sim/invariants/only_voters_elect.h"
#include "sim/invariants/own_term_commit.h"
#include "sim/invariants/promise_kept.h"
#include "sim/invariants/rollback_restores_membership.h"
#include "sim/invariants/safe_cell_proposals.h"
#include "sim/invariants/safe_proposals.h"
#include "sim/invariants/state_machine_safety.h"
#include "sim/invariants/vote_rule.h"

namespace quorate::sim {

std::vector<std::unique_ptr<Invariant>> invariants_of(const consensus::CoreFactory& protocol,
                                                      const consensus::CoreConfig& config, const Watched& run) {
  const Ledger& ledger = run.ledger;
  std::vector<std::unique_ptr<Invariant>> all;
  all.push_back(std::make_unique<OneLifeCounts>(run.cluster));
  if (!protocol.keeps_log) {
    all.push_back(std::make_unique<DurableBeforeRevealed>(ledger));
    all.push_back(std::make_unique<OneValuePerCell>());
    if (protocol.vow_of != nullptr) {
      all.push_back(std::make_unique<PromiseKept>(protocol.vow_of));
      all.push_back(std::make_unique<SafeCellProposals>(protocol.vow_of, config.quorum_sizes));
    }
    return all;
  }
  all.push_back(std::make_unique<ElectionSafety>());
  all.push_back(std::make_unique<StateMachineSafety>(run.histories));
  all.push_back(std::make_unique<NothingGoesBack>());
  all.push_back(std::make_unique<DurableBeforeRevealed>(ledger));
  if (protocol.commits_by_quorum) {
    all.push_back(std::make_unique<DurableOnQuorum>(ledger, protocol.ids_identify_prefix, config.quorum_sizes));
    all.push_back(std::make_unique<LeaderKnowsMatches>(ledger));
    if (config.check_quorum) {
      all.push_back(std::make_unique<LeaderHearsQuorum>(run.cluster, config));
    }
  }
  all.push_back(std::make_unique<MembershipOfLog>(run.memberships, protocol.ids_identify_prefix));
  if (protocol.vow_of != nullptr || protocol.vote_of != nullptr) {
    all.push_back(std::make_unique<OnlyVotersElect>(protocol, config.quorum_sizes));
  }
  if (protocol.ids_identify_prefix) {
    all.push_back(std::make_unique<OneChangeAtATime>(ledger, run.memberships));
    all.push_back(std::make_unique<RollbackRestoresMembership>(run.memberships));
    all.push_back(std::make_unique<LeaderCompleteness>());
    all.push_back(std::make_unique<OwnTermCommit>(ledger));
    all.push_back(std::make_unique<LeaderAppendOnly>(ledger));
    all.push_back(std::make_unique<LogMatching>(ledger));
  }
  all.push_back(std::make_unique<OneValuePerPosition>(ledger));
  all.push_back(std::make_unique<OneValuePerTag>(ledger));
  all.push_back(std::make_unique<SafeProposals>(ledger));
  if (protocol.vow_of != nullptr) {
    all.push_back(std::make_unique<PromiseKept>(protocol.vow_of));
  }
  if (protocol.vote_of != nullptr) {
    all.push_back(std::make_unique<VoteRule>(ledger, protocol.vote_of));
  }
  return all;
}

}  // namespace quorate::sim
