#include "worker/ops/quant/integer_conv_finish.h"

#include <algorithm>
#include <array>

#include "worker/ops/quant/integer_core.h"
#include "worker/ops/simd/products.h"

namespace sluice::engine {

using simd::kPanel;

namespace {

template <class T>
void give_bytes_as(const IntegerConvParams& params,
                   const ConvSums& from,
                   KernelContext& context,
                   T* to) {
  const auto w_scale = context.input(4).as<float>();
  const float y_scale = context.input(6).as<float>()[0];
  const bool has_bias = context.has_input(params.bias);
  const bool behind = has_bias && params.bias_type == DataType::float32;
  for (std::int64_t f = 0; f < from.filters; ++f) {
    const auto filter = static_cast<std::size_t>(from.first + f);
    const float scale =
        context.input(1).as<float>()[0] * w_scale[w_scale.size() == 1 ? 0 : filter] / y_scale;
    const float offset = behind ? context.input(params.bias).as<float>()[filter] / y_scale : 0;
    simd::requantize(
        {.sums = from.sums + f * from.step,
         .bias = has_bias && !behind ? context.input(params.bias).as<std::int32_t>()[filter] : 0,
         .scale = &scale,
         .scale_step = 0,
         .offset = behind ? &offset : nullptr,
         .zero = byte_at(context.input(7), 0),
         .count = from.count},
        to + f * from.places);
  }
}

}  // namespace

void give_bytes(const IntegerConvParams& params,
                const ConvSums& from,
                KernelContext& context,
                std::int8_t* to) {
  give_bytes_as(params, from, context, to);
}
void give_bytes(const IntegerConvParams& params,
                const ConvSums& from,
                KernelContext& context,
                std::uint8_t* to) {
  give_bytes_as(params, from, context, to);
}

void give_floats(float scale, const float* bias, const ConvSums& from, float* to) {
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

}  // namespace sluice::engine
