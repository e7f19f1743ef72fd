#include "state/register/register.h"

#include <vector>

#include <gtest/gtest.h>

namespace quorate::write_once {
namespace {

struct Told : RegisterObserver {
  void on_decided(const Buffer& key, const Buffer& value) override {
    told.emplace_back(std::string(key.view()) + "=" + std::string(value.view()));
  }
  std::vector<std::string> told;
};

Buffer bytes(std::string_view text) { return Buffer::copy_of(text); }

TEST(register_of_keys, knows_what_was_decided_and_tells) {
  Told told;
  Register keys(told);
  EXPECT_EQ(keys.recover(Generation(1)).value(), Position());
  keys.decide(bytes("k"), bytes("v"));
  keys.decide(bytes("empty"), Buffer());
  keys.decide(bytes("k"), bytes("v"));
  EXPECT_EQ(keys.find("k"), bytes("v"));
  EXPECT_EQ(keys.find("empty"), Buffer()) << "a value may be empty";
  EXPECT_EQ(keys.find("other"), std::nullopt);
  EXPECT_EQ(keys.size(), 2U);
  EXPECT_EQ(told.told, (std::vector<std::string>{"k=v", "empty=", "k=v"})) << "a late proposer wants to hear it, too";
}

TEST(register_of_keys, never_takes_another_value) {
  Told told;
  Register keys(told);
  keys.decide(bytes("k"), bytes("v"));
  EXPECT_DEATH(keys.decide(bytes("k"), bytes("w")), "decided once");
}

TEST(register_of_keys, hashes_equal_if_they_are) {
  Told told;
  Register one(told);
  Register other(told);
  one.decide(bytes("a"), bytes("1"));
  one.decide(bytes("b"), bytes("2"));
  other.decide(bytes("b"), bytes("2"));
  const auto hash_of = [](const Register& keys) {
    Hasher hasher;
    keys.hash_into(hasher);
    return hasher.value();
  };
  EXPECT_NE(hash_of(one), hash_of(other));
  other.decide(bytes("a"), bytes("1"));
  EXPECT_EQ(hash_of(one), hash_of(other)) << "whatever the order";
}

TEST(register_of_keys, has_no_log_and_no_snapshots) {
  Told told;
  Register keys(told);
  EXPECT_DEATH((void)keys.execute({Position(1), Tag(1)}, bytes("x"), {}), "has no log");
  EXPECT_FALSE(keys.restore("k", "v").has_value());
  EXPECT_FALSE(keys.finish_restore().has_value());
}

}  // namespace
}  // namespace quorate::write_once
