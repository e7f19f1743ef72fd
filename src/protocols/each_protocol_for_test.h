#pragma once
// For suites that run once per protocol:
//
//   class X : public testing::TestWithParam<const consensus::Protocol*> {};
//   TEST_P(X, ...) { ... *GetParam() ... }
//   INSTANTIATE_TEST_SUITE_P(All, X, protocols::each(), protocols::name_of_case);

#include <algorithm>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocols/protocols.h"

namespace quorate::protocols {

inline auto each() { return ::testing::ValuesIn(all().begin(), all().end()); }

/// For what needs a log.
inline auto each_ordered() { return ::testing::ValuesIn(ordered().begin(), ordered().end()); }

/// For what decides cells, each by itself.
inline auto each_of_cells() {
  std::vector<const consensus::Protocol*> list;
  std::ranges::copy_if(all(), std::back_inserter(list), std::not_fn(&consensus::Protocol::keeps_log));
  return ::testing::ValuesIn(list);
}

inline std::string name_of_case(const ::testing::TestParamInfo<const consensus::Protocol*>& info) {
  return std::string(info.param->name());
}

}  // namespace quorate::protocols
