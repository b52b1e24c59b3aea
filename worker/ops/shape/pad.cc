// Pad: elements put around a tensor, or taken off where a count is negative.
// Spec: https://onnx.ai/onnx/operators/onnx__Pad.html (read 2026-11).
// Types: all. Modes: constant; edge; reflect (the border not repeated; turning back as often as it
// takes, as NumPy does; of one element: edge); wrap (since 19). Where counts of both signs meet,
// the negative ones cut first, and what is left is padded. Opsets: 1 has the attribute `paddings`,
// 2 `pads`; both are inputs since 11, with `axes` since 18.

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "common/tensor/small_float.h"
#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/layout.h"
#include "worker/ops/elements.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Mode : std::uint8_t { constant, edge, reflect, wrap };

struct PadParams {
  Mode mode = Mode::constant;
  bool by_attributes = false;  // before 11
  std::vector<std::int64_t> pads{};
  float value = 0;
};

Result<PadParams> parse_pad(const Node& node) {
  Attributes attributes(node);
  PadParams params{.by_attributes = node.since < 11};
  SLUICE_TRY_ASSIGN(const std::string mode, attributes.text("mode", "constant"));
  if (params.by_attributes) {
    const char* name = node.since == 1 ? "paddings" : "pads";
    SLUICE_TRY_ASSIGN(params.pads, attributes.integers(name));
    SLUICE_TRY_ASSIGN(params.value, attributes.real("value", 0));
  }
  SLUICE_TRY(attributes.finish());
  constexpr std::array<std::pair<const char*, Mode>, 4> kModes{{{"constant", Mode::constant},
                                                                {"edge", Mode::edge},
                                                                {"reflect", Mode::reflect},
                                                                {"wrap", Mode::wrap}}};
  const auto found =
      std::ranges::find_if(kModes, [&](const auto& each) { return mode == each.first; });
  if (found == kModes.end() || (found->second == Mode::wrap && node.since < 19)) {
    return Error{ErrorCode::unsupported, "mode '" + mode + "'"};
  }
  params.mode = found->second;
  return params;
}

// By dimension: elements before and behind, negative where some are cut off.
struct Border {
  Shape before{};
  Shape behind{};
};

Result<std::optional<Border>> border_of(const PadParams& params, const InputFacts& facts) {
  const std::size_t rank = facts.at(0).dims.size();
  std::vector<std::int64_t> pads = params.pads;
  std::vector<std::int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  if (!params.by_attributes) {
    SLUICE_TRY_ASSIGN(KnownIntegers known, known_integers(facts, 1));
    if (!known) {
      return std::optional<Border>();
    }
    pads = *std::move(known);
  }
  if (facts.has(3)) {
    SLUICE_TRY_ASSIGN(KnownIntegers known, known_integers(facts, 3));
    if (!known) {
      return std::optional<Border>();
    }
    axes = *std::move(known);
  }
  if (pads.size() != 2 * axes.size()) {
    return bad_input(std::to_string(pads.size()) + " pads for " + std::to_string(axes.size()) +
                     " axes");
  }
  Border border{.before = Shape(rank, 0), .behind = Shape(rank, 0)};
  std::vector<bool> seen(rank, false);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(axes[i], rank));
    if (seen[axis]) {
      return bad_input("axis " + std::to_string(axes[i]) + " is named twice");
    }
    seen[axis] = true;
    border.before[axis] = pads[i];
    border.behind[axis] = pads[i + axes.size()];
  }
  return std::optional(std::move(border));
}

Result<OutputFacts> infer_pad(const PadParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (params.by_attributes && !is_float(x.datatype) && !is_half(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (facts.has(2)) {
    SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(facts.at(2).dims));
    if (count != 1 || facts.at(2).datatype != x.datatype) {
      return bad_input("its value must be one " + std::string(name_of(x.datatype)));
    }
  }
  SLUICE_TRY_ASSIGN(const std::optional<Border> border, border_of(params, facts));
  if (!border) {
    return data_dependent(x.datatype);
  }
  constexpr std::int64_t kMost = std::int64_t{1} << 48;
  Shape dims(x.dims.begin(), x.dims.end());
  for (std::size_t d = 0; d < dims.size(); ++d) {
    const std::int64_t before = border->before[d];
    const std::int64_t behind = border->behind[d];
    const bool sane = std::max(before, behind) < kMost && std::min(before, behind) > -kMost;
    const std::int64_t left =
        sane ? dims[d] + std::min<std::int64_t>(before, 0) + std::min<std::int64_t>(behind, 0) : -1;
    if (left < 0 || (left == 0 && params.mode != Mode::constant && (before > 0 || behind > 0))) {
      return bad_input("pads " + std::to_string(before) + " and " + std::to_string(behind) +
                       " do not fit axis " + std::to_string(d) + " of " + to_string(x.dims));
    }
    dims[d] += before + behind;
  }
  return one_output(x.datatype, std::move(dims));
}

bool pads_nothing(const Box& params, const InputFacts& facts) {
  const auto border = border_of(params.as<PadParams>(), facts);
  const auto is_zero = [](std::int64_t count) { return count == 0; };
  return border && *border && std::ranges::all_of((*border)->before, is_zero) &&
         std::ranges::all_of((*border)->behind, is_zero);
}

struct PadBound {
  // constant: the box of elements that stay, and where it begins.
  StridedCopy kept{};
  std::int64_t from = 0;
  std::int64_t to = 0;
  // Other modes: for each dimension and place of the output, the offset in the input.
  std::vector<std::vector<std::int64_t>> offsets{};
};

// The place among `count` elements that place `at` (before 0 or beyond) repeats.
std::int64_t repeated(Mode mode, std::int64_t at, std::int64_t count) {
  if (mode == Mode::edge || count == 1) {
    return std::clamp<std::int64_t>(at, 0, count - 1);
  }
  const std::int64_t period = mode == Mode::wrap ? count : 2 * (count - 1);
  const std::int64_t phase = (at % period + period) % period;
  return mode == Mode::wrap ? phase : std::min(phase, period - phase);
}

Result<PadBound> bind_pad(const PadParams& params, BindContext& context) {
  const auto facts = facts_at_bind(context);
  SLUICE_TRY_ASSIGN(const std::optional<Border> border, border_of(params, {.inputs = facts}));
  SLUICE_CHECK(border.has_value());
  const Layout layout = context.outputs[0].layout;
  const Shape in = physical_dims(context.inputs[0].dims, layout);
  const Shape out = physical_dims(context.outputs[0].dims, layout);
  const Shape before = physical_dims(border->before, layout);
  const Shape behind = physical_dims(border->behind, layout);
  const Shape in_strides = strides_of(in);
  const Shape out_strides = strides_of(out);
  PadBound bound;
  StridedCopy box{.from = in_strides, .to = out_strides};
  for (std::size_t d = 0; d < in.size(); ++d) {
    const std::int64_t cut = std::max<std::int64_t>(-before[d], 0);
    const std::int64_t left = in[d] - cut - std::max<std::int64_t>(-behind[d], 0);
    const std::int64_t added = std::max<std::int64_t>(before[d], 0);
    box.extents.push_back(left);
    bound.from += cut * in_strides[d];
    bound.to += added * out_strides[d];
    if (params.mode != Mode::constant) {
      std::vector<std::int64_t>& offsets = bound.offsets.emplace_back();
      for (std::int64_t i = 0; i < out[d]; ++i) {
        offsets.push_back((cut + repeated(params.mode, i - added, left)) * in_strides[d]);
      }
    }
  }
  bound.kept = merged(box);
  return bound;
}

template <class T>
T value_of(const PadParams& params, const KernelContext& context) {
  if (context.has_input(2)) {
    return elements<T>(context.input(2))[0];
  }
  T value{};
  const DataType datatype = context.input(0).datatype;
  if constexpr (std::is_same_v<T, std::uint32_t>) {
    if (datatype == DataType::float32) {
      value = std::bit_cast<T>(params.value);
    }
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    if (datatype == DataType::float64) {
      value = std::bit_cast<T>(static_cast<double>(params.value));
    }
  } else if constexpr (std::is_same_v<T, std::uint16_t>) {
    if (datatype == DataType::float16) {
      value = narrow<Float16>(params.value).bits;
    } else if (datatype == DataType::bfloat16) {
      value = narrow<BFloat16>(params.value).bits;
    }
  }
  return value;
}

template <class T>
void repeat(const PadBound& bound, const T* from, T* to, std::int64_t count) {
  const std::vector<std::int64_t>& last = bound.offsets.back();
  const auto inner = static_cast<std::int64_t>(last.size());
  parallel_for(count / inner, 1 + 16'384 / inner, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      std::int64_t rest = row;
      const T* source = from;
      for (std::size_t d = bound.offsets.size() - 1; d > 0; --d) {
        const auto extent = static_cast<std::int64_t>(bound.offsets[d - 1].size());
        source += bound.offsets[d - 1][static_cast<std::size_t>(rest % extent)];
        rest /= extent;
      }
      T* target = to + row * inner;
      for (std::size_t i = 0; i < last.size(); ++i) {
        target[i] = source[last[i]];
      }
    }
  });
}

Result<void> run_pad(const PadParams& params, const PadBound& bound, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  dispatch_element(x.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const T* from = elements<T>(x);
    T* to = elements<T>(y);
    if (params.mode != Mode::constant && y.rank() > 0) {
      if (y.count > 0) {
        repeat(bound, from, to, y.count);
      }
      return;
    }
    std::fill_n(to, y.count, value_of<T>(params, context));
    if (x.count > 0 && y.count > 0) {
      copy_strided(bound.kept, from + bound.from, to + bound.to);
    }
  });
  return {};
}

}  // namespace

void register_pad(Registry& registry) {
  registry.add({.name = "Pad",
                .since = {1, 2, 11, 13, 18, 19, 21, 23, 24},
                .arity = {1, 4, 1},
                .kernel = bound_kernel<parse_pad, infer_pad, bind_pad, run_pad>(),
                .layout = LayoutRule::follow,
                .halves = HalfRule::native,
                .tame = true,
                .passes_on = pads_nothing});
}

}  // namespace sluice::engine
