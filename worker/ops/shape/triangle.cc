// EyeLike, Trilu: what lies on, above and below a diagonal.
// Spec: https://onnx.ai/onnx/operators/onnx__Trilu.html and its neighbour (read 2026-11).
// Types: Trilu all but strings, of the last two axes; EyeLike numbers and bool, of two axes alone.
// Diagonal number k runs k columns to the right of the main one.
// EyeLike's datatype is that of the input where its dtype is left out.

#include <algorithm>
#include <utility>

#include "common/tensor/small_float.h"
#include "worker/engine/graph/onnx_types.h"
#include "worker/engine/machine/parallel.h"
#include "worker/ops/elements.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// --- Trilu ---------------------------------------------------------------------------------------

struct TriluParams {
  bool upper = true;
};

Result<TriluParams> parse_trilu(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::int64_t upper, attributes.integer("upper", 1));
  SLUICE_TRY(attributes.finish());
  return TriluParams{.upper = upper != 0};
}

Result<OutputFacts> infer_trilu(const TriluParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (x.datatype == DataType::string) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() < 2) {
    return bad_input("its input is " + to_string(x.dims) + ", not matrices");
  }
  return infer_same(params, facts);
}

Result<void> run_trilu(const TriluParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  std::int64_t k = 0;
  if (context.has_input(1)) {
    SLUICE_TRY_ASSIGN(k, integer_in(context.input(1)));
  }
  const std::int64_t rows = x.dims[x.rank() - 2];
  const std::int64_t columns = x.dims[x.rank() - 1];
  if (x.count == 0) {
    return {};
  }
  k = std::clamp(k, -rows, columns);
  dispatch_element(x.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const T* from = elements<T>(x);
    T* to = elements<T>(y);
    parallel_for(
        x.count / columns, 1 + 16'384 / columns, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t row = begin; row < end; ++row) {
            // Columns before this one are below the diagonal; with upper = 0 it stays itself.
            const std::int64_t first =
                std::clamp<std::int64_t>(row % rows + k + (params.upper ? 0 : 1), 0, columns);
            const T* source = from + row * columns;
            T* target = to + row * columns;
            std::fill_n(params.upper ? target : target + first,
                        params.upper ? first : columns - first,
                        T{});
            if (params.upper) {
              std::copy_n(source + first, columns - first, target + first);
            } else {
              std::copy_n(source, first, target);
            }
          }
        });
  });
  return {};
}

// --- EyeLike -------------------------------------------------------------------------------------

struct EyeParams {
  DataType datatype = DataType::undefined;  // as the input's
  std::int64_t k = 0;
};

Result<EyeParams> parse_eye(const Node& node) {
  Attributes attributes(node);
  EyeParams params;
  SLUICE_TRY_ASSIGN(params.k, attributes.integer("k", 0));
  SLUICE_TRY_ASSIGN(params.datatype, datatype_attribute(attributes, "dtype", DataType::undefined));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_eye(const EyeParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const DataType datatype = params.datatype == DataType::undefined ? x.datatype : params.datatype;
  if (!is_number(datatype) && !is_half(datatype) && datatype != DataType::boolean) {
    return unsupported_type(datatype);
  }
  if (x.dims.size() != 2) {
    return bad_input("its input is " + to_string(x.dims) + ", not a matrix");
  }
  return one_output(datatype, {x.dims.begin(), x.dims.end()});
}

Result<void> run_eye(const EyeParams& params, KernelContext& context) {
  TensorView& y = context.output(0);
  const std::int64_t rows = y.dims[0];
  const std::int64_t columns = y.dims[1];
  const std::int64_t k = std::clamp(params.k, -rows, columns);
  const auto fill = [&](auto one) {
    auto* to = y.mut<decltype(one)>().data();
    std::fill_n(to, y.count, decltype(one){});
    for (std::int64_t row = std::max<std::int64_t>(0, -k); row < rows && row + k < columns; ++row) {
      to[row * columns + row + k] = one;
    }
  };
  if (y.datatype == DataType::boolean) {
    fill(true);
  } else if (y.datatype == DataType::float16) {
    fill(narrow<Float16>(1));
  } else if (y.datatype == DataType::bfloat16) {
    fill(narrow<BFloat16>(1));
  } else {
    const bool known = dispatch_number(y.datatype, [&](auto tag) { fill(decltype(tag){1}); });
    SLUICE_CHECK(known);
  }
  return {};
}

}  // namespace

void register_triangle(Registry& registry) {
  registry.add({.name = "EyeLike",
                .since = {9, 22},
                .kernel = kernel<parse_eye, infer_eye, run_eye>(),
                .halves = HalfRule::native,
                .tame = true});
  registry.add({.name = "Trilu",
                .since = {14},
                .arity = {1, 2, 1},
                .kernel = kernel<parse_trilu, infer_trilu, run_trilu>(),
                .halves = HalfRule::native,
                .overwrites = {0},
                .tame = true});
}

}  // namespace sluice::engine
