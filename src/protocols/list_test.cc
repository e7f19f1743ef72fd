#include <algorithm>
#include <set>

#include "protocols/each_protocol_for_test.h"

namespace quorate::protocols {
namespace {

class EachProtocol : public ::testing::TestWithParam<const consensus::Protocol*> {};
INSTANTIATE_TEST_SUITE_P(All, EachProtocol, each(), name_of_case);

/// Nothing that another part would call is missing.
TEST_P(EachProtocol, IsWhole) {
  const consensus::Protocol& protocol = *GetParam();
  EXPECT_EQ(find(protocol.name(), all()), &protocol);
  EXPECT_EQ(protocol.name().find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string_view::npos);
  ASSERT_TRUE(protocol.cores.make != nullptr && protocol.cores.state_behind != nullptr);
  ASSERT_TRUE(protocol.message_words != nullptr && protocol.state_words != nullptr &&
              protocol.state_of_words != nullptr);
  EXPECT_EQ(protocol.message_words("\xFFno message"), "(no message)");
  const std::set<std::string_view> all(protocol.all_branches.begin(), protocol.all_branches.end());
  EXPECT_EQ(all.size(), protocol.all_branches.size()) << "each branch has a name of its own";
  for (const std::string_view branch : protocol.branches) {
    EXPECT_TRUE(all.contains(branch)) << branch;
    EXPECT_TRUE(branch.starts_with(std::string(protocol.name()) + ".")) << branch;
  }
}

class EachOrdered : public ::testing::TestWithParam<const consensus::Protocol*> {};
INSTANTIATE_TEST_SUITE_P(All, EachOrdered, each_ordered(), name_of_case);

/// What a restore writes is a state that a replica begins with.
TEST_P(EachOrdered, BeginsBehindASnapshot) {
  const consensus::Protocol& protocol = *GetParam();
  const EntryId snapshot{Position(7), Tag(1)};
  consensus::CoreConfig config;
  config.self = NodeId(1);
  config.incarnation = Incarnation(1);
  consensus::PersistedState state;
  state.state = protocol.cores.state_behind(snapshot);
  state.discarded = snapshot;
  state.applied = snapshot.position;
  state.membership.voters = {NodeId(1), NodeId(2), NodeId(3)};
  const std::unique_ptr<consensus::Core> core = protocol.cores.make(config, std::move(state));
  EXPECT_EQ(core->status().commit, snapshot.position);
  EXPECT_GE(core->status().tag, snapshot.tag);
  EXPECT_EQ(core->status().membership.voters.size(), 3U);
}

TEST(Protocols, KeepALogOrDecideCells) {
  EXPECT_FALSE(ordered().empty());
  for (const consensus::Protocol* protocol : all()) {
    EXPECT_EQ(std::ranges::count(ordered(), protocol), protocol->keeps_log() ? 1 : 0) << protocol->name();
    EXPECT_TRUE(protocol->keeps_log() || protocol->cell_words != nullptr) << protocol->name();
  }
}

TEST(Protocols, AreFoundByName) {
  EXPECT_EQ(find("no such"), nullptr);
  EXPECT_EQ(find(""), nullptr);
  EXPECT_EQ(&default_protocol(), all().front());
  EXPECT_NE(names().find(default_protocol().name()), std::string::npos);
  const consensus::Protocol* three[] = {all().front(), all().front(), all().front()};
  const std::string name(all().front()->name());
  EXPECT_EQ(names(three), name + ", " + name + " and " + name);
}

}  // namespace
}  // namespace quorate::protocols
