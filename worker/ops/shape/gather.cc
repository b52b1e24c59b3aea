// Concat, Gather, Slice: parts of tensors put together anew.
// Spec: https://onnx.ai/onnx/operators/onnx__Gather.html and its neighbours (read 2026-11).
// Types: all; indices int32 or int64, negative ones count from the end, outside is an error.
// Opsets: Concat 1 has a default axis; Slice has attributes before 10, inputs and steps since.

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/layout.h"
#include "worker/ops/elements.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct AxisParams {
  std::int64_t axis = 0;
};

// --- Concat --------------------------------------------------------------------------------------

Result<AxisParams> parse_concat(const Node& node) {
  Attributes attributes(node);
  AxisParams params;
  if (node.since >= 4 && !attributes.has("axis")) {
    return Error{ErrorCode::data_corrupt, "has no axis"};
  }
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 1));
  SLUICE_TRY(attributes.finish());
  if (node.inputs.empty()) {
    return Error{ErrorCode::data_corrupt, "has no inputs"};
  }
  return params;
}

Result<OutputFacts> infer_concat(const AxisParams& params, const InputFacts& facts) {
  const InputFact& first = facts.at(0);
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, first.dims.size()));
  Shape dims(first.dims.begin(), first.dims.end());
  for (std::size_t i = 1; i < facts.inputs.size(); ++i) {
    const InputFact& input = facts.at(i);
    bool fits = input.datatype == first.datatype && input.dims.size() == dims.size();
    for (std::size_t d = 0; fits && d < dims.size(); ++d) {
      fits = d == axis || input.dims[d] == dims[d];
    }
    if (!fits) {
      return bad_input("input " + to_string(first.dims) + " and input " + to_string(input.dims) +
                       " cannot be concatenated along axis " + std::to_string(params.axis));
    }
    dims[axis] += input.dims[axis];
  }
  return one_output(first.datatype, std::move(dims));
}

Result<void> run_concat(const AxisParams& params, KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  const auto rank = static_cast<std::int64_t>(y.rank());
  const auto axis = static_cast<std::size_t>(params.axis < 0 ? params.axis + rank : params.axis);
  const std::int64_t outer = extents_before(y.dims, axis, y.layout);
  const std::int64_t row = y.count / outer;
  dispatch_element(y.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    std::int64_t at = 0;
    for (std::size_t i = 0; i < context.input_count(); ++i) {
      const TensorView& x = context.input(i);
      const std::int64_t part = x.count / outer;
      const T* from = elements<T>(x);
      T* to = elements<T>(y) + at;
      parallel_for(outer, 1 + 16'384 / (part + 1), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t o = begin; o < end; ++o) {
          std::copy_n(from + o * part, part, to + o * row);
        }
      });
      at += part;
    }
  });
  return {};
}

// --- Gather --------------------------------------------------------------------------------------

Result<AxisParams> parse_gather(const Node& node) {
  Attributes attributes(node);
  AxisParams params;
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_gather(const AxisParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& indices = facts.at(1);
  if (indices.datatype != DataType::int64 && indices.datatype != DataType::int32) {
    return bad_input("its indices are " + std::string(name_of(indices.datatype)));
  }
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, x.dims.size()));
  Shape dims(x.dims.begin(), x.dims.begin() + static_cast<std::ptrdiff_t>(axis));
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), x.dims.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.dims.end());
  return one_output(x.datatype, std::move(dims));
}

template <class Index>
Result<void> gather(std::size_t axis, KernelContext& context) {
  const TensorView& x = context.input(0);
  const auto indices = context.input(1).as<Index>();
  TensorView& y = context.output(0);
  const std::int64_t extent = x.dims[axis];
  for (const Index index : indices) {
    if (index < -extent || index >= extent) {
      return bad_input("index " + std::to_string(index) + " is outside of axis " +
                       std::to_string(axis) + " of " + to_string(x.dims));
    }
  }
  const std::int64_t outer = product(x.dims, 0, axis);
  const std::int64_t inner = product(x.dims, axis + 1, x.rank());
  dispatch_element(x.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const T* from = elements<T>(x);
    T* to = elements<T>(y);
    const auto picked = static_cast<std::int64_t>(indices.size());
    parallel_for(
        outer * picked, 1 + 16'384 / (inner + 1), [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t index = indices[static_cast<std::size_t>(i % picked)];
            const std::int64_t at = i / picked * extent + (index < 0 ? index + extent : index);
            std::copy_n(from + at * inner, inner, to + i * inner);
          }
        });
  });
  return {};
}

Result<void> run_gather(const AxisParams& params, KernelContext& context) {
  const auto rank = static_cast<std::int64_t>(context.input(0).rank());
  const auto axis = static_cast<std::size_t>(params.axis < 0 ? params.axis + rank : params.axis);
  return context.input(1).datatype == DataType::int64 ? gather<std::int64_t>(axis, context)
                                                      : gather<std::int32_t>(axis, context);
}

// --- Slice ---------------------------------------------------------------------------------------

struct SliceParams {
  bool by_attributes = false;
  std::vector<std::int64_t> starts{};
  std::vector<std::int64_t> ends{};
  std::vector<std::int64_t> axes{};
};

Result<SliceParams> parse_slice(const Node& node) {
  Attributes attributes(node);
  SliceParams params{.by_attributes = node.since < 10};
  if (params.by_attributes) {
    SLUICE_TRY_ASSIGN(params.starts, attributes.integers("starts"));
    SLUICE_TRY_ASSIGN(params.ends, attributes.integers("ends"));
    SLUICE_TRY_ASSIGN(params.axes, attributes.integers("axes"));
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

// First element, step and number of elements along every dimension.
struct Cut {
  Shape first{};
  Shape step{};
  Shape count{};
};

Result<void> cut_dimension(std::int64_t extent,
                           std::array<std::int64_t, 3> range,
                           std::size_t at,
                           Cut& cut) {
  auto [start, end, step] = range;
  if (step == 0 || step == std::numeric_limits<std::int64_t>::min()) {
    return bad_input("a step of " + std::to_string(step));
  }
  // Python's rules; far ends are written as the largest or smallest integer.
  const std::int64_t low = step > 0 ? 0 : -1;
  const std::int64_t high = step > 0 ? extent : extent - 1;
  start = std::clamp(start < 0 ? start + extent : start, low, high);
  end = std::clamp(end < 0 ? std::max(end, -extent - 1) + extent : end, low, high);
  const std::int64_t distance = step > 0 ? end - start : start - end;
  const std::int64_t size = step > 0 ? step : -step;
  cut.first[at] = start;
  cut.step[at] = step;
  cut.count[at] = distance > 0 ? (distance - 1) / size + 1 : 0;
  return {};
}

Result<Cut> cut_of(Dims dims,
                   const std::vector<std::int64_t>& starts,
                   const std::vector<std::int64_t>& ends,
                   std::vector<std::int64_t> axes,
                   std::vector<std::int64_t> steps) {
  if (axes.empty()) {
    for (std::size_t i = 0; i < starts.size(); ++i) {
      axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  if (steps.empty()) {
    steps.assign(starts.size(), 1);
  }
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    return bad_input("starts, ends, axes and steps have different lengths");
  }
  Cut cut{.first = Shape(dims.size(), 0),
          .step = Shape(dims.size(), 1),
          .count = {dims.begin(), dims.end()}};
  for (std::size_t i = 0; i < starts.size(); ++i) {
    SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(axes[i], dims.size()));
    SLUICE_TRY(cut_dimension(dims[axis], {starts[i], ends[i], steps[i]}, axis, cut));
  }
  return cut;
}

// The lists as inputs 1 to 4; nullopt where a run must come first.
Result<std::optional<Cut>> cut_from(const SliceParams& params, Dims dims, const InputFacts& facts) {
  if (params.by_attributes) {
    SLUICE_TRY_ASSIGN(Cut cut, cut_of(dims, params.starts, params.ends, params.axes, {}));
    return std::optional<Cut>(std::move(cut));
  }
  std::vector<std::int64_t> lists[4];
  for (std::size_t i = 0; i < 4; ++i) {
    if (facts.has(i + 1)) {
      SLUICE_TRY_ASSIGN(KnownIntegers known, known_integers(facts, i + 1));
      if (!known) {
        return std::optional<Cut>();
      }
      lists[i] = *std::move(known);
    }
  }
  SLUICE_TRY_ASSIGN(Cut cut, cut_of(dims, lists[0], lists[1], lists[2], lists[3]));
  return std::optional<Cut>(std::move(cut));
}

Result<OutputFacts> infer_slice(const SliceParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  SLUICE_TRY_ASSIGN(std::optional<Cut> cut, cut_from(params, x.dims, facts));
  if (!cut) {
    return data_dependent(x.datatype);
  }
  return one_output(x.datatype, std::move(cut->count));
}

// As many elements as before, and none of them backwards.
bool takes_everything(const Box& params, const InputFacts& facts) {
  const Dims dims = facts.at(0).dims;
  const auto cut = cut_from(params.as<SliceParams>(), dims, facts);
  if (!cut || !*cut) {
    return false;
  }
  for (std::size_t d = 0; d < dims.size(); ++d) {
    if ((*cut)->step[d] < 0 && dims[d] > 1) {
      return false;
    }
  }
  return true;
}

// The box of elements that are taken, and the offset of its first.
struct SliceBound {
  StridedCopy box{};
  std::int64_t from = 0;
};

Result<SliceBound> bind_slice(const SliceParams& params, BindContext& context) {
  const auto facts = facts_at_bind(context);
  SLUICE_TRY_ASSIGN(const std::optional<Cut> cut,
                    cut_from(params, facts[0].dims, {.inputs = facts, .output_count = 1}));
  SLUICE_CHECK(cut.has_value());
  const Layout layout = context.outputs[0].layout;
  const Shape first = physical_dims(cut->first, layout);
  const Shape step = physical_dims(cut->step, layout);
  const Shape count = physical_dims(cut->count, layout);
  Shape strides = strides_of(physical_dims(facts[0].dims, layout));
  SliceBound bound;
  for (std::size_t d = 0; d < strides.size(); ++d) {
    bound.from += first[d] * strides[d];
    strides[d] *= count[d] > 1 ? step[d] : 0;  // a step that leads nowhere may be any number
  }
  bound.box = merged({.extents = count, .from = std::move(strides), .to = strides_of(count)});
  return bound;
}

Result<void> run_slice(const SliceParams&, const SliceBound& bound, KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count > 0) {
    dispatch_element(y.datatype, [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      copy_strided(bound.box, elements<T>(context.input(0)) + bound.from, elements<T>(y));
    });
  }
  return {};
}

}  // namespace

void register_gather(Registry& registry) {
  registry.add({.name = "Concat",
                .since = {1, 4, 11, 13},
                .arity = {1, kAnyNumber, 1},
                .kernel = kernel<parse_concat, infer_concat, run_concat>(),
                .layout = LayoutRule::follow,
                .halves = HalfRule::native,
                .tame = true,
                .passes_on = always_passes_on});
  registry.add({.name = "Gather",
                .since = {1, 11, 13},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_gather, infer_gather, run_gather>(),
                .halves = HalfRule::native,
                .tame = true});
  registry.add({.name = "Slice",
                .since = {1, 10, 11, 13},
                .arity = {1, 5, 1},
                .kernel = bound_kernel<parse_slice, infer_slice, bind_slice, run_slice>(),
                .layout = LayoutRule::follow,
                .halves = HalfRule::native,
                .tame = true,
                .passes_on = takes_everything});
}

}  // namespace sluice::engine
