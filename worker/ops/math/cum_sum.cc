// CumSum: sums of the elements up to each place of an axis.
// Spec: https://onnx.ai/onnx/operators/onnx__CumSum.html (read 2026-11).
// Types: all numbers; the axis an int32 or int64. float32 is summed in double. `exclusive` leaves
// out the place itself, `reverse` begins at the end.

#include <type_traits>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct CumSumParams {
  bool exclusive = false;
  bool reverse = false;
};

Result<CumSumParams> parse_cum_sum(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::int64_t exclusive, attributes.integer("exclusive", 0));
  SLUICE_TRY_ASSIGN(const std::int64_t reverse, attributes.integer("reverse", 0));
  SLUICE_TRY(attributes.finish());
  return CumSumParams{.exclusive = exclusive != 0, .reverse = reverse != 0};
}

Result<OutputFacts> infer_cum_sum(const CumSumParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& axis = facts.at(1);
  if (!is_number(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(axis.dims));
  if (count != 1 || (axis.datatype != DataType::int64 && axis.datatype != DataType::int32)) {
    return bad_input("its axis is " + std::string(name_of(axis.datatype)) + " " +
                     to_string(axis.dims));
  }
  if (axis.value != nullptr) {
    SLUICE_TRY_ASSIGN(const std::int64_t at, integer_in(*axis.value));
    SLUICE_TRY(resolve_axis(at, x.dims.size()));
  }
  return infer_same(params, facts);
}

template <class T>
void sum_up(const CumSumParams& params, const T* from, T* to, std::int64_t count) {
  using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  Wide sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t at = params.reverse ? count - 1 - i : i;
    const auto value = static_cast<Wide>(from[at]);
    to[at] = static_cast<T>(params.exclusive ? sum : sum + value);
    sum += value;
  }
}

// `columns` sums beside each other.
constexpr std::int64_t kMostColumns = 64;
template <class T>
void sum_columns(const CumSumParams& params,
                 const T* from,
                 T* to,
                 std::int64_t count,
                 std::int64_t step,
                 std::int64_t columns) {
  using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  Wide sums[kMostColumns] = {};
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t at = (params.reverse ? count - 1 - i : i) * step;
    Wide before[kMostColumns];  // `to` may be `from`
    for (std::int64_t k = 0; k < columns; ++k) {
      before[k] = sums[k];
      sums[k] += static_cast<Wide>(from[at + k]);
    }
    const Wide* const given = params.exclusive ? before : sums;
    for (std::int64_t k = 0; k < columns; ++k) {
      to[at + k] = static_cast<T>(given[k]);
    }
  }
}

Result<void> run_cum_sum(const CumSumParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  SLUICE_TRY_ASSIGN(const std::int64_t named, integer_in(context.input(1)));
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(named, x.rank()));
  const std::int64_t extent = x.dims[axis];
  const std::int64_t inner = product(x.dims, axis + 1, x.rank());
  if (x.count == 0) {
    return {};
  }
  dispatch_number(x.datatype, [&](auto tag) {
    using T = decltype(tag);
    const T* from = x.as<T>().data();
    T* to = context.output(0).mut<T>().data();
    if (inner > 1) {
      // By parts of a stack, so that threads share a single one, too.
      const std::int64_t parts = (inner + kMostColumns - 1) / kMostColumns;
      const std::int64_t work = extent * std::min(inner, kMostColumns);
      parallel_for(x.count / (extent * inner) * parts,
                   1 + 16'384 / work,
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t item = begin; item < end; ++item) {
                       const std::int64_t column = item % parts * kMostColumns;
                       const std::int64_t at = item / parts * extent * inner + column;
                       sum_columns(params,
                                   from + at,
                                   to + at,
                                   extent,
                                   inner,
                                   std::min(kMostColumns, inner - column));
                     }
                   });
      return;
    }
    parallel_for(x.count / extent, 1 + 16'384 / extent, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        sum_up(params, from + i * extent, to + i * extent, extent);
      }
    });
  });
  return {};
}

}  // namespace

void register_cum_sum(Registry& registry) {
  registry.add({.name = "CumSum",
                .since = {11, 14},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_cum_sum, infer_cum_sum, run_cum_sum>(),
                .overwrites = {0},
                .tame = true});
}

}  // namespace sluice::engine
