#pragma once
// `quorate bench put`: what one client's puts take, and with --stages where their time goes.

#include <span>
#include <string>

namespace quorate {

[[nodiscard]] int bench_command(std::span<const std::string> words);

}  // namespace quorate
