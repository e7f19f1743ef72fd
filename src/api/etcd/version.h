#pragma once
// Which etcd this server says it is. Clients choose features by the number: it must parse as a semantic version and be
// one whose behaviour is the one implemented here (3.6.14: its fixes of watch, progress and quota included;
// RangeStream, new in 3.7, is not served).

#include <string_view>

namespace quorate::etcd {

inline constexpr std::string_view kServerVersion = "3.6.14";
inline constexpr std::string_view kClusterVersion = "3.6.0";
inline constexpr std::string_view kStorageVersion = "3.6.0";

}  // namespace quorate::etcd
