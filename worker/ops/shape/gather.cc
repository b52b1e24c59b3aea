// Concat, Gather, Slice: parts of tensors put together anew.
// Spec: https://onnx.ai/onnx/operators/onnx__Gather.html and its neighbours (read 2026-11).
// Types: all; indices int32 or int64, negative ones count from the end, outside is an error.
// Opsets: Concat 1 has a default axis; Slice has attributes before 10, inputs and steps since.

#include <algorithm>
#include <optional>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/layout.h"
#include "worker/ops/elements.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/shape/part_axis.h"
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
    if (__builtin_add_overflow(dims[axis], input.dims[axis], &dims[axis])) {
      return bad_input("axis " + std::to_string(params.axis) + " gets longer than int64 counts");
    }
  }
  return one_output(first.datatype, std::move(dims));
}

// `rows` rows of `width` elements, to rows that are `step` apart. A call for each would cost more
// than narrow rows do.
template <class T>
void copy_rows(const T* from, std::int64_t rows, std::int64_t width, T* to, std::int64_t step) {
  constexpr std::int64_t kNarrow = 4;
  for (std::int64_t row = 0; row < rows; ++row) {
    if (width > kNarrow) {
      std::copy_n(from + row * width, width, to + row * step);
      continue;
    }
    for (std::int64_t i = 0; i < width; ++i) {
      to[row * step + i] = from[row * width + i];
    }
  }
}

Result<void> run_concat(const AxisParams& params, KernelContext& context) {
  constexpr std::int64_t kBlock = 2'048;  // elements: written by all parts while they are near
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
    parallel_for(outer, 1 + 16'384 / row, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t block = 1 + kBlock / row;
      for (std::int64_t first = begin; first < end; first += block) {
        const std::int64_t rows = std::min(block, end - first);
        T* to = elements<T>(y) + first * row;
        for (std::size_t i = 0; i < context.input_count(); ++i) {
          const TensorView& x = context.input(i);
          const std::int64_t width = x.count / outer;
          copy_rows(elements<T>(x) + first * width, rows, width, to, row);
          to += width;
        }
      }
    });
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
    SLUICE_TRY_ASSIGN(const AxisCut along,
                      cut_axis(dims[axis], {.start = starts[i], .end = ends[i], .step = steps[i]}));
    cut.first[axis] = along.first;
    cut.step[axis] = along.step;
    cut.count[axis] = along.count;
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
