#pragma once
// One handler per alternative of a variant: std::visit(Match{[](const A&) {...}, [](const B&) {...}}, one).

namespace quorate {

template <class... Handlers>
struct Match : Handlers... {
  using Handlers::operator()...;
};

}  // namespace quorate
