// ArgMax, ArgMin: the place of the largest or smallest element along an axis.
// Spec: https://onnx.ai/onnx/operators/onnx__ArgMax.html and its neighbour (read 2026-11).
// Types: all numbers; the result is int64. The first NaN is more extreme than any number. Of equal
// elements the first, or with select_last_index (since 12) the last. An empty axis is an error.

#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct ArgParams {
  bool is_max = true;
  std::int64_t axis = 0;
  bool keep = true;
  bool last = false;
};

template <bool kMax>
Result<ArgParams> parse_arg(const Node& node) {
  Attributes attributes(node);
  ArgParams params{.is_max = kMax};
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
  SLUICE_TRY_ASSIGN(const std::int64_t keep, attributes.integer("keepdims", 1));
  params.keep = keep != 0;
  if (node.since >= 12) {
    SLUICE_TRY_ASSIGN(const std::int64_t last, attributes.integer("select_last_index", 0));
    params.last = last != 0;
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_arg(const ArgParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_number(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, x.dims.size()));
  if (x.dims[axis] == 0) {
    return bad_input("axis " + std::to_string(params.axis) + " of " + to_string(x.dims) +
                     " is empty");
  }
  Shape dims(x.dims.begin(), x.dims.end());
  if (params.keep) {
    dims[axis] = 1;
  } else {
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  }
  return one_output(DataType::int64, std::move(dims));
}

template <class T>
std::int64_t arg_of(const ArgParams& params, const T* x, std::int64_t count, std::int64_t step) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < count; ++i) {
    const T value = x[i * step];
    const T most = x[best * step];
    const bool better = params.is_max ? value > most : value < most;
    const bool is_first_nan = value != value && most == most;
    if (better || is_first_nan || (params.last && value == most)) {
      best = i;
    }
  }
  return best;
}

Result<void> run_arg(const ArgParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  const auto rank = static_cast<std::int64_t>(x.rank());
  const auto axis = static_cast<std::size_t>(params.axis < 0 ? params.axis + rank : params.axis);
  const std::int64_t extent = x.dims[axis];
  const std::int64_t inner = product(x.dims, axis + 1, x.rank());
  const auto y = context.output(0).mut<std::int64_t>();
  dispatch_number(x.datatype, [&](auto tag) {
    const auto* from = x.as<decltype(tag)>().data();
    parallel_for(static_cast<std::int64_t>(y.size()),
                 1 + 16'384 / extent,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) {
                     y[static_cast<std::size_t>(i)] = arg_of(
                         params, from + i / inner * extent * inner + i % inner, extent, inner);
                   }
                 });
  });
  return {};
}

}  // namespace

void register_arg_reduce(Registry& registry) {
  registry.add({.name = "ArgMax",
                .since = {1, 11, 12, 13},
                .kernel = kernel<parse_arg<true>, infer_arg, run_arg>()});
  registry.add({.name = "ArgMin",
                .since = {1, 11, 12, 13},
                .kernel = kernel<parse_arg<false>, infer_arg, run_arg>()});
}

}  // namespace sluice::engine
