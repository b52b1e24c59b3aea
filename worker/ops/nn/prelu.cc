// PRelu.
// Spec: https://onnx.ai/onnx/operators/onnx__PRelu.html (read 2026-11).
// y = x where x >= 0, slope * x below; slope is broadcast to x (before 7: one number, or one a
// channel). Types: float32 by vector kernels, float64, int32, int64. NaN stays.

#include <type_traits>
#include <utility>

#include "worker/ops/broadcast.h"
#include "worker/ops/math/arithmetic.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct PreluParams {
  bool by_channel = false;  // before 7
};

Result<PreluParams> parse_prelu(const Node& node) {
  Attributes attributes(node);
  if (node.since == 1) {
    attributes.ignore("consumed_inputs");
  }
  SLUICE_TRY(attributes.finish());
  return PreluParams{.by_channel = node.since < 7};
}

// The slope's dims as broadcasting wants them.
Shape slope_dims(const PreluParams& params, Dims x, Dims slope) {
  Shape dims(slope.begin(), slope.end());
  if (params.by_channel && dims.size() == 1 && dims[0] != 1 && x.size() > 2) {
    dims.insert(dims.end(), x.size() - 2, 1);
  }
  return dims;
}

Result<OutputFacts> infer_prelu(const PreluParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& slope = facts.at(1);
  if (!is_float(x.datatype) && x.datatype != DataType::int32 && x.datatype != DataType::int64) {
    return unsupported_type(x.datatype);
  }
  const Shape wanted(x.dims.begin(), x.dims.end());
  const auto made = broadcast_dims(x.dims, slope_dims(params, x.dims, slope.dims));
  if (slope.datatype != x.datatype || !made || *made != wanted) {
    return bad_input("slope " + std::string(name_of(slope.datatype)) + to_string(slope.dims) +
                     " does not fit input " + std::string(name_of(x.datatype)) + to_string(x.dims));
  }
  return one_output(x.datatype, wanted);
}

Result<BroadcastLoop<2>> bind_prelu(const PreluParams& params, BindContext& context) {
  const TensorView& y = context.outputs[0];
  TensorView slope = context.inputs[1];
  const Shape dims = slope_dims(params, y.dims, slope.dims);
  slope.dims = dims;
  return make_loop<2>(physical_dims_of(y),
                      {operand_dims(context.inputs[0], y), operand_dims(slope, y)});
}

template <class T>
void prelu_row(const T* x, const T* slope, std::int64_t slope_step, T* y, std::int64_t count) {
  if constexpr (std::is_same_v<T, float>) {
    simd::binary(simd::BinaryOp::prelu, {x, 1, slope, slope_step, y, count});
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      const T value = x[i];
      y[i] = value < T{0} ? arithmetic<Arithmetic::mul>(value, slope[i * slope_step]) : value;
    }
  }
}

Result<void> run_prelu(const PreluParams&, const BroadcastLoop<2>& loop, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  dispatch_number(x.datatype, [&](auto tag) {
    using T = decltype(tag);
    const T* from = x.as<T>().data();
    const T* slope = context.input(1).as<T>().data();
    T* to = y.mut<T>().data();
    if (repeats_a_short_row(loop, 1)) {
      for_joined_rows(loop, slope, [&](std::int64_t at, const T* repeated, std::int64_t count) {
        prelu_row(from + at, repeated, 1, to + at, count);
      });
      return;
    }
    for_pieces(loop, [&](const auto& at, std::int64_t out, std::int64_t count) {
      // x has all of y's elements: its step is 1.
      prelu_row(from + at[0], slope + at[1], loop.inner_step[1], to + out, count);
    });
  });
  return {};
}

}  // namespace

void register_prelu(Registry& registry) {
  registry.add({.name = "PRelu",
                .since = {1, 6, 7, 9, 16},
                .arity = {2, 2, 1},
                .kernel = bound_kernel<parse_prelu, infer_prelu, bind_prelu, run_prelu>(),
                .layout = LayoutRule::follow,
                .overwrites = {0},
                .tame = true});
}

}  // namespace sluice::engine
