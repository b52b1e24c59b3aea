// ArgMax, ArgMin, ReduceMax, ReduceMean, ReduceMin, ReduceProd, ReduceSum.
// Spec: https://onnx.ai/onnx/operators/onnx__ReduceMean.html and its neighbours (read 2026-11).
// Types: float32, float64, int32, int64 (ReduceMax and ReduceMin, ArgMax and ArgMin: all numbers).
// Floats are summed in double, in index order; integers exactly (ReduceMean truncates).
// Max and Min keep NaN; ArgMax and ArgMin take the first NaN.
// Opsets: axes are an attribute before 18 (ReduceSum: 13), an input since, when
// noop_with_empty_axes comes too; select_last_index since 12.
// An empty set gives 0, 1, -inf, +inf, NaN for sum, product, max, min, mean of floats; max and min
// of integers over it are refused.
// Refused: bool.

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "worker/engine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Op : std::uint8_t { max, mean, min, prod, sum };

struct ReduceParams {
  Op op = Op::sum;
  std::optional<std::vector<std::int64_t>> from_attribute{};  // absent: the second input has them
  bool keep = true;
  bool empty_is_none = false;
};

template <Op kOp>
Result<ReduceParams> parse_reduce(const Node& node) {
  Attributes attributes(node);
  ReduceParams params{.op = kOp};
  SLUICE_TRY_ASSIGN(const std::int64_t keep, attributes.integer("keepdims", 1));
  params.keep = keep != 0;
  if (node.since < (kOp == Op::sum ? 13 : 18)) {
    SLUICE_TRY_ASSIGN(params.from_attribute, attributes.integers("axes"));
  } else {
    SLUICE_TRY_ASSIGN(const std::int64_t none, attributes.integer("noop_with_empty_axes", 0));
    params.empty_is_none = none != 0;
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

// By dimension, whether it is reduced; nullopt when only the run will know.
Result<std::optional<std::vector<bool>>> reduced_of(const ReduceParams& params,
                                                    std::size_t rank,
                                                    bool has_input,
                                                    const TensorView* value) {
  std::vector<std::int64_t> axes = params.from_attribute.value_or(std::vector<std::int64_t>{});
  if (!params.from_attribute && has_input) {
    if (value == nullptr) {
      return std::optional<std::vector<bool>>();
    }
    SLUICE_TRY_ASSIGN(axes, integers_of(*value));
  }
  std::vector<bool> reduced(rank, axes.empty() && !params.empty_is_none);
  for (const std::int64_t axis : axes) {
    SLUICE_TRY_ASSIGN(const std::size_t at, resolve_axis(axis, rank));
    reduced[at] = true;
  }
  return std::optional(std::move(reduced));
}

Result<OutputFacts> infer_reduce(const ReduceParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const bool extreme = params.op == Op::max || params.op == Op::min;
  if (extreme ? !is_number(x.datatype)
              : !is_float(x.datatype) && x.datatype != DataType::int32 &&
                    x.datatype != DataType::int64) {
    return unsupported_type(x.datatype);
  }
  SLUICE_TRY_ASSIGN(
      const auto reduced,
      reduced_of(params, x.dims.size(), facts.has(1), facts.has(1) ? facts.at(1).value : nullptr));
  if (!reduced) {
    return data_dependent(x.datatype);
  }
  Shape dims;
  std::int64_t length = 1;
  for (std::size_t i = 0; i < x.dims.size(); ++i) {
    if ((*reduced)[i]) {
      length *= x.dims[i];
    }
    if (!(*reduced)[i] || params.keep) {
      dims.push_back((*reduced)[i] ? 1 : x.dims[i]);
    }
  }
  if (extreme && length == 0 && !is_float(x.datatype)) {
    return bad_input("an empty set of integers has no extreme");
  }
  return one_output(x.datatype, std::move(dims));
}

// Two nested walks over the input: the kept dimensions outside, the reduced ones inside.
struct Walk {
  Shape extents{};
  Shape steps{};
  std::int64_t count = 1;

  [[nodiscard]] std::int64_t offset(std::int64_t number) const {
    std::int64_t at = 0;
    for (std::size_t d = extents.size(); d > 0; --d) {
      at += number % extents[d - 1] * steps[d - 1];
      number /= extents[d - 1];
    }
    return at;
  }
  void add(std::int64_t extent, std::int64_t step) {
    count *= extent;
    if (!extents.empty() && steps.back() == step * extent) {
      extents.back() *= extent;
      steps.back() = step;
    } else {
      extents.push_back(extent);
      steps.push_back(step);
    }
  }
};

struct ReduceBound {
  Walk kept{};
  Walk reduced{};
};

Result<ReduceBound> bind_reduce(const ReduceParams& params, BindContext& context) {
  const Dims dims = context.inputs[0].dims;
  const bool has_axes = context.has_input(1);
  SLUICE_TRY_ASSIGN(
      const auto reduced,
      reduced_of(params, dims.size(), has_axes, has_axes ? &context.inputs[1] : nullptr));
  ReduceBound bound;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    ((*reduced)[i] ? bound.reduced : bound.kept).add(dims[i], product(dims, i + 1, dims.size()));
  }
  return bound;
}

template <class T>
T reduce_one(Op op, const Walk& walk, const T* x) {
  using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  constexpr bool kFloat = std::is_floating_point_v<T>;
  Sum sum = op == Op::prod ? 1 : 0;
  T extreme =
      kFloat ? (op == Op::max ? -std::numeric_limits<T>::infinity()
                              : std::numeric_limits<T>::infinity())
             : (op == Op::max ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max());
  const std::int64_t inner = walk.extents.empty() ? 1 : walk.extents.back();
  const std::int64_t step = walk.extents.empty() ? 1 : walk.steps.back();
  for (std::int64_t row = 0; row < walk.count; row += inner) {
    const T* from = x + walk.offset(row);
    for (std::int64_t i = 0; i < inner; ++i) {
      const T value = from[i * step];
      switch (op) {
        case Op::max:
          extreme = value > extreme || value != value ? value : extreme;
          break;
        case Op::min:
          extreme = value < extreme || value != value ? value : extreme;
          break;
        case Op::prod:
          sum *= static_cast<Sum>(value);
          break;
        case Op::mean:
        case Op::sum:
          sum += static_cast<Sum>(value);
          break;
      }
    }
  }
  if (op == Op::max || op == Op::min) {
    return extreme;
  }
  if (op != Op::mean) {
    return static_cast<T>(sum);
  }
  if constexpr (kFloat) {
    return static_cast<T>(sum / static_cast<double>(walk.count));
  } else {
    return walk.count == 0 ? T{0} : static_cast<T>(static_cast<std::int64_t>(sum) / walk.count);
  }
}

Result<void> run_reduce(const ReduceParams& params,
                        const ReduceBound& bound,
                        KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  const bool known = dispatch_number(x.datatype, [&](auto tag) {
    using T = decltype(tag);
    const T* from = x.as<T>().data();
    T* to = y.mut<T>().data();
    parallel_for(
        y.count, 1 + 16'384 / (bound.reduced.count + 1), [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) {
            to[i] = reduce_one(params.op, bound.reduced, from + bound.kept.offset(i));
          }
        });
  });
  SLUICE_CHECK(known);
  return {};
}

// --- ArgMax, ArgMin ------------------------------------------------------------------------------

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
    for (std::size_t at = 0; at < y.size(); ++at) {
      const auto i = static_cast<std::int64_t>(at);
      y[at] = arg_of(params, from + i / inner * extent * inner + i % inner, extent, inner);
    }
  });
  return {};
}

template <Op kOp>
OperatorEntry reduce_entry(const char* name, std::vector<int> since) {
  return {.name = name,
          .since = std::move(since),
          .arity = {1, 2, 1},
          .kernel = bound_kernel<parse_reduce<kOp>, infer_reduce, bind_reduce, run_reduce>()};
}

}  // namespace

void register_reduce(Registry& registry) {
  registry.add({.name = "ArgMax",
                .since = {1, 11, 12, 13},
                .kernel = kernel<parse_arg<true>, infer_arg, run_arg>()});
  registry.add({.name = "ArgMin",
                .since = {1, 11, 12, 13},
                .kernel = kernel<parse_arg<false>, infer_arg, run_arg>()});
  registry.add(reduce_entry<Op::max>("ReduceMax", {1, 11, 12, 13, 18, 20}));
  registry.add(reduce_entry<Op::mean>("ReduceMean", {1, 11, 13, 18}));
  registry.add(reduce_entry<Op::min>("ReduceMin", {1, 11, 12, 13, 18, 20}));
  registry.add(reduce_entry<Op::prod>("ReduceProd", {1, 11, 13, 18}));
  registry.add(reduce_entry<Op::sum>("ReduceSum", {1, 11, 13}));
}

}  // namespace sluice::engine
