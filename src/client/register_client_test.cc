// What a program sees of a register when there is none; with real nodes: tests/system/test_register.py, whose `quorate
// paxos` is made of this client.

#include "client/register_client.h"

#include <gtest/gtest.h>

namespace quorate::client {
namespace {

TEST(RegisterClientTest, SaysWhyThereIsNoAnswer) {
  EXPECT_EQ(RegisterClient({}).learn("k").error().code, ErrorCode::invalid);
  const Result<Decision> nowhere = RegisterClient({"nowhere"}).propose("k", "v");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, ErrorCode::invalid);
  EXPECT_NE(nowhere.error().text.find("`nowhere`; write host:port"), std::string::npos) << nowhere.error().text;
  const Result<Decision> nobody = RegisterClient({"127.0.0.1:1"}, std::chrono::seconds(1)).propose("k", "v");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::io);
  EXPECT_NE(nobody.error().text.find("127.0.0.1:1"), std::string::npos) << nobody.error().text;
}

}  // namespace
}  // namespace quorate::client
