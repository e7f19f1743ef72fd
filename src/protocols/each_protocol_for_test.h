#pragma once
// For suites that run once per protocol:
//
//   class X : public testing::TestWithParam<const consensus::Protocol*> {};
//   TEST_P(X, ...) { ... *GetParam() ... }
//   INSTANTIATE_TEST_SUITE_P(All, X, protocols::each(), protocols::name_of_case);

#include <string>

#include <gtest/gtest.h>

#include "protocols/protocols.h"

namespace quorate::protocols {

inline auto each() { return ::testing::ValuesIn(all().begin(), all().end()); }

/// For what only clusters of real processes need to stand.
inline auto each_served() { return ::testing::ValuesIn(served().begin(), served().end()); }

inline std::string name_of_case(const ::testing::TestParamInfo<const consensus::Protocol*>& info) {
  return std::string(info.param->name());
}

}  // namespace quorate::protocols
