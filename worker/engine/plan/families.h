// Families of the plan's passes, and the names by which one of them is left out to see what it
// brings (`sluice bench engine --without`). Nothing is left out in any other session.

#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>

#include "common/base/result.h"

namespace sluice::engine {

enum class PassFamily : std::uint8_t {
  constants,   // computing what is constant, shapes among it
  bytes,       // DequantizeLinear, operators, QuantizeLinear as operators on bytes
  identities,  // dropping what changes nothing
  duplicates,  // computing once what is computed twice
  layer_norm,  // operators that exporters write out in many, by what they become
  rms_norm,
  gelu,
  gelu_by_tanh,
  swish,
  hard_swish,
  rotary,
  padding,          // Pad as a window's own
  masked_softmax,   // attention's scores: scale, mask and Softmax
  turned_concats,   // Transposes on both sides of a Concat
  part_chains,      // Slices, Pads and Concats in a row
  turned_products,  // Transposes as strides of products
  integers,         // integer products and the floats made of them
  batch_norm,       // into the convolution before it
  bias,             // Conv, MatMul, Gemm and what is behind them
  residual,
  activation,
};

using PassFamilies = std::set<PassFamily>;

// By name: "layer_norm". invalid_argument, with all the names, where there is no such family.
Result<PassFamilies> families_named(std::span<const std::string> names);

}  // namespace sluice::engine
