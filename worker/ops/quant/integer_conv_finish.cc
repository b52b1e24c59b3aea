#include "worker/ops/quant/integer_conv_finish.h"

#include <algorithm>
#include <array>

#include "worker/ops/quant/integer_core.h"
#include "worker/ops/simd/products.h"

namespace sluice::engine {

using simd::kPanel;

namespace {

// Of the bytes that a filter's sums become.
struct ByteEnds {
  std::int32_t bias = 0;
  float scale = 0;
  float offset = 0;  // behind the scale
};

// Whether floats are added behind the scale, instead of integers before it.
bool adds_behind(const IntegerConvParams& params, const KernelContext& context) {
  return context.has_input(params.bias) && context.input(params.bias).datatype == DataType::float32;
}

ByteEnds byte_ends(const IntegerConvParams& params,
                   const KernelContext& context,
                   std::int64_t filter) {
  const auto at = static_cast<std::size_t>(filter);
  const auto w_scale = context.input(4).as<float>();
  const float y_scale = context.input(6).as<float>()[0];
  ByteEnds ends{.scale = context.input(1).as<float>()[0] * w_scale[w_scale.size() == 1 ? 0 : at] /
                         y_scale};
  if (adds_behind(params, context)) {
    ends.offset = context.input(params.bias).as<float>()[at] / y_scale;
  } else if (context.has_input(params.bias)) {
    ends.bias = context.input(params.bias).as<std::int32_t>()[at];
  }
  return ends;
}

template <class T>
void give_bytes_as(const IntegerConvParams& params,
                   const ConvSums& from,
                   KernelContext& context,
                   T* to) {
  const bool behind = adds_behind(params, context);
  for (std::int64_t f = 0; f < from.filters; ++f) {
    const ByteEnds ends = byte_ends(params, context, from.first + f);
    simd::requantize({.sums = from.sums + f * from.step,
                      .bias = ends.bias,
                      .scale = &ends.scale,
                      .scale_step = 0,
                      .offset = behind ? &ends.offset : nullptr,
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

std::size_t ends_size(std::int64_t filters) {
  return static_cast<std::size_t>(filters) * (sizeof(std::int32_t) + 2 * sizeof(float));
}

FilterEnds conv_ends(const IntegerConvParams& params,
                     const IntegerConvState& state,
                     const Filters& filters,
                     std::int32_t zero,
                     KernelContext& context,
                     std::int32_t* memory) {
  const std::int64_t count = context.input(params.w).dims[0];
  const bool bytes = params.quantizes;
  const bool floats = params.scale != IntegerConvParams::kNone;
  void* const behind = memory + count;
  FilterEnds ends{.starts = memory};
  if (bytes || floats) {
    ends.scales = static_cast<float*>(behind);
    const bool adds = bytes ? adds_behind(params, context) : !state.bias.empty();
    ends.offsets = adds ? ends.scales + count : nullptr;
  }
  ends.zero = bytes ? byte_at(context.input(7), 0) : 0;
  for (std::int64_t filter = 0; filter < count; ++filter) {
    const ByteEnds of_bytes = bytes ? byte_ends(params, context, filter) : ByteEnds{};
    // sum of w * (x - zero) = sum of w * x - zero * sum of w; wraps
    ends.starts[filter] = static_cast<std::int32_t>(
        static_cast<std::uint32_t>(of_bytes.bias) -
        static_cast<std::uint32_t>(filters.sums[filter]) * static_cast<std::uint32_t>(zero));
    if (bytes || floats) {
      ends.scales[filter] = bytes ? of_bytes.scale : context.input(params.scale).as<float>()[0];
    }
    if (ends.offsets != nullptr) {
      ends.offsets[filter] = bytes ? of_bytes.offset : state.bias[static_cast<std::size_t>(filter)];
    }
  }
  return ends;
}

}  // namespace sluice::engine
