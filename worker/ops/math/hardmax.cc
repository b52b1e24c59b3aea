// Hardmax: 1 at the first largest element along an axis, 0 elsewhere.
// Spec: https://onnx.ai/onnx/operators/onnx__Hardmax.html (read 2026-11).
// Types: float32, float64. The first NaN counts as the largest.
// Opsets: before 13 all axes from `axis` (1 by default) on are one; since, it is one axis (-1).

#include <algorithm>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct HardmaxParams {
  std::int64_t axis = -1;
  bool all_behind = false;
};

Result<HardmaxParams> parse_hardmax(const Node& node) {
  Attributes attributes(node);
  HardmaxParams params{.all_behind = node.since < 13};
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", params.all_behind ? 1 : -1));
  SLUICE_TRY(attributes.finish());
  return params;
}

// Elements of a set, and the distance of neighbours in it.
struct HardmaxBound {
  std::int64_t count = 1;
  std::int64_t step = 1;
};

Result<HardmaxBound> sets_of(const HardmaxParams& params, Dims dims) {
  const auto rank = static_cast<std::int64_t>(dims.size());
  if (params.all_behind && params.axis == rank) {
    return HardmaxBound{};  // each element a set of its own
  }
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, dims.size()));
  if (params.all_behind) {
    return HardmaxBound{.count = product(dims, axis, dims.size()), .step = 1};
  }
  return HardmaxBound{.count = dims[axis], .step = product(dims, axis + 1, dims.size())};
}

Result<OutputFacts> infer_hardmax(const HardmaxParams& params, const InputFacts& facts) {
  if (!is_float(facts.at(0).datatype)) {
    return unsupported_type(facts.at(0).datatype);
  }
  SLUICE_TRY(sets_of(params, facts.at(0).dims));
  return infer_same(params, facts);
}

Result<HardmaxBound> bind_hardmax(const HardmaxParams& params, BindContext& context) {
  return sets_of(params, context.inputs[0].dims);
}

template <class T>
void mark(const HardmaxBound& bound, const TensorView& x, TensorView& y) {
  const T* from = x.as<T>().data();
  T* to = y.mut<T>().data();
  parallel_for(
      x.count / bound.count, 1 + 16'384 / bound.count, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t set = begin; set < end; ++set) {
          const std::int64_t first = set / bound.step * bound.count * bound.step + set % bound.step;
          std::int64_t most = first;
          for (std::int64_t i = 0; i < bound.count; ++i) {
            const std::int64_t at = first + i * bound.step;
            const bool first_nan = from[at] != from[at] && from[most] == from[most];
            most = from[at] > from[most] || first_nan ? at : most;
            to[at] = 0;
          }
          to[most] = 1;
        }
      });
}

Result<void> run_hardmax(const HardmaxParams&, const HardmaxBound& bound, KernelContext& context) {
  const TensorView& x = context.input(0);
  if (x.count == 0) {
    return {};
  }
  if (x.datatype == DataType::float32) {
    mark<float>(bound, x, context.output(0));
  } else {
    mark<double>(bound, x, context.output(0));
  }
  return {};
}

}  // namespace

void register_hardmax(Registry& registry) {
  registry.add({.name = "Hardmax",
                .since = {1, 11, 13},
                .kernel = bound_kernel<parse_hardmax, infer_hardmax, bind_hardmax, run_hardmax>(),
                .tame = true});
}

}  // namespace sluice::engine
