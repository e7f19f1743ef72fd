// Which quorum sizes a node may begin with, and the words of each refusal (P-12).

#include "server/quorum_choice.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "protocols/protocols.h"

namespace quorate::server {
namespace {

const consensus::Protocol& one_that(bool takes_sizes) {
  return **std::ranges::find(protocols::all(), takes_sizes, &consensus::Protocol::takes_quorum_sizes);
}

ServeOptions with(std::optional<std::uint32_t> phase_1, std::optional<std::uint32_t> phase_2) {
  ServeOptions options;
  options.phase_1_quorum = phase_1;
  options.phase_2_quorum = phase_2;
  return options;
}

std::string founded(const ServeOptions& options, std::size_t voters,
                    const consensus::Protocol& protocol = one_that(true)) {
  const Result<quorum::PhaseSizes> sizes = sizes_of_new_cluster(options, protocol, voters);
  return sizes ? sizes->text() : sizes.error().text;
}

std::string kept(const ServeOptions& options, quorum::PhaseSizes sizes,
                 const consensus::Protocol& protocol = one_that(true)) {
  const Status checked = check_sizes_kept(options, protocol, sizes, "this is a cluster");
  return checked ? "ok" : checked.error().text;
}

TEST(quorum_choice, a_new_cluster_has_what_it_is_told_or_majorities) {
  EXPECT_EQ(founded(with({}, {}), 5), "a majority and a majority");
  EXPECT_EQ(founded(with({}, {}), 5, one_that(false)), "a majority and a majority");
  EXPECT_EQ(founded(with(4, 2), 5), "4 and 2");
  EXPECT_EQ(founded(with(4, {}), 5), "4 and a majority");
  EXPECT_EQ(founded(with(0, 3), 5), "a majority and 3");
}

TEST(quorum_choice, sizes_that_do_not_fit_are_refused_naming_flags_values_and_limit) {
  EXPECT_EQ(founded(with(3, 2), 5),
            "--phase-1-quorum=3 and --phase-2-quorum=2 need not share one of the 5 members of --initial-cluster, and "
            "what was decided could be decided anew: together they must be more than 5");
  EXPECT_TRUE(
      founded(with({}, 2), 5).starts_with("--phase-1-quorum=0 (a majority, 3) and --phase-2-quorum=2 need not"));
  EXPECT_EQ(founded(with(1, 2), 1),
            "--phase-2-quorum=2 is more than the 1 member of --initial-cluster: so many never answer");
  EXPECT_TRUE(founded(with(6, 5), 5).starts_with("--phase-1-quorum=6 is more than the 5 members"));
}

TEST(quorum_choice, a_protocol_without_phases_takes_none) {
  const consensus::Protocol& other = one_that(false);
  const std::string name(other.name());
  for (const std::string& refusal : {founded(with(2, {}), 3, other), kept(with(2, {}), {}, other)}) {
    EXPECT_TRUE(refusal.starts_with("--phase-1-quorum=2: " + name + " has no phases")) << refusal;
    EXPECT_NE(refusal.find(one_that(true).name()), std::string::npos) << refusal;
  }
  EXPECT_EQ(kept(with({}, {}), {.phase_1 = 4, .phase_2 = 2}, other),
            "this is a cluster whose quorum sizes are 4 and 2 (phase 1 and phase 2), which " + name +
                " does not have; start this node with that cluster's --consensus");
}

TEST(quorum_choice, a_cluster_keeps_its_sizes) {
  const quorum::PhaseSizes sizes{.phase_1 = 4, .phase_2 = 2};
  EXPECT_EQ(kept(with({}, {}), sizes), "ok");
  EXPECT_EQ(kept(with(4, {}), sizes), "ok");
  EXPECT_EQ(kept(with(4, 2), sizes), "ok");
  EXPECT_EQ(kept(with(4, 3), sizes),
            "this is a cluster whose quorum sizes are 4 and 2 (phase 1 and phase 2), and --phase-1-quorum=4 "
            "--phase-2-quorum=3 asks for others; a cluster keeps those that it was founded with: leave the flags out, "
            "or found another cluster with an empty --data-dir");
  EXPECT_TRUE(kept(with(3, {}), {}).starts_with("this is a cluster whose quorum sizes are a majority and a majority"))
      << "a majority is another size when the members change";
  EXPECT_EQ(kept(with(0, 0), {}), "ok");
}

}  // namespace
}  // namespace quorate::server
