// OneHot, Range: tensors made from a few numbers.
// Spec: https://onnx.ai/onnx/operators/onnx__OneHot.html and its neighbour (read 2026-11).
//
//   Range   start + i * delta for i below ceil((limit - start) / delta); float32, float64, int16,
//           int32, int64
//   OneHot  indices [a, b] of any number, depth n, values (off, on) of any type -> [a, b, n] for
//           axis -1: on where the new axis is at the index. Since 11 negative indices count from
//           depth; indices outside are off everywhere.

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/elements.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// --- Range ---------------------------------------------------------------------------------------

constexpr std::int64_t kMost = std::int64_t{1} << 50;  // what is longer fits in no memory

template <class T>
Result<std::int64_t> range_length(T start, T limit, T delta) {
  if (delta == 0 || delta != delta) {
    return bad_input("a range with steps of " + std::to_string(delta));
  }
  if constexpr (std::is_integral_v<T>) {
    if (delta > 0 ? start >= limit : start <= limit) {
      return 0;
    }
    // Distances of int64 need all bits of uint64.
    const std::uint64_t from = static_cast<std::uint64_t>(delta > 0 ? start : limit);
    const std::uint64_t to = static_cast<std::uint64_t>(delta > 0 ? limit : start);
    const std::uint64_t wide = static_cast<std::uint64_t>(delta);
    const std::uint64_t length = (to - from - 1) / (delta > 0 ? wide : 0 - wide) + 1;
    return static_cast<std::int64_t>(std::min<std::uint64_t>(length, kMost));
  } else {
    const double steps = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) /
                                   static_cast<double>(delta));
    return !(steps < static_cast<double>(kMost)) ? kMost
                                                 : static_cast<std::int64_t>(std::max(steps, 0.0));
  }
}

Result<OutputFacts> infer_range(const NoParams&, const InputFacts& facts) {
  const DataType datatype = facts.at(0).datatype;
  bool known = true;
  for (std::size_t i = 0; i < 3; ++i) {
    SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(facts.at(i).dims));
    if (count != 1 || facts.at(i).datatype != datatype) {
      return bad_input("its inputs must be one " + std::string(name_of(datatype)) + " each");
    }
    known = known && facts.at(i).value != nullptr;
  }
  if (!is_float(datatype) && datatype != DataType::int16 && datatype != DataType::int32 &&
      datatype != DataType::int64) {
    return unsupported_type(datatype);
  }
  if (!known) {
    return data_dependent(datatype);
  }
  Result<std::int64_t> length = 0;
  dispatch_number(datatype, [&](auto tag) {
    using T = decltype(tag);
    length = range_length(facts.at(0).value->as<T>()[0],
                          facts.at(1).value->as<T>()[0],
                          facts.at(2).value->as<T>()[0]);
  });
  SLUICE_TRY(length);
  if (*length == kMost) {
    return Error{ErrorCode::resource_exhausted, "a range without end"};
  }
  return one_output(datatype, {*length});
}

Result<void> run_range(const NoParams&, KernelContext& context) {
  TensorView& y = context.output(0);
  dispatch_number(y.datatype, [&](auto tag) {
    using T = decltype(tag);
    const T start = context.input(0).as<T>()[0];
    const T delta = context.input(2).as<T>()[0];
    T* to = y.mut<T>().data();
    for (std::int64_t i = 0; i < y.count; ++i) {
      if constexpr (std::is_floating_point_v<T>) {
        to[i] = start + static_cast<T>(i) * delta;
      } else {
        to[i] = static_cast<T>(static_cast<std::uint64_t>(start) +
                               static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(delta));
      }
    }
  });
  return {};
}

// --- OneHot --------------------------------------------------------------------------------------

struct OneHotParams {
  std::int64_t axis = -1;
  bool from_the_end = true;  // since 11
};

Result<OneHotParams> parse_one_hot(const Node& node) {
  Attributes attributes(node);
  OneHotParams params{.from_the_end = node.since >= 11};
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", -1));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_one_hot(const OneHotParams& params, const InputFacts& facts) {
  const InputFact& indices = facts.at(0);
  const InputFact& depth = facts.at(1);
  const InputFact& values = facts.at(2);
  if (!is_number(indices.datatype)) {
    return unsupported_type(indices.datatype);
  }
  if (values.dims.size() != 1 || values.dims[0] != 2) {
    return bad_input("its values are " + to_string(values.dims) + ", not [2]");
  }
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, indices.dims.size() + 1));
  if (depth.value == nullptr) {
    return data_dependent(values.datatype);
  }
  SLUICE_TRY_ASSIGN(const std::int64_t count, integer_in(*depth.value));
  if (count < 0) {
    return bad_input("a depth of " + std::to_string(count));
  }
  Shape dims(indices.dims.begin(), indices.dims.end());
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), count);
  return one_output(values.datatype, std::move(dims));
}

// The place along the new axis; -1 for none.
template <class T>
std::int64_t hot(const OneHotParams& params, T index, std::int64_t depth) {
  if constexpr (std::is_floating_point_v<T>) {
    constexpr T kEnd = 9223372036854775808.0F;  // 2^63
    if (!(index >= -kEnd && index < kEnd)) {
      return -1;
    }
  }
  const auto at = static_cast<std::int64_t>(index);
  const std::int64_t place = at < 0 && params.from_the_end ? at + depth : at;
  return place >= 0 && place < depth ? place : -1;
}

Result<void> run_one_hot(const OneHotParams& params, KernelContext& context) {
  const TensorView& indices = context.input(0);
  TensorView& y = context.output(0);
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, y.rank()));
  const std::int64_t depth = y.dims[axis];
  const std::int64_t inner = product(y.dims, axis + 1, y.rank());
  dispatch_element(y.datatype, [&](auto* element) {
    using E = std::remove_pointer_t<decltype(element)>;
    const E* values = elements<E>(context.input(2));
    E* to = elements<E>(y);
    std::fill_n(to, y.count, values[0]);
    dispatch_number(indices.datatype, [&](auto tag) {
      const auto from = indices.as<decltype(tag)>();
      for (std::int64_t i = 0; i < indices.count; ++i) {
        const std::int64_t place = hot(params, from[static_cast<std::size_t>(i)], depth);
        if (place >= 0) {
          to[(i / inner * depth + place) * inner + i % inner] = values[1];
        }
      }
    });
  });
  return {};
}

}  // namespace

void register_generate(Registry& registry) {
  registry.add({.name = "OneHot",
                .since = {9, 11},
                .arity = {3, 3, 1},
                .kernel = kernel<parse_one_hot, infer_one_hot, run_one_hot>(),
                .tame = true});
  registry.add({.name = "Range",
                .since = {11},
                .arity = {3, 3, 1},
                .kernel = kernel<parse_nothing, infer_range, run_range>()});
}

}  // namespace sluice::engine
