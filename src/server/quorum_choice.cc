#include "server/quorum_choice.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <vector>

#include "protocols/protocols.h"

namespace quorate::server {
namespace {

constexpr const char* kPhase1 = "--phase-1-quorum=";
constexpr const char* kPhase2 = "--phase-2-quorum=";

struct Asked {
  const char* flag;
  std::optional<std::uint32_t> size;
};

std::array<Asked, 2> asked_for(const ServeOptions& options) {
  return {Asked{kPhase1, options.phase_1_quorum}, Asked{kPhase2, options.phase_2_quorum}};
}

/// The flags that were given, as they were.
std::string given(const ServeOptions& options) {
  std::string text;
  for (const Asked& asked : asked_for(options)) {
    if (asked.size) {
      text += (text.empty() ? "" : " ") + (asked.flag + std::to_string(*asked.size));
    }
  }
  return text;
}

std::string names_of_those_that_take_sizes() {
  std::vector<const consensus::Protocol*> list;
  std::ranges::copy_if(protocols::all(), std::back_inserter(list), &consensus::Protocol::takes_quorum_sizes);
  return protocols::names(list);
}

/// Each phase's own size is a matter of the protocol.
Status check_protocol(const ServeOptions& options, const consensus::Protocol& protocol) {
  if (protocol.takes_quorum_sizes() || given(options).empty()) {
    return {};
  }
  return fail(ErrorCode::invalid, given(options) + ": " + std::string(protocol.name()) +
                                      " has no phases with quorums of their own, but majorities; leave it out (" +
                                      names_of_those_that_take_sizes() + " have them)");
}

/// "--phase-1-quorum=4", or what stands for it.
std::string shown(const char* flag, std::uint32_t size, std::size_t used) {
  return flag + std::to_string(size) + (size == 0 ? " (a majority, " + std::to_string(used) + ")" : "");
}

}  // namespace

Result<quorum::PhaseSizes> sizes_of_new_cluster(const ServeOptions& options, const consensus::Protocol& protocol,
                                                std::size_t voters) {
  QUORATE_TRY(check_protocol(options, protocol));
  const quorum::PhaseSizes sizes{options.phase_1_quorum.value_or(0), options.phase_2_quorum.value_or(0)};
  const std::string members = std::to_string(voters) + (voters == 1 ? " member" : " members") + " of --initial-cluster";
  for (const Asked& asked : asked_for(options)) {
    if (asked.size.value_or(0) > voters) {
      return fail(ErrorCode::invalid,
                  asked.flag + std::to_string(*asked.size) + " is more than the " + members + ": so many never answer");
    }
  }
  if (!sizes.fit(voters)) {
    return fail(ErrorCode::invalid,
                shown(kPhase1, sizes.phase_1, sizes.phase_1_of(voters)) + " and " +
                    shown(kPhase2, sizes.phase_2, sizes.phase_2_of(voters)) + " need not share one of the " + members +
                    ", and what was decided could be decided anew: together they must be more than " +
                    std::to_string(voters));
  }
  return sizes;
}

Status check_sizes_kept(const ServeOptions& options, const consensus::Protocol& protocol, quorum::PhaseSizes kept,
                        const std::string& whose) {
  QUORATE_TRY(check_protocol(options, protocol));
  const std::string those = whose + " whose quorum sizes are " + kept.text() + " (phase 1 and phase 2)";
  if (options.phase_1_quorum.value_or(kept.phase_1) != kept.phase_1 ||
      options.phase_2_quorum.value_or(kept.phase_2) != kept.phase_2) {
    return fail(ErrorCode::foreign, those + ", and " + given(options) +
                                        " asks for others; a cluster keeps those that it was founded with: leave the "
                                        "flags out, or found another cluster with an empty --data-dir");
  }
  if (!kept.are_majorities() && !protocol.takes_quorum_sizes()) {
    return fail(ErrorCode::foreign, those + ", which " + std::string(protocol.name()) +
                                        " does not have; start this node with that cluster's --consensus");
  }
  return {};
}

}  // namespace quorate::server
