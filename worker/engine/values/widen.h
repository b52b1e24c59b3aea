// 16-bit floats for operators that are written for float32. A step whose entry says
// HalfRule::widen and that has float16 or bfloat16 among its inputs sees float32 in their place,
// and its float32 outputs are rounded when it is done. The operator does not know. Between two such
// steps a value stays float32, of which it uses the 16-bit float's numbers alone.
//
// Rounded to what: the specification gives results the type of the first input that may be a float
// (X of Conv and Where, the scale of DequantizeLinear), so that input's datatype is the result's.

#pragma once

#include <span>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"
#include "worker/engine/plan/plan.h"

namespace sluice::engine {

// undefined: the kernel takes its inputs as they are. float32: inputs are widened, no result is
// rounded. Else the datatype of the float32 results.
DataType rounds_to(const Step& step, std::span<const InputFact> inputs);

// The operator's infer, with what is said above: facts in the specification's datatypes.
Result<OutputFacts> infer_outputs(const Step& step, std::span<const InputFact> inputs);

// Converts between float32 and a 16-bit float, either way; the same dims.
void convert_halves(const TensorView& from, TensorView& to);
// float32 with the values of a 16-bit float; `to` may lie where `from` does.
void round_to_halves(const TensorView& from, DataType half, TensorView& to);
Result<Tensor> converted(const TensorView& from, DataType to);

// Gives widening steps float32 constants in the place of 16-bit ones.
Result<void> widen_constants(Plan& plan);

}  // namespace sluice::engine
