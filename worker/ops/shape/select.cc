// Compress, NonZero: what is true, picked out.
// Spec: https://onnx.ai/onnx/operators/onnx__NonZero.html and its neighbour (read 2026-11).
//
//   NonZero   X of any type, rank r -> int64 [r, n]: the coordinates of the elements that are not 0
//             (not false, not ""), in row-major order; a scalar counts as [1]
//   Compress  the slices along `axis`, or the elements of the flattened input, where the condition
//             (bool [m]) is true; a short condition leaves the rest out
//
// The number of results hangs on values: where those are known at bind, so is the result's shape.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "worker/ops/elements.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// --- NonZero -------------------------------------------------------------------------------------

// Calls f(i) for every element i that is not zero.
template <class F>
void for_each_non_zero(const TensorView& x, const F& f) {
  const auto visit = [&](const auto& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] != typename std::decay_t<decltype(values)>::value_type{}) {
        f(static_cast<std::int64_t>(i));
      }
    }
  };
  if (x.datatype == DataType::boolean) {
    visit(x.as<bool>());
  } else if (x.datatype == DataType::string) {
    visit(x.as<std::string>());
  } else if (is_half(x.datatype)) {
    const auto* bits = elements<std::uint16_t>(x);
    for (std::int64_t i = 0; i < x.count; ++i) {
      if ((bits[i] & 0x7FFFU) != 0) {  // -0 is 0 too
        f(i);
      }
    }
  } else {
    const bool known = dispatch_number(x.datatype, [&](auto tag) { visit(x.as<decltype(tag)>()); });
    SLUICE_CHECK(known);
  }
}

Result<OutputFacts> infer_non_zero(const NoParams&, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_number(x.datatype) && x.datatype != DataType::boolean && x.datatype != DataType::string &&
      !is_half(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.value == nullptr) {
    return data_dependent(DataType::int64);
  }
  std::int64_t count = 0;
  for_each_non_zero(*x.value, [&](std::int64_t) { ++count; });
  const auto rank = std::max<std::int64_t>(static_cast<std::int64_t>(x.dims.size()), 1);
  return one_output(DataType::int64, {rank, count});
}

Result<void> run_non_zero(const NoParams&, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  std::int64_t* to = y.mut<std::int64_t>().data();
  const std::int64_t count = y.dims[1];
  std::int64_t n = 0;
  for_each_non_zero(x, [&](std::int64_t i) {
    for (std::size_t d = x.rank(); d > 0; --d) {
      to[static_cast<std::int64_t>(d - 1) * count + n] = i % x.dims[d - 1];
      i /= x.dims[d - 1];
    }
    if (x.rank() == 0) {
      to[n] = 0;
    }
    ++n;
  });
  return {};
}

// --- Compress ------------------------------------------------------------------------------------

struct CompressParams {
  std::optional<std::int64_t> axis{};  // absent: flattened
};

Result<CompressParams> parse_compress(const Node& node) {
  Attributes attributes(node);
  CompressParams params;
  if (attributes.has("axis")) {
    SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_compress(const CompressParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& condition = facts.at(1);
  if (condition.datatype != DataType::boolean || condition.dims.size() != 1) {
    return bad_input("its condition is " + std::string(name_of(condition.datatype)) + " " +
                     to_string(condition.dims) + ", not bool [m]");
  }
  SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(x.dims));
  std::size_t axis = 0;
  Shape dims{count};
  if (params.axis) {
    SLUICE_TRY_ASSIGN(axis, resolve_axis(*params.axis, x.dims.size()));
    dims.assign(x.dims.begin(), x.dims.end());
  }
  if (condition.value == nullptr) {
    return data_dependent(x.datatype);
  }
  const auto chosen = condition.value->as<bool>();
  const auto extent = static_cast<std::size_t>(dims[axis]);
  if (chosen.size() > extent && std::ranges::count(chosen.subspan(extent), true) > 0) {
    return bad_input("its condition chooses beyond an extent of " + std::to_string(extent));
  }
  dims[axis] = std::ranges::count(chosen, true);
  return one_output(x.datatype, std::move(dims));
}

Result<void> run_compress(const CompressParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  const auto chosen = context.input(1).as<bool>();
  TensorView& y = context.output(0);
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  std::int64_t extent = x.count;
  if (params.axis) {
    SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(*params.axis, x.rank()));
    outer = product(x.dims, 0, axis);
    inner = product(x.dims, axis + 1, x.rank());
    extent = x.dims[axis];
  }
  const std::size_t length = std::min(chosen.size(), static_cast<std::size_t>(extent));
  dispatch_element(x.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const T* from = elements<T>(x);
    T* to = elements<T>(y);
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::size_t i = 0; i < length; ++i) {
        if (chosen[i]) {
          to = std::copy_n(from + (o * extent + static_cast<std::int64_t>(i)) * inner, inner, to);
        }
      }
    }
  });
  return {};
}

}  // namespace

void register_select(Registry& registry) {
  registry.add({.name = "Compress",
                .since = {9, 11},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_compress, infer_compress, run_compress>(),
                .halves = HalfRule::native,
                .tame = true});
  registry.add({.name = "NonZero",
                .since = {9, 13},
                .kernel = kernel<parse_nothing, infer_non_zero, run_non_zero>(),
                .halves = HalfRule::native,
                .tame = true});
}

}  // namespace sluice::engine
