// ConvInteger, QLinearConv.
// Spec: https://onnx.ai/onnx/operators/onnx__ConvInteger.html, onnx__QLinearConv.html (read
// 2026-11). ConvInteger: int32 of conv(x - x_zero, w - w_zero); padding is x_zero, so that it adds
// nothing. QLinearConv: the same plus bias (int32), times x_scale * w_scale / y_scale, rounded half
// to even, plus y_zero, held to the range of y's datatype. x, w: int8 or uint8 in any mixture.
// w_zero and w_scale: one, or one for each filter. Each image is widened to 16 bits with its
// padding around it; what the taps see from 16 places at a time is the right side of a product.

#include <algorithm>
#include <utility>
#include <vector>

#include "worker/engine/parallel.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/quant/integer_image.h"
#include "worker/ops/quant/integer_matmul.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

using simd::kPanel;

constexpr std::size_t kNone = ~std::size_t{0};

struct ConvParams {
  WindowParams window{};
  std::int64_t group = 1;
  std::size_t w = 1;
  std::size_t x_zero = 2;
  std::size_t w_zero = 3;
  std::size_t bias = kNone;
  bool quantizes = false;
};

template <bool kQuantizes>
Result<ConvParams> parse_conv(const Node& node) {
  Attributes attributes(node);
  ConvParams params;
  if (kQuantizes) {
    params = {.w = 3, .x_zero = 2, .w_zero = 5, .bias = 8, .quantizes = true};
  }
  SLUICE_TRY_ASSIGN(params.window, parse_window(attributes));
  SLUICE_TRY_ASSIGN(params.group, attributes.integer("group", 1));
  SLUICE_TRY(attributes.finish());
  if (params.group < 1) {
    return Error{ErrorCode::data_corrupt, "group is " + std::to_string(params.group)};
  }
  return params;
}

Result<OutputFacts> infer_conv(const ConvParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& w = facts.at(params.w);
  if (!is_byte(x.datatype) || !is_byte(w.datatype)) {
    return unsupported_type(is_byte(x.datatype) ? w.datatype : x.datatype);
  }
  if (x.dims.size() < 3 || w.dims.size() != x.dims.size() ||
      x.dims[1] != w.dims[1] * params.group || w.dims[0] % params.group != 0) {
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
  if (params.quantizes) {
    SLUICE_TRY(check_per_row(facts, 1, DataType::float32, 1));
    SLUICE_TRY(check_per_row(facts, 4, DataType::float32, w.dims[0]));
    SLUICE_TRY(check_per_row(facts, 6, DataType::float32, 1));
    y = facts.at(7).datatype;
    if (!is_byte(y)) {
      return unsupported_type(y);
    }
    SLUICE_TRY(check_per_row(facts, 7, y, 1));
    if (facts.has(params.bias) &&
        (facts.at(params.bias).datatype != DataType::int32 ||
         facts.at(params.bias).dims.size() != 1 || facts.at(params.bias).dims[0] != w.dims[0])) {
      return bad_input("bias " + std::string(name_of(facts.at(params.bias).datatype)) +
                       to_string(facts.at(params.bias).dims) + " is not int32[" +
                       std::to_string(w.dims[0]) + "]");
    }
  }
  SLUICE_TRY_ASSIGN(const Window window, resolve_window(params.window, x.dims.subspan(2), kernel));
  Shape dims{x.dims[0], w.dims[0]};
  dims.insert(dims.end(), window.out.begin(), window.out.end());
  return one_output(y, std::move(dims));
}

// --- weights -------------------------------------------------------------------------------------

// Weights less their zero points, filter by filter, where they are constants.
struct ConvState {
  std::vector<std::int16_t> weights{};
};

// A filter's numbers come in pairs.
std::int64_t padded_depth(Dims w) {
  const std::int64_t depth = product(w, 1, w.size());
  return depth + depth % 2;
}

// `to` has room for padded_depth() numbers of each filter.
void widen_weights(const TensorView& w, const TensorView* zero, std::int16_t* to) {
  const std::int64_t depth = product(w.dims, 1, w.dims.size());
  const std::int64_t step = padded_depth(w.dims);
  for (std::int64_t filter = 0; filter < w.dims[0]; ++filter) {
    widen(w, filter * depth, depth, zero_at(zero, filter), to + filter * step);
    if (step > depth) {
      to[filter * step + depth] = 0;
    }
  }
}

Result<ConvState> prepare_conv(const ConvParams& params, PrepareContext& context) {
  SLUICE_TRY_ASSIGN(const TensorView* w, context.constant(params.w));
  SLUICE_TRY_ASSIGN(const TensorView* zero, context.constant(params.w_zero));
  ConvState state;
  if (w == nullptr || w->dims.size() < 3 || !is_byte(w->datatype) ||
      (zero == nullptr && context.node().has_input(params.w_zero)) ||
      (zero != nullptr && zero->count != 1 && zero->count != w->dims[0])) {
    return state;
  }
  state.weights.resize(static_cast<std::size_t>(w->dims[0] * padded_depth(w->dims)));
  widen_weights(*w, zero, state.weights.data());
  context.consume(params.w);
  return state;
}

// --- bound ---------------------------------------------------------------------------------------

struct ConvBound {
  PaddedImage image{};
  std::int64_t filters = 0;  // M / group
  std::int64_t block = 1;    // panels at a time
  std::int64_t lanes = 1;    // threads that have panels and sums of their own
  std::size_t weights = 0;   // parts of scratch: where they begin
  std::size_t lane = 0;
  std::size_t lane_size = 0;
};

Result<ConvBound> bind_conv(const ConvParams& params,
                            const ConvState& state,
                            BindContext& context) {
  constexpr std::int64_t kPanelBytes = 128 * 1024;  // that fit a core's second cache
  const Dims x = context.inputs[0].dims;
  const Dims w = context.inputs[params.w].dims;
  ConvBound bound{.filters = w[0] / params.group};
  SLUICE_TRY_ASSIGN(const Window window, resolve_window(params.window, x.subspan(2), w.subspan(2)));
  SLUICE_TRY_ASSIGN(bound.image, padded_image(window, x.subspan(2), w[1]));
  const auto panel_bytes = bound.image.panel_size() * std::int64_t{sizeof(std::int16_t)};
  bound.block =
      std::clamp<std::int64_t>(kPanelBytes / std::max<std::int64_t>(panel_bytes, 1), 1, 16);
  bound.lanes = team_size();
  bound.weights = aligned(static_cast<std::size_t>(x[1] * bound.image.area) * sizeof(std::int16_t));
  bound.lane = bound.weights;
  if (state.weights.empty()) {
    bound.lane += aligned(static_cast<std::size_t>(w[0] * padded_depth(w)) * sizeof(std::int16_t));
  }
  bound.lane_size = aligned(static_cast<std::size_t>(panel_bytes * bound.block)) +
                    aligned(static_cast<std::size_t>(bound.filters * bound.block * kPanel) *
                            sizeof(std::int32_t));
  context.scratch_size = bound.lane + static_cast<std::size_t>(bound.lanes) * bound.lane_size;
  return bound;
}

// --- run -----------------------------------------------------------------------------------------

template <class T>
void give(const ConvParams& params,
          const std::int32_t* sums,
          std::int64_t filter,
          std::int64_t count,
          KernelContext& context,
          T* to) {
  if constexpr (std::is_same_v<T, std::int32_t>) {
    std::copy_n(sums, count, to);
  } else {
    const auto w_scale = context.input(4).as<float>();
    const float scale = context.input(1).as<float>()[0] *
                        w_scale[w_scale.size() == 1 ? 0 : static_cast<std::size_t>(filter)] /
                        context.input(6).as<float>()[0];
    const std::int32_t bias =
        context.has_input(params.bias)
            ? context.input(params.bias).as<std::int32_t>()[static_cast<std::size_t>(filter)]
            : 0;
    simd::requantize({.sums = sums,
                      .bias = bias,
                      .scale = &scale,
                      .scale_step = 0,
                      .zero = byte_at(context.input(7), 0),
                      .count = count},
                     to);
  }
}

template <class T>
void run_as(const ConvParams& params,
            const ConvState& state,
            const ConvBound& bound,
            KernelContext& context) {
  const TensorView& x = context.input(0);
  const auto optional = [&](std::size_t i) {
    return context.has_input(i) ? &context.input(i) : nullptr;
  };
  std::byte* const scratch = context.scratch().data();
  auto* const image = part_of<std::int16_t>(scratch, 0);
  const std::int16_t* weights = state.weights.data();
  if (state.weights.empty()) {
    auto* const made = part_of<std::int16_t>(scratch, bound.weights);
    widen_weights(context.input(params.w), optional(params.w_zero), made);
    weights = made;
  }
  const std::int32_t x_zero = zero_at(optional(params.x_zero), 0);
  const std::int64_t in_size = product(x.dims, 1, x.dims.size());
  const std::int64_t blocks = (bound.image.panels() + bound.block - 1) / bound.block;
  const std::int64_t items = params.group * blocks;
  T* y = context.output(0).mut<T>().data();
  const auto run_item = [&](std::int64_t n, std::int64_t item, std::byte* lane) {
    auto* const panels = part_of<std::int16_t>(lane, 0);
    auto* const sums = part_of<std::int32_t>(
        lane,
        aligned(static_cast<std::size_t>(bound.image.panel_size() * bound.block) * sizeof *panels));
    const std::int64_t group = item / blocks;
    const std::int64_t begin = item % blocks * bound.block;
    const std::int64_t end = std::min(begin + bound.block, bound.image.panels());
    const std::int64_t first = begin * kPanel;
    const std::int64_t count = std::min(end * kPanel, bound.image.places) - first;
    for (std::int64_t panel = begin; panel < end; ++panel) {
      std::int16_t* const at = panels + (panel - begin) * bound.image.panel_size();
      fill_panel(bound.image, image + group * bound.image.channels * bound.image.area, panel, at);
      simd::multiply_panel({.a = weights + group * bound.filters * 2 * bound.image.pairs,
                            .a_step = 2 * bound.image.pairs,
                            .rows = bound.filters,
                            .pairs = bound.image.pairs,
                            .c = sums + (panel - begin) * kPanel,
                            .c_step = bound.block * kPanel,
                            .columns = kPanel},
                           at);
    }
    for (std::int64_t f = 0; f < bound.filters; ++f) {
      const std::int64_t filter = group * bound.filters + f;
      T* const to = y + (n * params.group * bound.filters + filter) * bound.image.places + first;
      give(params, sums + f * bound.block * kPanel, filter, count, context, to);
    }
  };
  for (std::int64_t n = 0; n < x.dims[0]; ++n) {
    pad_image(bound.image, x, n * in_size, x.dims[1], x_zero, image);
    parallel_for(bound.lanes, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t lane = begin; lane < end; ++lane) {
        for (std::int64_t item = lane; item < items; item += bound.lanes) {
          run_item(
              n, item, scratch + bound.lane + static_cast<std::size_t>(lane) * bound.lane_size);
        }
      }
    });
  }
}

Result<void> run_conv(const ConvParams& params,
                      const ConvState& state,
                      const ConvBound& bound,
                      KernelContext& context) {
  const TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  if (y.datatype == DataType::int32) {
    run_as<std::int32_t>(params, state, bound, context);
  } else if (y.datatype == DataType::int8) {
    run_as<std::int8_t>(params, state, bound, context);
  } else {
    run_as<std::uint8_t>(params, state, bound, context);
  }
  return {};
}

template <bool kQuantizes>
OperatorEntry conv_entry(const char* name, Arity arity) {
  return {
      .name = name,
      .since = {10},
      .arity = arity,
      .kernel =
          prepared_kernel<parse_conv<kQuantizes>, infer_conv, prepare_conv, bind_conv, run_conv>()};
}

}  // namespace

void register_integer_conv(Registry& registry) {
  registry.add(conv_entry<false>("ConvInteger", {2, 4, 1}));
  registry.add(conv_entry<true>("QLinearConv", {8, 9, 1}));
}

}  // namespace sluice::engine
