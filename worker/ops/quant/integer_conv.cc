// ConvInteger, QLinearConv.
// Spec: https://onnx.ai/onnx/operators/onnx__ConvInteger.html, onnx__QLinearConv.html (read
// 2026-11). ConvInteger: int32 of conv(x - x_zero, w - w_zero); padding is x_zero, so that it adds
// nothing. QLinearConv: the same plus bias (int32), times x_scale * w_scale / y_scale, rounded half
// to even, plus y_zero, held to the range of y's datatype. x, w: int8 or uint8 in any mixture.
// w_zero and w_scale: one, or one for each filter. The input is laid out as columns [C / group *
// taps, places], some places at a time.

#include <algorithm>
#include <utility>

#include "worker/engine/parallel.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/quant/integer_matmul.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr std::size_t kNone = ~std::size_t{0};
constexpr std::int64_t kPlacesMost = 512;  // columns at a time

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

struct ConvBound {
  Window window{};
  Shape in{};
  std::int64_t area = 0;      // places of an input channel
  std::int64_t places = 0;    // of the output
  std::int64_t channels = 0;  // C / group
  std::int64_t filters = 0;   // M / group
  std::int64_t depth = 0;     // channels * taps
  std::int64_t block = 1;     // places at a time
  std::int64_t lanes = 1;     // threads that have columns and sums of their own

  [[nodiscard]] std::size_t weights_size(std::int64_t group) const {
    return (static_cast<std::size_t>(group * filters * depth) * sizeof(std::int16_t) + 63) / 64 *
           64;
  }
  [[nodiscard]] std::size_t sums_size() const {
    return (static_cast<std::size_t>(filters * block) * sizeof(std::int32_t) + 63) / 64 * 64;
  }
  [[nodiscard]] std::size_t lane_size() const {
    return sums_size() +
           (static_cast<std::size_t>(depth * block) * sizeof(std::int16_t) + 63) / 64 * 64;
  }
};

Result<ConvBound> bind_conv(const ConvParams& params, BindContext& context) {
  const Dims x = context.inputs[0].dims;
  const Dims w = context.inputs[params.w].dims;
  ConvBound bound{.in = {x.begin() + 2, x.end()}};
  SLUICE_TRY_ASSIGN(bound.window, resolve_window(params.window, x.subspan(2), w.subspan(2)));
  bound.area = product(x, 2, x.size());
  bound.places = product(bound.window.out, 0, bound.window.out.size());
  bound.channels = w[1];
  bound.filters = w[0] / params.group;
  bound.depth = product(w, 1, w.size());
  bound.block = std::clamp<std::int64_t>(bound.places, 1, kPlacesMost);
  bound.lanes = team_size();
  context.scratch_size =
      bound.weights_size(params.group) + static_cast<std::size_t>(bound.lanes) * bound.lane_size();
  return bound;
}

// The columns of places [first, first + count): what each tap of each channel sees, less the zero
// point; padding is 0.
void fill_columns(const ConvBound& bound,
                  const TensorView& x,
                  std::int64_t start,
                  std::int64_t first,
                  std::int64_t count,
                  std::int32_t zero,
                  std::int16_t* to) {
  const std::size_t rank = bound.in.size();
  const std::int64_t taps = bound.depth / std::max<std::int64_t>(bound.channels, 1);
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t rest_tap = tap;
      std::int64_t rest_place = first + i;
      std::int64_t at = 0;
      std::int64_t step = 1;
      bool inside = true;
      for (std::size_t d = rank; d > 0; --d) {
        const std::int64_t k = rest_tap % bound.window.kernel[d - 1];
        const std::int64_t p = rest_place % bound.window.out[d - 1];
        rest_tap /= bound.window.kernel[d - 1];
        rest_place /= bound.window.out[d - 1];
        const std::int64_t position = p * bound.window.strides[d - 1] +
                                      k * bound.window.dilations[d - 1] -
                                      bound.window.pads_begin[d - 1];
        inside = inside && position >= 0 && position < bound.in[d - 1];
        at += position * step;
        step *= bound.in[d - 1];
      }
      for (std::int64_t c = 0; c < bound.channels; ++c) {
        to[(c * taps + tap) * count + i] =
            inside ? static_cast<std::int16_t>(byte_at(x, start + c * bound.area + at) - zero)
                   : std::int16_t{0};
      }
    }
  }
}

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
    const std::int32_t zero = byte_at(context.input(7), 0);
    const std::int32_t bias =
        context.has_input(params.bias)
            ? context.input(params.bias).as<std::int32_t>()[static_cast<std::size_t>(filter)]
            : 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sums[i]) +
                                                 static_cast<std::uint32_t>(bias));
      to[i] = to_byte<T>(static_cast<float>(sum) * scale, zero);
    }
  }
}

template <class T>
void run_as(const ConvParams& params, const ConvBound& bound, KernelContext& context) {
  const TensorView& x = context.input(0);
  const TensorView& w = context.input(params.w);
  const auto optional = [&](std::size_t i) {
    return context.has_input(i) ? &context.input(i) : nullptr;
  };
  const std::int32_t x_zero = zero_at(optional(params.x_zero), 0);
  // NOLINTNEXTLINE: scratch is aligned to 64.
  auto* const weights = reinterpret_cast<std::int16_t*>(context.scratch().data());
  for (std::int64_t filter = 0; filter < w.dims[0]; ++filter) {
    widen(w,
          filter * bound.depth,
          bound.depth,
          zero_at(optional(params.w_zero), filter),
          weights + filter * bound.depth);
  }
  std::byte* const lanes = context.scratch().data() + bound.weights_size(params.group);
  T* y = context.output(0).mut<T>().data();
  const std::int64_t blocks = (bound.places + bound.block - 1) / bound.block;
  const std::int64_t items = x.dims[0] * params.group * blocks;
  const auto run_item = [&](std::int64_t item, std::byte* lane) {
    // NOLINTNEXTLINE: lanes are whole cache lines.
    auto* const sums = reinterpret_cast<std::int32_t*>(lane);
    // NOLINTNEXTLINE: as above.
    auto* const columns = reinterpret_cast<std::int16_t*>(lane + bound.sums_size());
    const std::int64_t first = item % blocks * bound.block;
    const std::int64_t count = std::min(bound.block, bound.places - first);
    const std::int64_t pair = item / blocks;  // image and group
    const std::int64_t group = pair % params.group;
    fill_columns(bound, x, pair * bound.channels * bound.area, first, count, x_zero, columns);
    multiply_integers(weights + group * bound.filters * bound.depth,
                      columns,
                      sums,
                      bound.filters,
                      count,
                      bound.depth);
    for (std::int64_t f = 0; f < bound.filters; ++f) {
      T* const to = y + (pair * bound.filters + f) * bound.places + first;
      give(params, sums + f * count, group * bound.filters + f, count, context, to);
    }
  };
  parallel_for(bound.lanes, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t lane = begin; lane < end; ++lane) {
      for (std::int64_t item = lane; item < items; item += bound.lanes) {
        run_item(item, lanes + static_cast<std::size_t>(lane) * bound.lane_size());
      }
    }
  });
}

Result<void> run_conv(const ConvParams& params, const ConvBound& bound, KernelContext& context) {
  const TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  if (y.datatype == DataType::int32) {
    run_as<std::int32_t>(params, bound, context);
  } else if (y.datatype == DataType::int8) {
    run_as<std::int8_t>(params, bound, context);
  } else {
    run_as<std::uint8_t>(params, bound, context);
  }
  return {};
}

}  // namespace

void register_integer_conv(Registry& registry) {
  registry.add({.name = "ConvInteger",
                .since = {10},
                .arity = {2, 4, 1},
                .kernel = bound_kernel<parse_conv<false>, infer_conv, bind_conv, run_conv>()});
  registry.add({.name = "QLinearConv",
                .since = {10},
                .arity = {8, 9, 1},
                .kernel = bound_kernel<parse_conv<true>, infer_conv, bind_conv, run_conv>()});
}

}  // namespace sluice::engine
