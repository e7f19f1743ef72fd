#include "explore/search.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "consensus/raft/hard_state.h"
#include "consensus/raft/raft.h"
#include "consensus/raft/words.h"

namespace quorate::explore {
namespace {

using namespace consensus;  // NOLINT(google-build-using-namespace)

Model model_of(const CoreFactory& factory, Budget budget, bool reduced) {
  Bounds bounds{.name = "tiny", .budget = budget, .targets = {}, .max_states = 2'000'000, .reduced = reduced};
  Model model{.protocol = raft::protocol(), .bounds = std::move(bounds)};
  model.protocol.cores = factory;
  return model;
}

Result searched(const CoreFactory& factory, Budget budget, bool reduced) {
  return search(model_of(factory, budget, reduced), [](const Progress&) { return true; });
}

/// Raft with one wrong habit.
class Spoilt final : public Core {
 public:
  using Habit = void (*)(std::vector<Effect>&);

  Spoilt(std::unique_ptr<Core> core, Habit habit) : core_(std::move(core)), habit_(habit) {}

  void step(Instant now, const Input& input) override { core_->step(now, input); }
  void take_effects(std::vector<Effect>& out) override {
    core_->take_effects(out);
    habit_(out);
  }
  [[nodiscard]] CoreStatus status() const override { return core_->status(); }
  [[nodiscard]] std::unique_ptr<Core> clone() const override {
    return std::make_unique<Spoilt>(core_->clone(), habit_);
  }
  void hash_into(Hasher& hasher) const override { core_->hash_into(hasher); }

 private:
  std::unique_ptr<Core> core_;
  Habit habit_;
};

CoreFactory spoilt(Spoilt::Habit habit) {
  CoreFactory factory = raft::protocol().cores;
  factory.make = [habit](const CoreConfig& config, PersistedState state) -> std::unique_ptr<Core> {
    return std::make_unique<Spoilt>(raft::protocol().cores.make(config, std::move(state)), habit);
  };
  return factory;
}

void speak_before_durable(std::vector<Effect>& effects) {
  for (Effect& effect : effects) {
    if (auto* send = std::get_if<Send>(&effect); send != nullptr) {
      send->after = Io();
    }
  }
}

Buffer encode_without_vote(ByteView blob) {
  raft::HardState state = raft::decode_hard_state(blob).value();
  state.vote = NodeId();
  return raft::encode(state);
}

/// The disk gets the term, never the vote.
void forget_votes(std::vector<Effect>& effects) {
  for (Effect& effect : effects) {
    auto* write = std::get_if<Persist>(&effect);
    if (write == nullptr) {
      continue;
    }
    for (PersistOp& op : write->ops) {
      if (auto* state = std::get_if<SetState>(&op); state != nullptr) {
        state->blob = encode_without_vote(state->blob.view());
      }
    }
  }
}

TEST(SearchTest, RaftIsCleanWithAndWithoutReductions) {
  // Whatever the reductions leave out is stood for by something else: both searches come to the end, and agree.
  for (const Budget budget : {Budget{.elections = 1, .proposals = 1}, Budget{.elections = 1, .crashes = 1}}) {
    const Result reduced = searched(raft::protocol().cores, budget, true);
    const Result whole = searched(raft::protocol().cores, budget, false);
    EXPECT_TRUE(reduced.exhausted && reduced.violation.empty()) << reduced.violation;
    EXPECT_TRUE(whole.exhausted && whole.violation.empty()) << whole.violation;
    EXPECT_LT(reduced.reached.states, whole.reached.states);
  }
}

TEST(SearchTest, RaftIsCleanWithACrash) {
  const Result found = searched(raft::protocol().cores, {.elections = 2, .crashes = 1}, true);
  EXPECT_TRUE(found.exhausted) << found.violation;
  EXPECT_GT(found.reached.states, 1000U);
}

TEST(SearchTest, WordsBeforeTheyAreDurableAreFound) {  // I-02
  for (const bool reduced : {true, false}) {
    const Result found = searched(spoilt(&speak_before_durable), {.elections = 1}, reduced);
    EXPECT_TRUE(found.violation.starts_with("durable before revealed")) << found.violation;
    EXPECT_FALSE(found.exhausted);
    EXPECT_EQ(found.events, 1U);
  }
}

TEST(SearchTest, ForgottenVotesMakeTwoLeadersOfATerm) {  // I-10
  const Result found = searched(spoilt(&forget_votes), {.elections = 2, .crashes = 1}, true);
  EXPECT_TRUE(found.violation.starts_with("election safety")) << found.violation;
  EXPECT_TRUE(found.is_shortest);
  const Result whole = searched(spoilt(&forget_votes), {.elections = 2, .crashes = 1}, false);
  EXPECT_TRUE(whole.violation.starts_with("election safety")) << whole.violation;
}

TEST(SearchTest, AViolationIsToldAsAStory) {
  const Result found = searched(spoilt(&forget_votes), {.elections = 2, .crashes = 1}, true);
  ASSERT_FALSE(found.story.empty());
  EXPECT_TRUE(found.story.front().starts_with("1.")) << found.story.front();
  EXPECT_TRUE(found.story.front().ends_with("its election timer runs out")) << found.story.front();
  const auto tells = [&](std::string_view words) {
    return std::ranges::any_of(found.story, [&](const std::string& line) { return line.contains(words); });
  };
  const std::string first_leader = found.violation.substr(std::string_view("election safety: ").size(), 2);
  EXPECT_TRUE(tells(first_leader + ": leads term 1")) << "story and verdict use the same names";
  EXPECT_TRUE(tells("crashes; of "));
  EXPECT_TRUE(tells("<- n"));
  const std::string other_leader = found.violation.substr(std::string_view("election safety: n1 and ").size(), 2);
  EXPECT_TRUE(tells(other_leader + ": leads term 1"));
  EXPECT_EQ(found.story, searched(spoilt(&forget_votes), {.elections = 2, .crashes = 1}, true).story);
}

TEST(SearchTest, ALimitIsNotTheEnd) {
  Model model = model_of(raft::protocol().cores, {.elections = 2, .proposals = 2}, true);
  model.bounds.max_states = 500;
  EXPECT_FALSE(search(model, [](const Progress&) { return true; }).exhausted);
  model.bounds.max_states = 2'000'000;
  model.bounds.first_look = 0;
  EXPECT_FALSE(search(model, [](const Progress&) { return false; }).exhausted);
}

}  // namespace
}  // namespace quorate::explore
