// ConvInteger, QLinearConv.
// Spec: https://onnx.ai/onnx/operators/onnx__ConvInteger.html, onnx__QLinearConv.html (read
// 2026-11). ConvInteger: int32 of conv(x - x_zero, w - w_zero); padding is x_zero, so that it adds
// nothing. QLinearConv: the same plus bias (int32), times x_scale * w_scale / y_scale, rounded half
// to even, plus y_zero, held to the range of y's datatype. x, w: int8 or uint8 in any mixture.
// w_zero and w_scale: one, or one for each filter. Each image is copied with its padding around it;
// what the taps see from 16 places at a time is the right side of a product.

#include "worker/ops/quant/integer_conv.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/math/activate.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/quant/integer_filters.h"
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
  std::size_t scale = kNone;  // of the sums, which become floats
  bool quantizes = false;
};

// What becomes of the sums.
enum class Finish : std::uint8_t { sums, bytes, floats };

template <Finish kFinish>
Result<ConvParams> parse_conv(const Node& node) {
  Attributes attributes(node);
  ConvParams params;
  if (kFinish == Finish::bytes) {
    params = {.w = 3, .x_zero = 2, .w_zero = 5, .bias = 8, .quantizes = true};
  } else if (kFinish == Finish::floats) {
    params = {.x_zero = 3, .w_zero = 4, .scale = 5};
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
  if (params.scale != kNone) {
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

struct ConvState {
  std::vector<std::byte> memory{};  // of `filters`; empty where the weights are no constants
  Filters filters{};
  std::vector<float> bias{};  // of floats, by filter; empty: none
  Tail tail{};
};

Result<ConvState> prepare_conv(const ConvParams& params, PrepareContext& context) {
  SLUICE_TRY_ASSIGN(const TensorView* w, context.constant(params.w));
  SLUICE_TRY_ASSIGN(const TensorView* zero, context.constant(params.w_zero));
  SLUICE_TRY_ASSIGN(const TensorView* const bias, context.tail_bias());
  ConvState state{.tail = context.tail()};
  if (bias != nullptr) {
    const auto from = bias->as<float>();
    state.bias.assign(from.begin(), from.end());
  }
  if (w == nullptr || w->dims.size() < 3 || !is_byte(w->datatype) ||
      (zero == nullptr && context.node().has_input(params.w_zero)) ||
      !fits_as_zeros(zero, w->dims[0])) {
    return state;
  }
  state.memory.resize(filters_size(w->dims));
  state.filters = pack_filters(*w, zero, state.memory.data());
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
  std::size_t sums = 0;  // where they begin in a lane, behind the panels
};

Result<ConvBound> bind_conv(const ConvParams& params,
                            const ConvState& state,
                            BindContext& context) {
  constexpr std::int64_t kPanelBytes = 128 * 1024;  // that fit a core's second cache
  const bool quads = simd::has_quads();
  const std::size_t number = quads ? sizeof(std::int8_t) : sizeof(std::int16_t);
  const Dims x = context.inputs[0].dims;
  const Dims w = context.inputs[params.w].dims;
  ConvBound bound{.filters = w[0] / params.group};
  SLUICE_TRY_ASSIGN(const Window window, resolve_window(params.window, x.subspan(2), w.subspan(2)));
  SLUICE_TRY_ASSIGN(bound.image, padded_image(window, x.subspan(2), w[1], quads ? 4 : 2));
  const auto panel_bytes = bound.image.panel_size() * static_cast<std::int64_t>(number);
  bound.block =
      std::clamp<std::int64_t>(kPanelBytes / std::max<std::int64_t>(panel_bytes, 1), 2, 16);
  bound.lanes = team_size();
  bound.weights = aligned(bound.image.size(x[1]) * number);
  bound.lane = bound.weights + (state.memory.empty() ? aligned(filters_size(w)) : 0);
  bound.sums = aligned(static_cast<std::size_t>(panel_bytes * bound.block));
  bound.lane_size =
      bound.sums + aligned(static_cast<std::size_t>(bound.filters * bound.block * kPanel) *
                           sizeof(std::int32_t));
  context.scratch_size = bound.lane + static_cast<std::size_t>(bound.lanes) * bound.lane_size;
  context.implementation = quads ? "quads" : "pairs";
  return bound;
}

// --- run -----------------------------------------------------------------------------------------

// What becomes of the sums [filters, step] of `count` places, of which those of all images of the
// output are `places`.
struct Given {
  const std::int32_t* sums;
  std::int64_t step;
  std::int64_t first;  // filter
  std::int64_t filters;
  std::int64_t count;
  std::int64_t places;
};

template <class T>
void give_bytes(const ConvParams& params, const Given& from, KernelContext& context, T* to) {
  const auto w_scale = context.input(4).as<float>();
  for (std::int64_t f = 0; f < from.filters; ++f) {
    const auto filter = static_cast<std::size_t>(from.first + f);
    const float scale = context.input(1).as<float>()[0] *
                        w_scale[w_scale.size() == 1 ? 0 : filter] / context.input(6).as<float>()[0];
    const bool has_bias = context.has_input(params.bias);
    simd::requantize({.sums = from.sums + f * from.step,
                      .bias = has_bias ? context.input(params.bias).as<std::int32_t>()[filter] : 0,
                      .scale = &scale,
                      .scale_step = 0,
                      .zero = byte_at(context.input(7), 0),
                      .count = from.count},
                     to + f * from.places);
  }
}

// Where no quads do it.
void give_floats(float scale, const float* bias, const Given& from, float* to) {
  std::array<float, kPanel> scales{};
  std::array<float, kPanel> biases{};
  scales.fill(scale);
  for (std::int64_t f = 0; f < from.filters; ++f) {
    biases.fill(bias == nullptr ? 0 : bias[f]);
    for (std::int64_t i = 0; i < from.count; i += kPanel) {
      simd::scale_rows(
          {.sums = from.sums + f * from.step + i,
           .rows = 1,
           .columns = std::min(kPanel, from.count - i),
           .scaling = {.scales = scales.data(), .bias = bias == nullptr ? nullptr : biases.data()},
           .y_step = 0},
          to + f * from.places + i);
    }
  }
}

// T of y; Number of panels: of a byte for quads, otherwise of 16 bits.
template <class T, class Number>
class ConvRun {
 public:
  ConvRun(const ConvParams& params,
          const ConvState& state,
          const ConvBound& bound,
          KernelContext& context)
      : params_(params),
        state_(state),
        bound_(bound),
        context_(context),
        scratch_(context.scratch().data()),
        image_(part_of<Number>(scratch_, 0)),
        filters_(state.filters) {
    if (state.memory.empty()) {
      filters_ =
          pack_filters(context.input(params.w), optional(params.w_zero), scratch_ + bound.weights);
    }
  }

  void run() {
    const TensorView& x = context_.input(0);
    const std::int64_t blocks = (bound_.image.panels() + bound_.block - 1) / bound_.block;
    ImagePart part{.x = x,
                   .first = 0,
                   .channels = x.dims[1],
                   .zero = zero_at(optional(params_.x_zero), 0),
                   .shift = x.datatype == DataType::uint8 ? 128 : 0};
    zero_ = part.zero - part.shift;
    for (std::int64_t n = 0; n < x.dims[0]; ++n) {
      part.first = n * product(x.dims, 1, x.dims.size());
      pad_image(bound_.image, part, image_);
      parallel_for(bound_.lanes, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t lane = begin; lane < end; ++lane) {
          for (std::int64_t item = lane; item < params_.group * blocks; item += bound_.lanes) {
            run_item(n,
                     item / blocks,
                     item % blocks * bound_.block,
                     scratch_ + bound_.lane + static_cast<std::size_t>(lane) * bound_.lane_size);
          }
        }
      });
    }
  }

 private:
  [[nodiscard]] const TensorView* optional(std::size_t i) const {
    return context_.has_input(i) ? &context_.input(i) : nullptr;
  }

  // The panels from `begin` on, as many as are taken at a time.
  void run_item(std::int64_t n, std::int64_t group, std::int64_t begin, std::byte* lane) {
    const PaddedImage& image = bound_.image;
    const std::int64_t end = std::min(begin + bound_.block, image.panels());
    auto* const panels = part_of<Number>(lane, 0);
    for (std::int64_t panel = begin; panel < end; ++panel) {
      fill_panel(image,
                 image_ + group * image.channels * image.area,
                 panel,
                 panels + (panel - begin) * image.panel_size());
    }
    const std::int64_t first = group * bound_.filters;
    T* const y = context_.output(0).mut<T>().data() +
                 (n * params_.group * bound_.filters + first) * image.places + image.first(begin);
    auto* const sums = part_of<std::int32_t>(lane, bound_.sums);
    FilterResult to{.sums = sums, .step = bound_.block * kPanel};
    if constexpr (std::is_same_v<T, std::int32_t>) {
      to = {.sums = y, .step = image.places};
    } else if constexpr (std::is_same_v<T, float>) {
      to.scale = context_.input(params_.scale).template as<float>()[0];
      to.bias = state_.bias.empty() ? nullptr : state_.bias.data() + first;
      if (sizeof(Number) == 1) {
        to.y = y;
        to.step = image.places;
      }
    }
    multiply({.filters = filters_,
              .first = first,
              .count = bound_.filters,
              .image = image,
              .begin = begin,
              .end = end,
              .zero = zero_},
             panels,
             to);
    const Given given{.sums = sums,
                      .step = to.step,
                      .first = first,
                      .filters = bound_.filters,
                      .count = image.first(end) - image.first(begin),
                      .places = image.places};
    if constexpr (sizeof(T) == 1) {
      give_bytes(params_, given, context_, y);
    } else if constexpr (std::is_same_v<T, float> && sizeof(Number) > 1) {
      give_floats(to.scale, to.bias, given, y);
    }
  }

  const ConvParams& params_;
  const ConvState& state_;
  const ConvBound& bound_;
  KernelContext& context_;
  std::byte* scratch_;
  Number* image_;
  Filters filters_;
  std::int32_t zero_ = 0;  // of the panels' bytes
};

template <class T>
void run_as(const ConvParams& params,
            const ConvState& state,
            const ConvBound& bound,
            KernelContext& context) {
  if (bound.image.group == 4) {
    ConvRun<T, std::int8_t>(params, state, bound, context).run();
  } else {
    ConvRun<T, std::int16_t>(params, state, bound, context).run();
  }
}

Result<void> run_conv(const ConvParams& params,
                      const ConvState& state,
                      const ConvBound& bound,
                      KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  if (y.datatype == DataType::int32) {
    run_as<std::int32_t>(params, state, bound, context);
  } else if (y.datatype == DataType::float32) {
    run_as<float>(params, state, bound, context);
    activate(state.tail, y);
  } else if (y.datatype == DataType::int8) {
    run_as<std::int8_t>(params, state, bound, context);
  } else {
    run_as<std::uint8_t>(params, state, bound, context);
  }
  return {};
}

template <Finish kFinish>
Kernel conv_kernel() {
  return prepared_kernel<parse_conv<kFinish>, infer_conv, prepare_conv, bind_conv, run_conv>();
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
                .kernel = conv_kernel<Finish::bytes>()});
}

}  // namespace sluice::engine
