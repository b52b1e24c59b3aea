// The equation of an Einsum: which axes of its operands are one, and which remain.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/values/tensor.h"

namespace sluice::engine::einsum {

// An axis: 0 to 51 for A to Z and a to z, kEllipsis for any number of them.
using Label = int;
using Labels = std::vector<Label>;
inline constexpr Label kEllipsis = -1;
inline constexpr Label kLetters = 52;

// As written: "ij,jk->ik", "...ij,...jk". Without an arrow the result has the ellipsis and then, in
// the order of the alphabet (capitals first), the letters that are there once.
struct Equation {
  std::vector<Labels> inputs{};
  Labels output{};
  bool implicit = false;
};

// data_corrupt with what is wrong with the text.
Result<Equation> parse_equation(std::string_view text);

// The equation with operands of known dims. Axes that an ellipsis stood for have labels from
// kLetters on; aligned at their ends, as broadcasting has it.
struct Axes {
  std::vector<Labels> inputs{};
  Labels output{};
  Shape extents{};  // by label; 1 where no operand has it
};

// invalid_argument when dims do not fit the equation or each other. An extent of 1 is stretched.
Result<Axes> resolve(const Equation& equation, const std::vector<Dims>& operands);

}  // namespace sluice::engine::einsum
