#pragma once
// `quorate snapshot save|status|restore`: a backup from a running cluster, what is in it, and a new cluster from it.

#include <span>
#include <string>

namespace quorate {

/// The exit code: 0 done, 1 failed, 2 asked wrongly.
int snapshot_command(std::span<const std::string> words);

}  // namespace quorate
