// Transpose.
// Spec: https://onnx.ai/onnx/operators/onnx__Transpose.html (read 2026-11).
// Types: all.

#include <algorithm>
#include <numeric>
#include <utility>

#include "worker/engine/parallel.h"
#include "worker/ops/elements.h"
#include "worker/ops/register.h"
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

// Output extents and the input's steps along them; neighbours that stay together are one.
struct TransposeBound {
  Shape extents{};
  Shape steps{};
};

Result<TransposeBound> bind_transpose(const TransposeParams& params, BindContext& context) {
  const Dims dims = context.inputs[0].dims;
  SLUICE_TRY_ASSIGN(const auto permutation, permutation_of(params, dims.size()));
  Shape steps(dims.size(), 1);
  for (std::size_t i = dims.size(); i > 1; --i) {
    steps[i - 2] = steps[i - 1] * dims[i - 1];
  }
  TransposeBound bound;
  for (const std::size_t axis : permutation) {
    if (dims[axis] == 1) {
      continue;
    }
    if (!bound.extents.empty() && bound.steps.back() == steps[axis] * dims[axis]) {
      bound.extents.back() *= dims[axis];
      bound.steps.back() = steps[axis];
    } else {
      bound.extents.push_back(dims[axis]);
      bound.steps.push_back(steps[axis]);
    }
  }
  if (bound.extents.empty()) {
    bound = {.extents = {1}, .steps = {1}};
  }
  return bound;
}

template <class T>
void move(const TransposeBound& bound, const T* from, T* to, std::int64_t count) {
  const std::int64_t inner = bound.extents.back();
  const std::int64_t step = bound.steps.back();
  const std::size_t outer = bound.extents.size() - 1;
  parallel_for(count / inner, 1 + 16'384 / inner, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      std::int64_t rest = row;
      std::int64_t offset = 0;
      for (std::size_t d = outer; d > 0; --d) {
        offset += rest % bound.extents[d - 1] * bound.steps[d - 1];
        rest /= bound.extents[d - 1];
      }
      const T* source = from + offset;
      T* target = to + row * inner;
      if (step == 1) {
        std::copy_n(source, inner, target);
        continue;
      }
      for (std::int64_t i = 0; i < inner; ++i) {
        target[i] = source[i * step];
      }
    }
  });
}

Result<void> run_transpose(const TransposeParams&,
                           const TransposeBound& bound,
                           KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  if (x.count > 0) {
    dispatch_element(x.datatype, [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      move(bound, elements<T>(x), elements<T>(y), x.count);
    });
  }
  return {};
}

}  // namespace

void register_transpose(Registry& registry) {
  registry.add(
      {.name = "Transpose",
       .since = {1, 13, 21, 23, 24},
       .kernel = bound_kernel<parse_transpose, infer_transpose, bind_transpose, run_transpose>(),
       .halves = HalfRule::native,
       .tame = true});
}

}  // namespace sluice::engine
