// TopK: the k largest or smallest elements along an axis, and where they were.
// Spec: https://onnx.ai/onnx/operators/onnx__TopK.html (read 2026-11).
// Types: all numbers. X [..., n, ...] -> values and int64 indices [..., k, ...]. Of equal elements
// the one with the lower index comes first; NaN counts as larger than any number. Results are
// sorted even where `sorted` is 0, which allows any order.
// Opsets: k is an attribute before 10; `largest` and `sorted` since 11.

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct TopKParams {
  std::int64_t axis = -1;
  bool largest = true;
  std::optional<std::int64_t> k{};  // absent: the second input
};

Result<TopKParams> parse_top_k(const Node& node) {
  Attributes attributes(node);
  TopKParams params;
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", -1));
  if (node.since < 10) {
    SLUICE_TRY_ASSIGN(params.k, attributes.integer("k", -1));
  }
  if (node.since >= 11) {
    SLUICE_TRY_ASSIGN(const std::int64_t largest, attributes.integer("largest", 1));
    params.largest = largest != 0;
    attributes.ignore("sorted");
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_top_k(const TopKParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_number(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, x.dims.size()));
  OutputFacts made(2);
  made[0].datatype = x.datatype;
  made[1].datatype = DataType::int64;
  std::optional<std::int64_t> k = params.k;
  if (!k) {
    if (!facts.has(1)) {
      return bad_input("its input 'K' is missing");
    }
    if (facts.at(1).value == nullptr) {
      made[0].data_dependent = true;
      made[1].data_dependent = true;
      return made;
    }
    SLUICE_TRY_ASSIGN(k, integer_in(*facts.at(1).value));
  }
  if (*k < 0 || *k > x.dims[axis]) {
    return bad_input("k is " + std::to_string(*k) + ", axis " + std::to_string(params.axis) +
                     " of " + to_string(x.dims) + " has not as many");
  }
  made[0].dims.assign(x.dims.begin(), x.dims.end());
  made[0].dims[axis] = *k;
  made[1].dims = made[0].dims;
  return made;
}

struct TopKBound {
  std::size_t axis = 0;
};

Result<TopKBound> bind_top_k(const TopKParams& params, BindContext& context) {
  const TensorView& x = context.inputs[0];
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, x.rank()));
  context.scratch_size = static_cast<std::size_t>(x.dims[axis]) * sizeof(std::int64_t);
  return TopKBound{.axis = axis};
}

// Whether a comes before b.
template <class T>
bool is_before(bool largest, T a, T b) {
  if (a != a || b != b) {
    return largest ? a != a && b == b : a == a && b != b;
  }
  return largest ? a > b : a < b;
}

template <class T>
void choose(const TopKParams& params, const TopKBound& bound, KernelContext& context) {
  const TensorView& x = context.input(0);
  const Dims made = context.has_output(0) ? context.output(0).dims : context.output(1).dims;
  const std::int64_t extent = x.dims[bound.axis];
  const std::int64_t k = made[bound.axis];
  const std::int64_t inner = product(x.dims, bound.axis + 1, x.rank());
  const std::int64_t outer = product(x.dims, 0, bound.axis);
  T* values = context.has_output(0) ? context.output(0).mut<T>().data() : nullptr;
  std::int64_t* indices =
      context.has_output(1) ? context.output(1).mut<std::int64_t>().data() : nullptr;
  auto* order = static_cast<std::int64_t*>(static_cast<void*>(context.scratch().data()));
  for (std::int64_t row = 0; row < outer * inner; ++row) {
    const T* from = x.as<T>().data() + row / inner * extent * inner + row % inner;
    std::iota(order, order + extent, 0);
    std::partial_sort(order, order + k, order + extent, [&](std::int64_t a, std::int64_t b) {
      const T left = from[a * inner];
      const T right = from[b * inner];
      return is_before(params.largest, left, right) ||
             (!is_before(params.largest, right, left) && a < b);
    });
    const std::int64_t at = row / inner * k * inner + row % inner;
    for (std::int64_t i = 0; i < k; ++i) {
      if (values != nullptr) {
        values[at + i * inner] = from[order[i] * inner];
      }
      if (indices != nullptr) {
        indices[at + i * inner] = order[i];
      }
    }
  }
}

Result<void> run_top_k(const TopKParams& params, const TopKBound& bound, KernelContext& context) {
  const bool known = dispatch_number(
      context.input(0).datatype, [&](auto tag) { choose<decltype(tag)>(params, bound, context); });
  SLUICE_CHECK(known);
  return {};
}

}  // namespace

void register_top_k(Registry& registry) {
  registry.add({.name = "TopK",
                .since = {1, 10, 11, 24},
                .arity = {1, 2, 2},
                .kernel = bound_kernel<parse_top_k, infer_top_k, bind_top_k, run_top_k>(),
                .tame = true});
}

}  // namespace sluice::engine
