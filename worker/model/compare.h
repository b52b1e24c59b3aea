// Is a tensor what it should be? Pure.

#pragma once

#include <optional>
#include <string>

#include "common/link/infer.h"

namespace sluice::model {

// An element passes when |got - want| <= absolute + relative * |want| + scale * max|want| of its
// tensor. Equal infinities pass, and NaN where NaN is wanted; nothing else does where they are
// involved. Booleans and strings must be equal.
struct Tolerance {
  double relative = 1e-3;
  double absolute = 1e-5;
  double scale = 0;
  double relative_float16 = 1e-2;  // instead of `relative`, for float16 and bfloat16
};

// What is wrong, in one sentence; nullopt when nothing is. Both tensors are consistent (their bytes
// fill their shapes).
std::optional<std::string> difference(const NamedTensor& got,
                                      const NamedTensor& want,
                                      const Tolerance& tolerance);

}  // namespace sluice::model
