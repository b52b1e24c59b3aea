#include "worker/ops/quant/integer_conv_run.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/math/activate.h"
#include "worker/ops/quant/integer_conv_finish.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

using simd::kPanel;

// Of results of panels across the ends of rows, those of the output's places close up. The first
// of these places, and their count.
template <class T>
std::pair<std::int64_t, std::int64_t> close_up(const PaddedImage& image,
                                               const FilterProduct& product,
                                               std::int64_t step,
                                               T* results) {
  const std::int64_t from = image.first(product.begin);
  const std::int64_t to = image.first(product.end);
  const auto place_of = [&](std::int64_t counted) {
    return counted / image.row_step * image.row_places +
           std::min(counted % image.row_step, image.row_places);
  };
  for (std::int64_t f = 0; f < product.count; ++f) {
    T* const row = results + f * step;
    std::int64_t kept = 0;
    for (std::int64_t at = from; at < to;) {
      const std::int64_t inside = image.row_places - at % image.row_step;
      const std::int64_t count = std::min(inside, to - at);
      if (count > 0) {
        std::memmove(row + kept, row + (at - from), static_cast<std::size_t>(count) * sizeof(T));
        kept += count;
      }
      at += image.row_step - at % image.row_step;
    }
  }
  return {place_of(from), place_of(to) - place_of(from)};
}

// T of y; Number of panels: of a byte for quads, otherwise of 16 bits.
template <class T, class Number>
class ConvRun {
 public:
  static constexpr bool kQuads = sizeof(Number) == 1;

  ConvRun(const IntegerConvParams& params,
          const IntegerConvState& state,
          const IntegerConvBound& bound,
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
                   .shift = x.datatype == DataType::int8 ? -128 : 0};
    if constexpr (kQuads) {
      ends_ = conv_ends(params_,
                        state_,
                        filters_,
                        part.zero - part.shift,
                        context_,
                        part_of<std::int32_t>(scratch_, bound_.ends));
    }
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
                 (n * params_.group * bound_.filters + first) * image.places;
    const FilterProduct product{.filters = filters_,
                                .first = first,
                                .count = bound_.filters,
                                .image = image,
                                .begin = begin,
                                .end = end};
    if constexpr (kQuads) {
      run_quads(product, panels, lane, y);
    } else {
      run_pairs(product, panels, lane, y);
    }
  }

  // Straight to y, where what is multiplied is the output, place by place.
  void run_quads(const FilterProduct& product,
                 const std::uint8_t* panels,
                 std::byte* lane,
                 T* y) const {
    const PaddedImage& image = bound_.image;
    if (image.row_step == 0) {
      multiply(product, panels, ends_, image.places, y + image.first(product.begin));
      return;
    }
    T* const results = part_of<T>(lane, bound_.sums);
    const std::int64_t step = bound_.block * kPanel;
    multiply(product, panels, ends_, step, results);
    const auto [place, count] = close_up(image, product, step, results);
    for (std::int64_t f = 0; f < product.count; ++f) {
      std::copy_n(results + f * step, count, y + place + f * image.places);
    }
  }

  void run_pairs(const FilterProduct& product,
                 const std::int16_t* panels,
                 std::byte* lane,
                 T* y) const {
    const PaddedImage& image = bound_.image;
    auto* const sums = part_of<std::int32_t>(lane, bound_.sums);
    const std::int64_t step = bound_.block * kPanel;
    multiply(product, panels, step, sums);
    std::int64_t place = image.first(product.begin);
    std::int64_t count = image.first(product.end) - place;
    if (image.row_step != 0) {
      std::tie(place, count) = close_up(image, product, step, sums);
    }
    const ConvSums given{.sums = sums,
                         .step = step,
                         .first = product.first,
                         .filters = product.count,
                         .count = count,
                         .places = image.places};
    if constexpr (sizeof(T) == 1) {
      give_bytes(params_, given, context_, y + place);
    } else if constexpr (std::is_same_v<T, float>) {
      give_floats(context_.input(params_.scale).template as<float>()[0],
                  state_.bias.empty() ? nullptr : state_.bias.data() + product.first,
                  given,
                  y + place);
    } else {
      for (std::int64_t f = 0; f < given.filters; ++f) {
        std::copy_n(sums + f * given.step, given.count, y + place + f * image.places);
      }
    }
  }

  const IntegerConvParams& params_;
  const IntegerConvState& state_;
  const IntegerConvBound& bound_;
  KernelContext& context_;
  std::byte* scratch_;
  Number* image_;
  Filters filters_;
  FilterEnds ends_{};
};

// Filters that see one channel each: a plane is what one of them sees.
template <class T>
void run_planes(const IntegerConvParams& params,
                const IntegerConvState& state,
                const IntegerConvBound& bound,
                KernelContext& context) {
  const TensorView& x = context.input(0);
  const TensorView& w = context.input(params.w);
  const TapPlane& plane = *bound.plane;
  const auto optional = [&](std::size_t i) {
    return context.has_input(i) ? &context.input(i) : nullptr;
  };
  std::byte* const scratch = context.scratch().data();
  const std::int32_t* weights = state.taps.data();
  if (state.taps.empty()) {
    auto* const packed = part_of<std::int32_t>(scratch, 0);
    pack_tap_weights(w, optional(params.w_zero), packed);
    weights = packed;
  }
  const std::int64_t filters = w.dims[0];
  const auto weights_step = static_cast<std::int64_t>(tap_weights_size(w.dims)) / filters;
  const std::int64_t in_area = plane.in_rows * plane.in_width;
  const std::int64_t places = plane.out_rows * plane.out_width;
  const std::int32_t zero = zero_at(optional(params.x_zero), 0);
  const float scale =
      std::is_same_v<T, float> ? context.input(params.scale).template as<float>()[0] : 0;
  T* const y = context.output(0).mut<T>().data();
  const auto run_plane = [&](std::int64_t item, std::byte* memory) {
    const std::int64_t filter = item % filters;
    const std::int64_t channel = item / filters * params.group + filter / bound.filters;
    const PlaneOfTaps from{.x = x,
                           .first = channel * in_area,
                           .zero = zero,
                           .weights = weights + filter * weights_step};
    for (std::int64_t begin = 0; begin < plane.out_rows; begin += plane.block) {
      const auto [sums, count] = sum_block(plane, from, begin, memory);
      T* const to = y + item * places + begin * plane.out_width;
      const ConvSums given{
          .sums = sums, .step = 0, .first = filter, .filters = 1, .count = count, .places = places};
      if constexpr (sizeof(T) == 1) {
        give_bytes(params, given, context, to);
      } else if constexpr (std::is_same_v<T, float>) {
        give_floats(scale, state.bias.empty() ? nullptr : state.bias.data() + filter, given, to);
      } else {
        std::copy_n(sums, count, to);
      }
    }
  };
  parallel_for(bound.lanes, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t lane = begin; lane < end; ++lane) {
      std::byte* const memory =
          scratch + bound.lane + static_cast<std::size_t>(lane) * bound.lane_size;
      for (std::int64_t item = lane; item < x.dims[0] * filters; item += bound.lanes) {
        run_plane(item, memory);
      }
    }
  });
}

template <class T>
void run_as(const IntegerConvParams& params,
            const IntegerConvState& state,
            const IntegerConvBound& bound,
            KernelContext& context) {
  if constexpr (sizeof(T) == 1) {
    if (bound.places) {
      return run_places<T>(params, state, *bound.places, context);
    }
  }
  if (bound.plane) {
    run_planes<T>(params, state, bound, context);
  } else if (bound.image.group == 4) {
    ConvRun<T, std::uint8_t>(params, state, bound, context).run();
  } else {
    ConvRun<T, std::int16_t>(params, state, bound, context).run();
  }
}

}  // namespace

namespace {

// Where that is not done with the sums.
template <class T>
void hold_floor(std::int32_t zero, TensorView& y) {
  for (T& byte : y.mut<T>()) {
    byte = std::max(byte, static_cast<T>(zero));
  }
}

}  // namespace

Result<void> run_integer_conv(const IntegerConvParams& params,
                              const IntegerConvState& state,
                              const IntegerConvBound& bound,
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
  if (params.has_floor && !bound.places) {
    const std::int32_t zero = byte_at(context.input(7), 0);
    y.datatype == DataType::int8 ? hold_floor<std::int8_t>(zero, y)
                                 : hold_floor<std::uint8_t>(zero, y);
  }
  return {};
}

}  // namespace sluice::engine
