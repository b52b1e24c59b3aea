// Transpose.
// Spec: https://onnx.ai/onnx/operators/onnx__Transpose.html (read 2026-11).
// Types: all.

#include <utility>

#include "worker/ops/register.h"
#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct TransposeParams {
  std::vector<std::int64_t> permutation{};  // empty: reversed
};

Result<TransposeParams> parse_transpose(const Node& node) {
  Attributes attributes(node);
  TransposeParams params;
  SLUICE_TRY_ASSIGN(params.permutation, attributes.integers("perm"));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<std::vector<std::size_t>> permutation_of(const TransposeParams& params, std::size_t rank) {
  std::vector<std::size_t> permutation(rank);
  if (params.permutation.empty()) {
    for (std::size_t i = 0; i < rank; ++i) {
      permutation[i] = rank - 1 - i;
    }
    return permutation;
  }
  std::vector<bool> seen(rank, false);
  for (std::size_t i = 0; i < params.permutation.size(); ++i) {
    const std::int64_t axis = params.permutation[i];
    if (params.permutation.size() != rank || axis < 0 || axis >= static_cast<std::int64_t>(rank) ||
        seen[static_cast<std::size_t>(axis)]) {
      return bad_input("perm " + to_string(params.permutation) + " is no order of " +
                       std::to_string(rank) + " dimensions");
    }
    permutation[i] = static_cast<std::size_t>(axis);
    seen[permutation[i]] = true;
  }
  return permutation;
}

Result<OutputFacts> infer_transpose(const TransposeParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  SLUICE_TRY_ASSIGN(const auto permutation, permutation_of(params, x.dims.size()));
  Shape dims;
  for (const std::size_t axis : permutation) {
    dims.push_back(x.dims[axis]);
  }
  return one_output(x.datatype, std::move(dims));
}

Result<StridedCopy> bind_transpose(const TransposeParams& params, BindContext& context) {
  const Dims dims = context.inputs[0].dims;
  SLUICE_TRY_ASSIGN(const auto permutation, permutation_of(params, dims.size()));
  const Shape strides = strides_of(dims);
  const Dims out = context.outputs[0].dims;
  StridedCopy box{.extents = {out.begin(), out.end()}, .to = strides_of(out)};
  for (const std::size_t axis : permutation) {
    box.from.push_back(strides[axis]);
  }
  return merged(box);
}

Result<void> run_transpose(const TransposeParams&, const StridedCopy& box, KernelContext& context) {
  return run_box(box, context);
}

}  // namespace

void register_transpose(Registry& registry) {
  registry.add(
      {.name = "Transpose",
       .since = {1, 13, 21, 23, 24},
       .kernel = bound_kernel<parse_transpose, infer_transpose, bind_transpose, run_transpose>(),
       .layout = LayoutRule::turns,
       .halves = HalfRule::native,
       .tame = true});
}

}  // namespace sluice::engine
