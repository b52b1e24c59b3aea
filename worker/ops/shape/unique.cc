// Unique: the different elements, or slices along an axis.
// Spec: https://onnx.ai/onnx/operators/onnx__Unique.html (read 2026-11).
// Types: all numbers, bool, strings. Outputs: the elements or slices; for each where it was first;
// for each of the input which it is; how often it was there. Sorted, NaN last and equal to itself
// as in NumPy, or in the order in which they were first seen.

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "worker/ops/elements.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct UniqueParams {
  std::optional<std::int64_t> axis{};  // absent: of the flattened input
  bool sorted = true;
};

Result<UniqueParams> parse_unique(const Node& node) {
  Attributes attributes(node);
  UniqueParams params;
  if (attributes.has("axis")) {
    SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
  }
  SLUICE_TRY_ASSIGN(const std::int64_t sorted, attributes.integer("sorted", 1));
  params.sorted = sorted != 0;
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_unique(const UniqueParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_number(x.datatype) && x.datatype != DataType::boolean && x.datatype != DataType::string) {
    return unsupported_type(x.datatype);
  }
  if (params.axis) {
    SLUICE_TRY(resolve_axis(*params.axis, x.dims.size()));
  }
  OutputFacts made(4);
  for (OutputFact& output : made) {
    output.datatype = DataType::int64;
    output.data_dependent = true;
  }
  made[0].datatype = x.datatype;
  return made;
}

// Slices of the input: element e of slice s is at offset(s, e).
struct Slices {
  std::int64_t count = 1;
  std::int64_t outer = 1;
  std::int64_t inner = 1;

  [[nodiscard]] std::int64_t length() const { return outer * inner; }
  [[nodiscard]] std::int64_t offset(std::int64_t slice, std::int64_t element) const {
    return (element / inner * count + slice) * inner + element % inner;
  }
};

Slices slices_of(const UniqueParams& params, Dims dims) {
  if (!params.axis) {
    return {.count = product(dims, 0, dims.size())};
  }
  const auto rank = static_cast<std::int64_t>(dims.size());
  const auto axis = static_cast<std::size_t>(*params.axis < 0 ? *params.axis + rank : *params.axis);
  return {.count = dims[axis],
          .outer = product(dims, 0, axis),
          .inner = product(dims, axis + 1, dims.size())};
}

Result<Slices> bind_unique(const UniqueParams& params, BindContext& context) {
  const Slices slices = slices_of(params, context.inputs[0].dims);
  constexpr std::size_t kLists = 5;  // see Groups
  context.scratch_size = kLists * static_cast<std::size_t>(slices.count) * sizeof(std::int64_t);
  return slices;
}

// -1, 0 or 1; NaN is behind all numbers.
template <class T>
int order_of(const T& a, const T& b) {
  if (a != a || b != b) {
    return static_cast<int>(a != a) - static_cast<int>(b != b);
  }
  return a < b ? -1 : b < a ? 1 : 0;
}

template <class T>
int order_of_slices(const T* x, const Slices& slices, std::int64_t a, std::int64_t b) {
  for (std::int64_t e = 0; e < slices.length(); ++e) {
    if (const int order = order_of(x[slices.offset(a, e)], x[slices.offset(b, e)]); order != 0) {
      return order;
    }
  }
  return 0;
}

// Equal slices, in scratch memory.
struct Groups {
  std::span<std::int64_t> order;  // slices, sorted
  std::span<std::int64_t> group;  // by slice
  std::span<std::int64_t> first;  // by group: its first slice
  std::span<std::int64_t> size;   // by group
  std::span<std::int64_t> place;  // by group: where it goes in the result
  std::int64_t count = 0;         // of groups
};

template <class T>
Groups grouped(const UniqueParams& params, const T* x, const Slices& slices, std::int64_t* memory) {
  const auto n = static_cast<std::size_t>(slices.count);
  Groups groups{.order = {memory, n},
                .group = {memory + n, n},
                .first = {memory + 2 * n, n},
                .size = {memory + 3 * n, n},
                .place = {memory + 4 * n, n}};
  std::iota(groups.order.begin(), groups.order.end(), 0);
  std::sort(groups.order.begin(), groups.order.end(), [&](std::int64_t a, std::int64_t b) {
    const int order = order_of_slices(x, slices, a, b);
    return order != 0 ? order < 0 : a < b;
  });
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t slice = groups.order[i];
    if (i == 0 || order_of_slices(x, slices, groups.order[i - 1], slice) != 0) {
      groups.first[static_cast<std::size_t>(groups.count)] = slice;
      groups.size[static_cast<std::size_t>(groups.count)] = 0;
      ++groups.count;
    }
    groups.group[static_cast<std::size_t>(slice)] = groups.count - 1;
    ++groups.size[static_cast<std::size_t>(groups.count - 1)];
  }
  // The groups in the order of the result, for which the sorted slices' memory is free again.
  const auto listed = groups.order.first(static_cast<std::size_t>(groups.count));
  std::iota(listed.begin(), listed.end(), 0);
  if (!params.sorted) {
    std::ranges::sort(listed, {}, [&](std::int64_t group) {
      return groups.first[static_cast<std::size_t>(group)];
    });
  }
  for (std::size_t i = 0; i < listed.size(); ++i) {
    groups.place[static_cast<std::size_t>(listed[i])] = static_cast<std::int64_t>(i);
  }
  return groups;
}

template <class T>
Result<void> unique(const UniqueParams& params, const Slices& slices, KernelContext& context) {
  const TensorView& x = context.input(0);
  const T* from = x.as<T>().data();
  auto* memory = static_cast<std::int64_t*>(static_cast<void*>(context.scratch().data()));
  const Groups groups = grouped(params, from, slices, memory);
  const auto each_group = [&](std::size_t output, const auto& list) -> Result<void> {
    if (context.has_output(output)) {
      SLUICE_TRY_ASSIGN(TensorView * made, context.allocate_output(output, {groups.count}));
      for (std::size_t g = 0; g < static_cast<std::size_t>(groups.count); ++g) {
        made->mut<std::int64_t>()[static_cast<std::size_t>(groups.place[g])] = list[g];
      }
    }
    return {};
  };
  SLUICE_TRY(each_group(1, groups.first));
  SLUICE_TRY(each_group(3, groups.size));
  if (context.has_output(2)) {
    SLUICE_TRY_ASSIGN(TensorView * made, context.allocate_output(2, {slices.count}));
    for (std::size_t i = 0; i < groups.group.size(); ++i) {
      made->mut<std::int64_t>()[i] = groups.place[static_cast<std::size_t>(groups.group[i])];
    }
  }
  if (context.has_output(0)) {
    Shape dims{groups.count};
    if (params.axis) {
      dims.assign(x.dims.begin(), x.dims.end());
      SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(*params.axis, dims.size()));
      dims[axis] = groups.count;
    }
    SLUICE_TRY_ASSIGN(TensorView * made, context.allocate_output(0, std::move(dims)));
    T* to = made->mut<T>().data();
    const Slices target{.count = groups.count, .outer = slices.outer, .inner = slices.inner};
    for (std::size_t g = 0; g < static_cast<std::size_t>(groups.count); ++g) {
      for (std::int64_t e = 0; e < slices.length(); ++e) {
        to[target.offset(groups.place[g], e)] = from[slices.offset(groups.first[g], e)];
      }
    }
  }
  return {};
}

Result<void> run_unique(const UniqueParams& params, const Slices& slices, KernelContext& context) {
  const DataType datatype = context.input(0).datatype;
  if (datatype == DataType::boolean) {
    return unique<bool>(params, slices, context);
  }
  if (datatype == DataType::string) {
    return unique<std::string>(params, slices, context);
  }
  Result<void> done;
  const bool known = dispatch_number(
      datatype, [&](auto tag) { done = unique<decltype(tag)>(params, slices, context); });
  SLUICE_CHECK(known);
  return done;
}

}  // namespace

void register_unique(Registry& registry) {
  registry.add({.name = "Unique",
                .since = {11},
                .arity = {1, 1, 4},
                .kernel = bound_kernel<parse_unique, infer_unique, bind_unique, run_unique>(),
                .tame = true});
}

}  // namespace sluice::engine
