// Overloaded: one visitor out of several lambdas, for std::visit over an inbox.

#pragma once

namespace sluice {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
// clang 14 needs the guide spelled out.
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace sluice
