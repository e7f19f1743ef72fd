#include "service/register_service.h"

#include <vector>

#include <gtest/gtest.h>

#include "storage/test_loop.h"

namespace quorate::service {
namespace {

using Outcome = RegisterAnswer::Outcome;

/// A replica that remembers what it was asked.
class AskedReplica final : public group::Replica {
 public:
  [[nodiscard]] bool propose(Context, Buffer, NodeId) override { return false; }
  void read(Context) override {}
  [[nodiscard]] bool propose_cell(Context context, Buffer, Buffer) override {
    proposed.push_back(context);
    return takes;
  }
  void read_cell(Context context, Buffer) override { read_cells.push_back(context); }
  void transfer_leadership(NodeId) override {}
  void reconfigure(Context, consensus::Membership, std::vector<consensus::Contact>) override {}
  bool send_service_message(NodeId, Buffer) override { return false; }
  void pin_records(Callback<group::PinnedRecords>) override {}
  [[nodiscard]] consensus::CoreStatus status() const override { return {}; }
  [[nodiscard]] std::vector<consensus::MemberProgress> progress() const override { return {}; }
  [[nodiscard]] std::vector<consensus::Contact> contacts() const override { return {}; }
  [[nodiscard]] bool is_linked(NodeId) const override { return true; }
  [[nodiscard]] Position committed() const override { return {}; }
  [[nodiscard]] Position executed() const override { return {}; }
  [[nodiscard]] NodeId self() const override { return NodeId(1); }

  bool takes = true;
  std::vector<Context> proposed;
  std::vector<Context> read_cells;
};

class RegisterServiceTest : public testing::Test {
 protected:
  void SetUp() override { service_.attach(replica_, keys_); }
  void on_answer(std::uint64_t token, const RegisterAnswer& answer) { answers_.emplace_back(token, answer); }
  RegisterAnswerTo to_me(std::uint64_t token) {
    return RegisterAnswerTo::to<&RegisterServiceTest::on_answer>(this, token);
  }
  Instant in(int milliseconds) { return loop_.now() + std::chrono::milliseconds(milliseconds); }
  static Buffer bytes(std::string_view text) { return Buffer::copy_of(text); }

  storage::TestLoop loop_;
  AskedReplica replica_;
  RegisterService service_{{.max_pending_requests = 3}, loop_, loop_};
  write_once::Register keys_{service_};
  std::vector<std::pair<std::uint64_t, RegisterAnswer>> answers_;
};

TEST_F(RegisterServiceTest, AllWhoProposeHearWhatIsDecided) {
  service_.propose(bytes("k"), bytes("mine"), in(100), to_me(1));
  service_.propose(bytes("k"), bytes("yours"), in(100), to_me(2));
  service_.propose(bytes("other"), bytes("x"), in(100), to_me(3));
  keys_.decide(bytes("k"), bytes("yours"));
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(answers_[0].second.value, bytes("yours"));
  EXPECT_EQ(answers_[0].second.outcome, Outcome::decided);
  keys_.decide(bytes("k"), bytes("yours"));
  EXPECT_EQ(answers_.size(), 2U) << "once each";
  EXPECT_EQ(service_.pending(), 1U);
}

TEST_F(RegisterServiceTest, ALearnerHearsOfTheStateThatItsQuestionCovers) {
  service_.learn(bytes("k"), in(100), to_me(1));
  service_.learn(bytes("empty"), in(100), to_me(2));
  keys_.decide(bytes("k"), bytes("v"));
  EXPECT_TRUE(answers_.empty()) << "a decision that comes by answers nobody";
  service_.on_read_ready(replica_.read_cells.at(0));
  service_.on_read_ready(replica_.read_cells.at(1));
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(answers_[0].second.value, bytes("v"));
  EXPECT_EQ(answers_[1].second.outcome, Outcome::not_decided);
}

TEST_F(RegisterServiceTest, EveryRequestIsAnsweredByItsDeadline) {
  service_.propose(bytes("k"), bytes("v"), in(100), to_me(1));
  service_.learn(bytes("k"), in(50), to_me(2));
  loop_.pass(std::chrono::milliseconds(60));
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].first, 2U);
  EXPECT_EQ(answers_[0].second.outcome, Outcome::timed_out);
  loop_.pass(std::chrono::milliseconds(60));
  ASSERT_EQ(answers_.size(), 2U);
  keys_.decide(bytes("k"), bytes("v"));
  service_.on_read_ready(replica_.read_cells.at(0));
  EXPECT_EQ(answers_.size(), 2U) << "too late";
}

TEST_F(RegisterServiceTest, WhatCannotBeDoneIsSaidInALaterTurn) {
  service_.propose(Buffer(), bytes("v"), in(100), to_me(1));
  service_.learn(bytes(std::string(4097, 'k')), in(100), to_me(2));
  replica_.takes = false;
  service_.propose(bytes("k"), bytes("v"), in(100), to_me(3));
  service_.learn(bytes("k"), in(100), to_me(4));
  EXPECT_TRUE(answers_.empty());
  loop_.end_turn();
  ASSERT_EQ(answers_.size(), 4U);
  EXPECT_EQ(answers_[0].second.outcome, Outcome::refused);
  EXPECT_EQ(answers_[1].second.outcome, Outcome::refused);
  EXPECT_EQ(answers_[2].second.outcome, Outcome::busy) << "pushed back";
  EXPECT_EQ(answers_[3].second.outcome, Outcome::busy) << "three wait already";
  replica_.takes = true;
  service_.propose(bytes("k"), bytes("v"), in(100), to_me(5));
  service_.on_dropped(replica_.proposed.back(), consensus::Dropped::Outcome::never);
  EXPECT_EQ(answers_.back().second.outcome, Outcome::busy);
}

}  // namespace
}  // namespace quorate::service
