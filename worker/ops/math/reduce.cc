// ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp, ReduceMax, ReduceMean, ReduceMin, ReduceProd,
// ReduceSum, ReduceSumSquare: one number in place of many, along some axes.
// Spec: https://onnx.ai/onnx/operators/onnx__ReduceMean.html and its neighbours (read 2026-11).
// Types: all numbers; ReduceMax and ReduceMin also bool (since 20). Floats are put together in
// double, in the order of memory; integers exactly modulo 2^n (ReduceMean truncates, and so do
// roots and logarithms, which are made in double). ReduceLogSumExp takes the largest out first. Max
// and Min keep NaN. An empty set gives 0 for L1, L2, sum and sum of squares, 1 for the product, the
// lowest and the highest number (infinities where there are such) for max and min, -infinity for
// the logarithms, NaN (of integers 0) for the mean. Opsets: axes are an attribute before 18
// (ReduceSum: 13), an input since. With noop_with_empty_axes no axes are none: each element is a
// set of its own.

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/layout.h"
#include "worker/ops/known.h"
#include "worker/ops/math/extremes.h"
#include "worker/ops/math/walk.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/sums.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Op : std::uint8_t {
  l1,
  l2,
  log_sum,
  log_sum_exp,
  max,
  mean,
  min,
  prod,
  sum,
  sum_square
};

struct ReduceParams {
  Op op = Op::sum;
  std::optional<std::vector<std::int64_t>> from_attribute{};  // absent: the second input has them
  bool keep = true;
  bool empty_is_none = false;
  bool of_bool = false;
};

template <Op kOp>
Result<ReduceParams> parse_reduce(const Node& node) {
  Attributes attributes(node);
  ReduceParams params{.op = kOp, .of_bool = node.since >= 20 && (kOp == Op::max || kOp == Op::min)};
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
                                                    const InputFacts& facts) {
  const std::size_t rank = facts.at(0).dims.size();
  KnownIntegers axes = params.from_attribute.value_or(std::vector<std::int64_t>{});
  if (!params.from_attribute && facts.has(1)) {
    SLUICE_TRY_ASSIGN(axes, known_integers(facts, 1));
    if (!axes) {
      return std::optional<std::vector<bool>>();
    }
  }
  std::vector<bool> reduced(rank, axes->empty() && !params.empty_is_none);
  for (const std::int64_t axis : *axes) {
    SLUICE_TRY_ASSIGN(const std::size_t at, resolve_axis(axis, rank));
    reduced[at] = true;
  }
  return std::optional(std::move(reduced));
}

Result<OutputFacts> infer_reduce(const ReduceParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_number(x.datatype) && !(params.of_bool && x.datatype == DataType::boolean)) {
    return unsupported_type(x.datatype);
  }
  SLUICE_TRY_ASSIGN(const auto reduced, reduced_of(params, facts));
  if (!reduced) {
    return data_dependent(x.datatype);
  }
  Shape dims;
  for (std::size_t i = 0; i < x.dims.size(); ++i) {
    if (!(*reduced)[i] || params.keep) {
      dims.push_back((*reduced)[i] ? 1 : x.dims[i]);
    }
  }
  return one_output(x.datatype, std::move(dims));
}

// The sum of `of_row(row, count)` over the walk's rows of neighbouring elements.
template <class T, class F>
double sum_of_rows(const Walk& walk, const T* x, const F& of_row) {
  const std::int64_t inner = walk.extents.empty() ? 1 : walk.extents.back();
  double sum = 0;
  for (std::int64_t row = 0; row < walk.count; row += inner) {
    sum += of_row(x + walk.offset(row), inner);
  }
  return sum;
}

// Two nested walks over the input: the kept dimensions outside, the reduced ones inside, each in
// the order of memory.
struct ReduceBound {
  Walk kept{};
  Walk reduced{};
};

Result<ReduceBound> bind_reduce(const ReduceParams& params, BindContext& context) {
  const auto facts = facts_at_bind(context);
  const Dims dims = facts[0].dims;
  SLUICE_TRY_ASSIGN(const auto reduced, reduced_of(params, {.inputs = facts}));
  SLUICE_CHECK(reduced.has_value());
  const Layout layout = context.inputs[0].layout;
  const Shape strides = strides_in_memory(dims, layout);
  const auto walk = [&](Layout order, bool wanted) {
    Walk made;
    for (const std::size_t i : order_in_memory(dims.size(), order)) {
      if ((*reduced)[i] == wanted) {
        made.add(dims[i], strides[i]);
      }
    }
    return made;
  };
  return ReduceBound{.kept = walk(context.outputs[0].layout, false), .reduced = walk(layout, true)};
}

// What sums and products are made in.
template <class T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

template <class T>
T extreme_of(bool is_max, const Walk& walk, const T* x) {
  using Limits = std::numeric_limits<T>;
  T extreme = is_max ? (Limits::has_infinity ? -Limits::infinity() : Limits::lowest())
                     : (Limits::has_infinity ? Limits::infinity() : Limits::max());
  if (is_max) {
    walk.for_each(x,
                  [&](T value) { extreme = value > extreme || value != value ? value : extreme; });
  } else {
    walk.for_each(x,
                  [&](T value) { extreme = value < extreme || value != value ? value : extreme; });
  }
  return extreme;
}

template <class T>
double log_sum_exp(const Walk& walk, const T* x) {
  double most = -std::numeric_limits<double>::infinity();
  walk.for_each(x, [&](T value) {
    const auto wide = static_cast<double>(value);
    most = wide > most || wide != wide ? wide : most;
  });
  if (!std::isfinite(most)) {
    return most;
  }
  double sum = 0;
  walk.for_each(x, [&](T value) { sum += std::exp(static_cast<double>(value) - most); });
  return most + std::log(sum);
}

template <class T>
T mean_of(Wide<T> sum, std::int64_t count) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(sum / static_cast<double>(count));
  } else if constexpr (std::is_signed_v<T>) {
    return count == 0 ? T{0} : static_cast<T>(static_cast<std::int64_t>(sum) / count);
  } else {
    return count == 0 ? T{0} : static_cast<T>(sum / static_cast<std::uint64_t>(count));
  }
}

// A logarithm or root as T; what an integer cannot hold is 0.
template <class T>
T narrowed(double value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {
    constexpr double kEnd = 9223372036854775808.0;  // 2^63
    return value > -kEnd && value < kEnd ? static_cast<T>(static_cast<std::int64_t>(value)) : T{0};
  }
}

// Sums over neighbouring float32 by vector kernels; false for all else.
bool reduce_fast(Op op, const Walk& walk, const float* x, float& result) {
  const bool rows = walk.count > 0 && (walk.extents.empty() || walk.steps.back() == 1);
  if (!rows) {
    return false;
  }
  const auto squares = [](const float* row, std::int64_t count) {
    return simd::sum_squares(row, count, 0);
  };
  switch (op) {
    case Op::sum:
      result = static_cast<float>(sum_of_rows(walk, x, simd::sum));
      return true;
    case Op::mean:
      result = mean_of<float>(sum_of_rows(walk, x, simd::sum), walk.count);
      return true;
    case Op::sum_square:
      result = static_cast<float>(sum_of_rows(walk, x, squares));
      return true;
    case Op::l2:
      result = static_cast<float>(std::sqrt(sum_of_rows(walk, x, squares)));
      return true;
    case Op::log_sum:
      result = static_cast<float>(std::log(sum_of_rows(walk, x, simd::sum)));
      return true;
    default:
      return false;
  }
}

bool is_extreme(Op op) {
  return op == Op::max || op == Op::min;
}

// Whether results are neighbours where what they are made of is.
bool has_columns(const ReduceBound& bound) {
  constexpr std::int64_t kWorthwhile = 8;
  return !bound.kept.extents.empty() && bound.kept.steps.back() == 1 &&
         bound.kept.extents.back() >= kWorthwhile;
}
bool has_columns_of_sums(Op op, const ReduceBound& bound) {
  const bool sums = op == Op::sum || op == Op::mean || op == Op::sum_square || op == Op::l2;
  return sums && has_columns(bound);
}

// Results [begin, end) where neighbours in the result are neighbours in the input: many sums at a
// time, each in the order that it would have by itself.
void reduce_columns(Op op,
                    const ReduceBound& bound,
                    const float* x,
                    float* y,
                    std::int64_t begin,
                    std::int64_t end) {
  constexpr std::int64_t kMost = 256;
  const bool squared = op == Op::sum_square || op == Op::l2;
  bound.kept.for_neighbours(
      begin, end, kMost, [&](std::int64_t first, std::int64_t count, std::int64_t at) {
        double sums[kMost] = {};
        for (std::int64_t i = 0; i < bound.reduced.count; ++i) {
          simd::add_row(x + at + bound.reduced.offset(i), count, squared, sums);
        }
        std::transform(sums, sums + count, y + first, [&](double sum) {
          return op == Op::mean ? mean_of<float>(sum, bound.reduced.count)
                                : static_cast<float>(op == Op::l2 ? std::sqrt(sum) : sum);
        });
      });
}

template <class T>
T reduce_one(Op op, const Walk& walk, const T* x) {
  if constexpr (std::is_same_v<T, float>) {
    float result = 0;
    if (reduce_fast(op, walk, x, result)) {
      return result;
    }
  }
  if constexpr (kHasExtremes<T>) {
    if (is_extreme(op) && walk.count > 0 && (walk.extents.empty() || walk.steps.back() == 1)) {
      return extreme_of_rows(op == Op::max, walk, x);
    }
  }
  const auto sum_of = [&](const auto& f) {
    Wide<T> sum = 0;
    walk.for_each(x, [&](T value) { sum += f(static_cast<Wide<T>>(value)); });
    return sum;
  };
  const auto same = [](Wide<T> value) { return value; };
  const auto square = [](Wide<T> value) { return value * value; };
  switch (op) {
    case Op::max:
    case Op::min:
      return extreme_of(op == Op::max, walk, x);
    case Op::prod: {
      Wide<T> product = 1;
      walk.for_each(x, [&](T value) { product *= static_cast<Wide<T>>(value); });
      return static_cast<T>(product);
    }
    case Op::sum:
      return static_cast<T>(sum_of(same));
    case Op::mean:
      return mean_of<T>(sum_of(same), walk.count);
    case Op::l1: {
      Wide<T> sum = 0;
      walk.for_each(x, [&](T value) {
        const auto wide = static_cast<Wide<T>>(value);
        sum += value < T{0} ? -wide : wide;
      });
      return static_cast<T>(sum);
    }
    case Op::sum_square:
      return static_cast<T>(sum_of(square));
    case Op::l2: {
      double sum = 0;
      walk.for_each(
          x, [&](T value) { sum += static_cast<double>(value) * static_cast<double>(value); });
      return narrowed<T>(std::sqrt(sum));
    }
    case Op::log_sum: {
      double sum = 0;
      walk.for_each(x, [&](T value) { sum += static_cast<double>(value); });
      return narrowed<T>(std::log(sum));
    }
    case Op::log_sum_exp:
      return narrowed<T>(log_sum_exp(walk, x));
  }
  SLUICE_CHECK(false);
}

Result<void> run_reduce(const ReduceParams& params,
                        const ReduceBound& bound,
                        KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  const bool nothing = x.count == 0;  // to reduce: there is no place in memory either
  const std::int64_t grain = 1 + 16'384 / (bound.reduced.count + 1);
  const auto reduce_all = [&](const auto& one) {
    parallel_for(y.count, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        one(i, nothing ? 0 : bound.kept.offset(i));
      }
    });
  };
  if (x.datatype == DataType::boolean) {
    const bool* from = x.as<bool>().data();
    bool* to = y.mut<bool>().data();
    reduce_all([&](std::int64_t i, std::int64_t at) {
      to[i] = extreme_of(params.op == Op::max, bound.reduced, from + at);
    });
    return {};
  }
  const bool known = dispatch_number(x.datatype, [&](auto tag) {
    using T = decltype(tag);
    const T* from = x.as<T>().data();
    T* to = y.mut<T>().data();
    if constexpr (kHasExtremes<T>) {
      if (is_extreme(params.op) && !nothing && has_columns(bound)) {
        return parallel_for(y.count, grain, [&](std::int64_t begin, std::int64_t end) {
          extremes_of_columns(
              params.op == Op::max, bound.kept, bound.reduced, from, to, begin, end);
        });
      }
    }
    if constexpr (std::is_same_v<T, float>) {
      if (has_columns_of_sums(params.op, bound)) {
        return parallel_for(y.count, grain, [&](std::int64_t begin, std::int64_t end) {
          reduce_columns(params.op, bound, from, to, begin, end);
        });
      }
    }
    reduce_all([&](std::int64_t i, std::int64_t at) {
      to[i] = reduce_one(params.op, bound.reduced, from + at);
    });
  });
  SLUICE_CHECK(known);
  return {};
}

template <Op kOp>
OperatorEntry reduce_entry(const char* name, std::vector<int> since) {
  return {.name = name,
          .since = std::move(since),
          .arity = {1, 2, 1},
          .kernel = bound_kernel<parse_reduce<kOp>, infer_reduce, bind_reduce, run_reduce>(),
          .layout = LayoutRule::reduces};
}

}  // namespace

void register_reduce(Registry& registry) {
  registry.add(reduce_entry<Op::l1>("ReduceL1", {1, 11, 13, 18}));
  registry.add(reduce_entry<Op::l2>("ReduceL2", {1, 11, 13, 18}));
  registry.add(reduce_entry<Op::log_sum>("ReduceLogSum", {1, 11, 13, 18}));
  registry.add(reduce_entry<Op::log_sum_exp>("ReduceLogSumExp", {1, 11, 13, 18}));
  registry.add(reduce_entry<Op::max>("ReduceMax", {1, 11, 12, 13, 18, 20}));
  registry.add(reduce_entry<Op::mean>("ReduceMean", {1, 11, 13, 18}));
  registry.add(reduce_entry<Op::min>("ReduceMin", {1, 11, 12, 13, 18, 20}));
  registry.add(reduce_entry<Op::prod>("ReduceProd", {1, 11, 13, 18}));
  registry.add(reduce_entry<Op::sum>("ReduceSum", {1, 11, 13}));
  registry.add(reduce_entry<Op::sum_square>("ReduceSumSquare", {1, 11, 13, 18}));
}

}  // namespace sluice::engine
