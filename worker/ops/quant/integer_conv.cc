// ConvInteger, QLinearConv.
// Spec: https://onnx.ai/onnx/operators/onnx__ConvInteger.html, onnx__QLinearConv.html (read
// 2026-11). ConvInteger: int32 of conv(x - x_zero, w - w_zero); padding is x_zero, so that it adds
// nothing. QLinearConv: the same plus bias (int32), times x_scale * w_scale / y_scale, rounded half
// to even, plus y_zero, held to the range of y's datatype. x, w: int8 or uint8 in any mixture.
// w_zero and w_scale: one, or one for each filter. Each image is copied with its padding around it;
// what the taps see from 16 places at a time is the right side of a product. Where filters see one
// channel each, there is a way of its own (integer_depthwise.h).
// ConvToBytes of the domain for fused steps is QLinearConv whose bias may be float32 and stand
// behind the scale: (sums * x_scale * w_scale + bias) / y_scale. With `floor` no result is less
// than y_zero: a Relu in front of a zero point that is not the least byte.

#include "worker/ops/quant/integer_conv.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/quant/integer_conv_finish.h"
#include "worker/ops/quant/integer_conv_run.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/quant/integer_matmul.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

using simd::kPanel;

// What becomes of the sums.
enum class Finish : std::uint8_t { sums, bytes, biased_bytes, floats };

template <Finish kFinish>
Result<IntegerConvParams> parse_conv(const Node& node) {
  Attributes attributes(node);
  IntegerConvParams params;
  if (kFinish == Finish::bytes || kFinish == Finish::biased_bytes) {
    params = {.w = 3, .x_zero = 2, .w_zero = 5, .bias = 8, .quantizes = true};
    params.takes_floats = kFinish == Finish::biased_bytes;
  } else if (kFinish == Finish::floats) {
    params = {.x_zero = 3, .w_zero = 4, .scale = 5};
  }
  SLUICE_TRY_ASSIGN(params.window, parse_window(attributes));
  SLUICE_TRY_ASSIGN(params.group, attributes.integer("group", 1));
  if (kFinish == Finish::biased_bytes) {
    SLUICE_TRY_ASSIGN(const std::int64_t floor, attributes.integer("floor", 0));
    params.has_floor = floor != 0;
  }
  SLUICE_TRY(attributes.finish());
  if (params.group < 1) {
    return Error{ErrorCode::data_corrupt, "group is " + std::to_string(params.group)};
  }
  return params;
}

Result<OutputFacts> infer_conv(const IntegerConvParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& w = facts.at(params.w);
  if (!is_byte(x.datatype) || !is_byte(w.datatype)) {
    return unsupported_type(is_byte(x.datatype) ? w.datatype : x.datatype);
  }
  if (x.dims.size() < 3 || w.dims.size() != x.dims.size() ||
      !fits_groups(x.dims, w.dims, params.group)) {
    return bad_input("input " + to_string(x.dims) + " does not fit weights " + to_string(w.dims) +
                     " in " + std::to_string(params.group) + " groups");
  }
  const Dims kernel = w.dims.subspan(2);
  if (!params.window.kernel.empty() && !std::ranges::equal(kernel, params.window.kernel)) {
    return bad_input("kernel_shape " + to_string(params.window.kernel) +
                     " is not that of weights " + to_string(w.dims));
  }
  SLUICE_TRY(check_per_row(facts, params.x_zero, x.datatype, 1));
  SLUICE_TRY(check_per_row(facts, params.w_zero, w.datatype, w.dims[0]));
  DataType y = DataType::int32;
  if (params.scale != IntegerConvParams::kNone) {
    SLUICE_TRY(check_per_row(facts, params.scale, DataType::float32, 1));
    y = DataType::float32;
  }
  if (params.quantizes) {
    SLUICE_TRY(check_per_row(facts, 1, DataType::float32, 1));
    SLUICE_TRY(check_per_row(facts, 4, DataType::float32, w.dims[0]));
    SLUICE_TRY(check_per_row(facts, 6, DataType::float32, 1));
    y = facts.at(7).datatype;
    if (!is_byte(y)) {
      return unsupported_type(y);
    }
    SLUICE_TRY(check_per_row(facts, 7, y, 1));
    if (facts.has(params.bias)) {
      const InputFact& bias = facts.at(params.bias);
      const bool is_one_each = bias.dims.size() == 1 && bias.dims[0] == w.dims[0];
      const bool fits = bias.datatype == DataType::int32 ||
                        (params.takes_floats && bias.datatype == DataType::float32);
      if (!fits || !is_one_each) {
        return bad_input("bias " + std::string(name_of(bias.datatype)) + to_string(bias.dims) +
                         " is not int32[" + std::to_string(w.dims[0]) + "]");
      }
    }
  }
  SLUICE_TRY_ASSIGN(const Window window, resolve_window(params.window, x.dims.subspan(2), kernel));
  Shape dims{x.dims[0], w.dims[0]};
  dims.insert(dims.end(), window.out.begin(), window.out.end());
  return one_output(y, std::move(dims));
}

// --- weights -------------------------------------------------------------------------------------

Result<IntegerConvState> prepare_conv(const IntegerConvParams& params, PrepareContext& context) {
  SLUICE_TRY_ASSIGN(const TensorView* w, context.constant(params.w));
  SLUICE_TRY_ASSIGN(const TensorView* zero, context.constant(params.w_zero));
  SLUICE_TRY_ASSIGN(const TensorView* const bias, context.tail_bias());
  IntegerConvState state{.tail = context.tail()};
  if (bias != nullptr) {
    const auto from = bias->as<float>();
    state.bias.assign(from.begin(), from.end());
  }
  if (w == nullptr || w->dims.size() < 3 || !is_byte(w->datatype) ||
      (zero == nullptr && context.node().has_input(params.w_zero)) ||
      !fits_as_zeros(zero, w->dims[0])) {
    return state;
  }
  if (!context.reference() && goes_by_places(params, *w, zero)) {
    state.places = pack_place_weights(params, *w);
    context.consume(params.w);
    return state;
  }
  if (goes_by_planes(w->dims, params.group)) {
    state.taps.resize(tap_weights_size(w->dims));
    pack_tap_weights(*w, zero, state.taps.data());
    context.consume(params.w);
    return state;
  }
  state.memory.resize(filters_size(w->dims));
  state.filters = pack_filters(*w, zero, state.memory.data());
  context.consume(params.w);
  return state;
}

// --- bound ---------------------------------------------------------------------------------------

Result<IntegerConvBound> bind_conv(const IntegerConvParams& params,
                                   const IntegerConvState& state,
                                   BindContext& context) {
  constexpr std::int64_t kPanelBytes = 128 * 1024;  // that fit a core's second cache
  if (state.places) {
    IntegerConvBound bound;
    SLUICE_TRY_ASSIGN(bound.places, bind_places(params, *state.places, context));
    return bound;
  }
  const bool quads = simd::has_quads();
  const std::size_t number = quads ? sizeof(std::uint8_t) : sizeof(std::int16_t);
  const Dims x = context.inputs[0].dims;
  const Dims w = context.inputs[params.w].dims;
  IntegerConvBound bound{.filters = w[0] / params.group};
  SLUICE_TRY_ASSIGN(const Window window, resolve_window(params.window, x.subspan(2), w.subspan(2)));
  bound.lanes = team_size();
  if (goes_by_planes(w, params.group)) {
    bound.plane = tap_plane(window, x.subspan(2));
    bound.lane =
        state.taps.empty() ? aligned(tap_weights_size(w) * sizeof(std::int32_t)) : std::size_t{0};
    bound.lane_size = aligned(bound.plane->memory_size());
    context.scratch_size = bound.lane + static_cast<std::size_t>(bound.lanes) * bound.lane_size;
    context.implementation = "taps";
    return bound;
  }
  SLUICE_TRY_ASSIGN(bound.image, padded_image(window, x.subspan(2), w[1], quads ? 4 : 2));
  const auto panel_bytes = bound.image.panel_size() * static_cast<std::int64_t>(number);
  bound.block =
      std::clamp<std::int64_t>(kPanelBytes / std::max<std::int64_t>(panel_bytes, 1), 2, 16);
  bound.weights = aligned(bound.image.size(x[1]) * number);
  bound.ends = bound.weights + (state.memory.empty() ? aligned(filters_size(w)) : 0);
  bound.lane = bound.ends + (quads ? aligned(ends_size(w[0])) : 0);
  bound.sums = aligned(static_cast<std::size_t>(panel_bytes * bound.block));
  bound.lane_size =
      bound.sums + aligned(static_cast<std::size_t>(bound.filters * bound.block * kPanel) *
                           sizeof(std::int32_t));
  context.scratch_size = bound.lane + static_cast<std::size_t>(bound.lanes) * bound.lane_size;
  context.implementation = quads ? "quads" : "pairs";
  return bound;
}

LayoutRule layout_for(const Box& state, DataType) {
  const bool packed_so = !state.empty() && state.as<IntegerConvState>().places.has_value();
  return packed_so ? LayoutRule::channels_last : LayoutRule::plain;
}

template <Finish kFinish>
Kernel conv_kernel() {
  return prepared_kernel<parse_conv<kFinish>,
                         infer_conv,
                         prepare_conv,
                         bind_conv,
                         run_integer_conv>();
}

}  // namespace

Kernel conv_to_float_kernel() {
  return conv_kernel<Finish::floats>();
}

void register_integer_conv(Registry& registry) {
  registry.add({.name = "ConvInteger",
                .since = {10},
                .arity = {2, 4, 1},
                .kernel = conv_kernel<Finish::sums>()});
  registry.add({.name = "QLinearConv",
                .since = {10},
                .arity = {8, 9, 1},
                .kernel = conv_kernel<Finish::bytes>(),
                .layout_for = layout_for});
  registry.add({.name = "ConvToBytes",
                .domain = std::string(kFusedDomain),
                .since = {1},
                .arity = {8, 9, 1},
                .kernel = conv_kernel<Finish::biased_bytes>(),
                .layout_for = layout_for});
}

}  // namespace sluice::engine
