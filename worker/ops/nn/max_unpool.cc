// MaxUnpool.
// Spec: https://onnx.ai/onnx/operators/onnx__MaxUnpool.html (read 2026-11).
// x [N, C, in...] and indices (int64, its dims) as MaxPool gives them; y [N, C, out...] is 0 but
// for
//   y[place] = x[i], place = indices[i] counted row by row in [N, C, natural...],
//   natural = (in - 1) * stride - pad_begin - pad_end + kernel.
// output_shape, where given, is the dims of y; the natural places lie at its beginning. The last of
// several values for one place stays. Types: float32, float64. Opsets differ in types alone.
// Refused: indices outside of the natural dims or of y.

#include <algorithm>
#include <utility>

#include "worker/ops/known.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/register.h"
#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

Result<WindowParams> parse_unpool(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(WindowParams params, parse_window(attributes));
  SLUICE_TRY(attributes.finish());
  if (params.kernel.empty()) {
    return Error{ErrorCode::data_corrupt, "has no kernel_shape"};
  }
  if (!params.dilations.empty() || params.auto_pad != AutoPad::none) {
    return Error{ErrorCode::data_corrupt, "has an attribute of MaxPool that it does not know"};
  }
  return params;
}

Result<Shape> natural_dims(const WindowParams& params, Dims x) {
  const std::size_t rank = x.size() < 3 ? 0 : x.size() - 2;
  if (rank == 0 || params.kernel.size() != rank ||
      (!params.strides.empty() && params.strides.size() != rank) ||
      (!params.pads.empty() && params.pads.size() != 2 * rank)) {
    return bad_input("kernel_shape, strides or pads do not fit input " + to_string(x));
  }
  Shape dims(x.begin(), x.end());
  for (std::size_t d = 0; d < rank; ++d) {
    const std::int64_t stride = params.strides.empty() ? 1 : params.strides[d];
    const std::int64_t pads = params.pads.empty() ? 0 : params.pads[d] + params.pads[d + rank];
    dims[d + 2] = (x[d + 2] - 1) * stride - pads + params.kernel[d];
    if (dims[d + 2] < 0) {
      return bad_input("an extent of " + std::to_string(x[d + 2]) + " becomes " +
                       std::to_string(dims[d + 2]));
    }
  }
  return dims;
}

Result<OutputFacts> infer_unpool(const WindowParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& indices = facts.at(1);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (indices.datatype != DataType::int64 || !std::ranges::equal(indices.dims, x.dims)) {
    return bad_input("indices " + to_string(indices.dims) + " are not int64 like input " +
                     to_string(x.dims));
  }
  SLUICE_TRY_ASSIGN(Shape natural, natural_dims(params, x.dims));
  if (!facts.has(2)) {
    return one_output(x.datatype, std::move(natural));
  }
  SLUICE_TRY_ASSIGN(const KnownIntegers shape, known_integers(facts, 2));
  if (!shape) {
    return data_dependent(x.datatype);
  }
  if (shape->size() != natural.size() ||
      std::ranges::any_of(*shape, [](std::int64_t extent) { return extent < 0; })) {
    return bad_input("output_shape " + to_string(*shape) + " is none for input " +
                     to_string(x.dims));
  }
  return one_output(x.datatype, *shape);
}

struct UnpoolBound {
  Shape natural{};
  Shape strides{};  // of y
};

Result<UnpoolBound> bind_unpool(const WindowParams& params, BindContext& context) {
  UnpoolBound bound;
  SLUICE_TRY_ASSIGN(bound.natural, natural_dims(params, context.inputs[0].dims));
  bound.strides = strides_of(context.outputs[0].dims);
  return bound;
}

// Offset in y; -1 for a place outside.
std::int64_t place_of(const UnpoolBound& bound, Dims y, std::int64_t index) {
  std::int64_t rest = index;
  std::int64_t offset = 0;
  for (std::size_t d = y.size(); d > 0; --d) {
    const std::int64_t extent = bound.natural[d - 1];
    const std::int64_t at = extent == 0 ? 0 : rest % extent;
    if (rest < 0 || extent == 0 || at >= y[d - 1]) {
      return -1;
    }
    offset += at * bound.strides[d - 1];
    rest /= extent;
  }
  return rest == 0 ? offset : -1;
}

template <class T>
Result<void> run_as(const UnpoolBound& bound, KernelContext& context) {
  const auto x = context.input(0).as<T>();
  const auto indices = context.input(1).as<std::int64_t>();
  const Dims dims = context.output(0).dims;
  const auto y = context.output(0).mut<T>();
  std::ranges::fill(y, T{});
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::int64_t place = place_of(bound, dims, indices[i]);
    if (place < 0) {
      return bad_input("index " + std::to_string(indices[i]) + " is outside of " +
                       to_string(bound.natural) + " or of the output " + to_string(dims));
    }
    y[static_cast<std::size_t>(place)] = x[i];
  }
  return {};
}

Result<void> run_unpool(const WindowParams&, const UnpoolBound& bound, KernelContext& context) {
  return context.input(0).datatype == DataType::float32 ? run_as<float>(bound, context)
                                                        : run_as<double>(bound, context);
}

}  // namespace

void register_max_unpool(Registry& registry) {
  registry.add({.name = "MaxUnpool",
                .since = {9, 11, 22},
                .arity = {2, 3, 1},
                .kernel = bound_kernel<parse_unpool, infer_unpool, bind_unpool, run_unpool>(),
                .tame = true});
}

}  // namespace sluice::engine
