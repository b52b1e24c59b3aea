// ArgMax, ArgMin: the place of the largest or smallest element along an axis.
// Spec: https://onnx.ai/onnx/operators/onnx__ArgMax.html and its neighbour (read 2026-11).
// Types: all numbers; the result is int64. The first NaN is more extreme than any number. Of equal
// elements the first, or with select_last_index (since 12) the last. An empty axis is an error.

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/math/extremes.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/plain.h"
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

// Places of `count` columns beside each other, of a stack whose rows are `inner` apart.
constexpr std::int64_t kMostColumns = 256;
template <class T>
void places_of_columns(const ArgParams& params,
                       const T* x,
                       std::int64_t extent,
                       std::int64_t inner,
                       std::int64_t count,
                       std::int64_t* y) {
  T best[kMostColumns];
  std::int32_t places[kMostColumns] = {};
  std::copy_n(x, count, best);
  for (std::int64_t i = 1; i < extent; ++i) {
    simd::take_places<T>({.x = x + i * inner,
                          .count = count,
                          .is_max = params.is_max,
                          .last = params.last,
                          .place = static_cast<std::int32_t>(i)},
                         best,
                         places);
  }
  std::copy_n(places, count, y);
}

// The place of the extreme of a row: found first, then looked for.
template <class T>
std::int64_t place_in_row(const ArgParams& params, const T* x, std::int64_t count) {
  const T best = simd::extreme(x, count, params.is_max);
  if (best != best) {
    return std::find_if(x, x + count, [](T value) { return value != value; }) - x;
  }
  if (params.last) {
    std::int64_t i = count - 1;
    for (; x[i] != best; --i) {
    }
    return i;
  }
  std::int64_t i = 0;
  for (constexpr std::int64_t kBlock = 32; i + kBlock <= count; i += kBlock) {
    int found = 0;
    for (std::int64_t k = 0; k < kBlock; ++k) {
      found |= x[i + k] == best ? 1 : 0;
    }
    if (found != 0) {
      break;
    }
  }
  for (; x[i] != best; ++i) {
  }
  return i;
}

// Rows one by one; columns by parts of a stack, so that threads share a single one, too.
template <class T>
void run_vectors(const ArgParams& params,
                 const T* x,
                 std::int64_t extent,
                 std::int64_t inner,
                 std::span<std::int64_t> y) {
  const std::int64_t parts = (inner + kMostColumns - 1) / kMostColumns;
  const auto results = static_cast<std::int64_t>(y.size());
  const std::int64_t items = inner == 0 ? 0 : results / inner * parts;
  const std::int64_t work = extent * std::min(inner, kMostColumns);
  parallel_for(items, 1 + 16'384 / (work + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t column = item % parts * kMostColumns;
      const std::int64_t result = item / parts * inner + column;
      const T* const from = x + item / parts * extent * inner + column;
      if (inner == 1) {
        y[static_cast<std::size_t>(result)] = place_in_row(params, from, extent);
      } else {
        places_of_columns(
            params, from, extent, inner, std::min(kMostColumns, inner - column), y.data() + result);
      }
    }
  });
}

Result<void> run_arg(const ArgParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  const auto rank = static_cast<std::int64_t>(x.rank());
  const auto axis = static_cast<std::size_t>(params.axis < 0 ? params.axis + rank : params.axis);
  const std::int64_t extent = x.dims[axis];
  const std::int64_t inner = product(x.dims, axis + 1, x.rank());
  const auto y = context.output(0).mut<std::int64_t>();
  dispatch_number(x.datatype, [&](auto tag) {
    using T = decltype(tag);
    const auto* from = x.as<T>().data();
    if constexpr (kHasExtremes<T>) {
      if (extent <= std::numeric_limits<std::int32_t>::max()) {
        return run_vectors(params, from, extent, inner, y);
      }
    }
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
