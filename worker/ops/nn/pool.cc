// AveragePool, GlobalAveragePool, GlobalMaxPool, MaxPool.
// Spec: https://onnx.ai/onnx/operators/onnx__MaxPool.html and its neighbours (read 2026-11).
// Types: float32, float64; MaxPool also int8 and uint8. Channels-last float32 by vector kernels,
// row by row of channels, and bytes where they come so; everything else by plain loops. Any number
// of spatial dimensions up to 3. MaxPool keeps NaN; its Indices (of the flattened input;
// column-major when storage_order is 1) come from the plain loops. Averages sum in double (plain)
// or float32 (channels-last). Opsets: ceil_mode since 10, dilations of AveragePool since 19,
// count_include_pad since 7.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/nn/pool_rows.h"
#include "worker/ops/nn/pool_taps.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/bytes.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct PoolParams {
  WindowParams window{};
  bool is_max = false;
  bool is_global = false;
  bool count_pads = false;
  bool column_major = false;
};

template <bool kMax>
Result<PoolParams> parse_pool(const Node& node) {
  Attributes attributes(node);
  PoolParams params{.is_max = kMax};
  SLUICE_TRY_ASSIGN(params.window, parse_window(attributes));
  if (params.window.kernel.empty()) {
    return Error{ErrorCode::data_corrupt, "has no kernel_shape"};
  }
  if (!params.window.dilations.empty() && node.since < (kMax ? 10 : 19)) {
    return Error{ErrorCode::unsupported, "has dilations, which its version does not know"};
  }
  if (node.since >= 10) {
    SLUICE_TRY_ASSIGN(const std::int64_t ceil, attributes.integer("ceil_mode", 0));
    params.window.ceil_mode = ceil != 0;
  }
  if (kMax && node.since >= 8) {
    SLUICE_TRY_ASSIGN(const std::int64_t order, attributes.integer("storage_order", 0));
    params.column_major = order != 0;
  }
  if (!kMax && node.since >= 7) {
    SLUICE_TRY_ASSIGN(const std::int64_t count, attributes.integer("count_include_pad", 0));
    params.count_pads = count != 0;
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

template <bool kMax>
Result<PoolParams> parse_global(const Node& node) {
  SLUICE_TRY(Attributes(node).finish());
  return PoolParams{.is_max = kMax, .is_global = true};
}

Result<OutputFacts> infer_pool(const PoolParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const bool bytes = params.is_max && !params.is_global &&
                     (x.datatype == DataType::int8 || x.datatype == DataType::uint8);
  if (!is_float(x.datatype) && !bytes) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() < 3 || x.dims.size() > 5) {
    return Error{x.dims.size() > 5 ? ErrorCode::unsupported : ErrorCode::invalid_argument,
                 "input " + to_string(x.dims) + " has " + std::to_string(x.dims.size()) +
                     " dimensions, 3 to 5 are possible"};
  }
  SLUICE_TRY_ASSIGN(const Window window, pool_window(params.window, params.is_global, x.dims));
  Shape dims = pooled_dims(x.dims, window);
  OutputFacts made = one_output(x.datatype, dims);
  if (facts.output_count > 1 && (!params.is_max || params.is_global)) {
    return Error{ErrorCode::data_corrupt, "has two outputs"};
  }
  if (facts.output_count > 1) {
    made.push_back({.datatype = DataType::int64, .dims = std::move(dims)});
  }
  return made;
}

struct PoolBound {
  PoolTaps taps{};
  PoolRows rows{};  // channels-last
};

Result<PoolBound> bind_pool(const PoolParams& params, BindContext& context) {
  const TensorView& x = context.inputs[0];
  SLUICE_TRY_ASSIGN(const Window window, pool_window(params.window, params.is_global, x.dims));
  PoolBound bound;
  SLUICE_TRY_ASSIGN(bound.taps, pool_taps(window, x.dims.subspan(2)));
  if (x.layout == Layout::channels_last && x.datatype == DataType::float32) {
    bound.rows = PoolRows::make(bound.taps, x.dims[0], x.dims[1], params.is_max, params.count_pads);
    context.scratch_size = bound.rows.scratch_size();
  }
  return bound;
}

// Calls tap(position in the input's places) for every tap inside, in index order.
template <class F>
void for_taps(const PoolTaps& bound, const Taps& taps, const F& tap) {
  for (std::int64_t a = taps[0].first; a < taps[0].last; ++a) {
    const std::int64_t plane = (taps[0].start + a * bound.dilations[0]) * bound.in[1];
    for (std::int64_t b = taps[1].first; b < taps[1].last; ++b) {
      const std::int64_t row = (plane + taps[1].start + b * bound.dilations[1]) * bound.in[2];
      for (std::int64_t c = taps[2].first; c < taps[2].last; ++c) {
        tap(row + taps[2].start + c * bound.dilations[2]);
      }
    }
  }
}

// Taps that an average divides by.
std::int64_t counted(const PoolParams& params, const Taps& taps) {
  std::int64_t count = 1;
  for (const TapRange& range : taps) {
    count *= params.count_pads ? range.counted : range.inside();
  }
  return count;
}

template <class T>
void average_plane(const PoolParams& params, const PoolTaps& bound, const T* x, T* y) {
  for (std::int64_t place = 0; place < bound.places(); ++place) {
    const Taps taps = bound.at(place);
    double sum = 0;
    for_taps(bound, taps, [&](std::int64_t position) { sum += static_cast<double>(x[position]); });
    y[place] = static_cast<T>(sum / static_cast<double>(counted(params, taps)));
  }
}

// `indices` may be null; `plane` is the number of places before this channel.
template <class T>
void max_plane(const PoolParams& params,
               const PoolTaps& bound,
               const T* x,
               T* y,
               std::int64_t* indices,
               std::int64_t plane) {
  for (std::int64_t place = 0; place < bound.places(); ++place) {
    T most{};
    std::int64_t best = -1;
    for_taps(bound, bound.at(place), [&](std::int64_t position) {
      const T value = x[position];
      // A NaN wins over every number, the first one over the others.
      if (best < 0 || value > most || (value != value && most == most)) {
        most = value;
        best = position;
      }
    });
    y[place] = best >= 0 ? most : std::numeric_limits<T>::lowest();
    if (indices != nullptr) {
      std::int64_t index = best;
      if (params.column_major) {
        const std::int64_t column = best % bound.in[2];
        const std::int64_t row = best / bound.in[2] % bound.in[1];
        const std::int64_t depth = best / bound.in[2] / bound.in[1];
        index = (column * bound.in[1] + row) * bound.in[0] + depth;
      }
      indices[place] = plane + index;
    }
  }
}

// to[i] = max(to[i], from[i * step]); a step that the compiler knows becomes vectors.
template <class T, class Step>
void take_greater(const T* from, Step step, std::int64_t count, T* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = std::max(to[i], from[i * step]);
  }
}

// Of bytes: the rows of a window are joined place by place, then the places of that row, tap by
// tap.
template <class T>
struct MaxRow {
  const PoolTaps& taps;
  const T* x;
  T* y;
  T* most;  // [width]

  void begin() const { std::fill_n(most, taps.in[2], std::numeric_limits<T>::lowest()); }
  void add(std::int64_t from) const {
    take_greater(x + from, std::integral_constant<std::int64_t, 1>{}, taps.in[2], most);
  }
  void finish(std::int64_t to, const TapRange& /*depth*/, const TapRange& /*height*/) const {
    const std::vector<TapRange>& ranges = taps.ranges[2];
    const std::int64_t count = taps.out[2];
    const std::int64_t stride = count > 1 ? ranges[1].start - ranges[0].start : 1;
    T* const row = y + to;
    std::fill_n(row, count, std::numeric_limits<T>::lowest());
    for (std::int64_t tap = 0; tap < taps.kernel[2]; ++tap) {
      // The places that have this tap inside.
      const std::int64_t first = ranges[0].start + tap * taps.dilations[2];
      const std::int64_t begin = first >= 0 ? 0 : (-first + stride - 1) / stride;
      const std::int64_t room = taps.in[2] - first;
      const std::int64_t end = room <= 0 ? 0 : std::min(count, (room + stride - 1) / stride);
      if (begin >= end) {
        continue;
      }
      const T* const from = most + first + begin * stride;
      if (stride == 1) {
        take_greater(from, std::integral_constant<std::int64_t, 1>{}, end - begin, row + begin);
      } else if (stride == 2) {
        take_greater(from, std::integral_constant<std::int64_t, 2>{}, end - begin, row + begin);
      } else {
        take_greater(from, stride, end - begin, row + begin);
      }
    }
  }
};

// The greatest of each channel, which lie together, row by row of places.
template <class T>
void max_places(const PoolTaps& bound, const TensorView& x, TensorView& y) {
  const std::int64_t channels = x.dims[1];
  const std::int64_t rows = bound.out[0] * bound.out[1];
  const std::int64_t width = bound.out[2];
  const auto take_place = [&](const T* image, const Taps& taps, T* to) {
    std::array<std::int64_t, 32> seen;  // NOLINT: as far as there are some
    simd::BytesOfPlaces<T> from{
        .x = image, .places = seen.data(), .places_count = 0, .count = channels, .joins = false};
    const auto take = [&] {
      simd::take_greatest(from, to);
      from.places_count = 0;
      from.joins = true;
    };
    for_taps(bound, taps, [&](std::int64_t position) {
      seen[static_cast<std::size_t>(from.places_count++)] = position * channels;
      if (from.places_count == std::ssize(seen)) {
        take();
      }
    });
    take();
  };
  parallel_for(
      x.dims[0] * rows, 1 + 16'384 / (channels * width), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const T* const image = x.as<T>().data() + row / rows * bound.area() * channels;
          T* const to = y.mut<T>().data() + row * width * channels;
          Taps taps = bound.at(row % rows * width);
          for (std::int64_t place = 0; place < width; ++place) {
            taps[2] = bound.ranges[2][static_cast<std::size_t>(place)];
            take_place(image, taps, to + place * channels);
          }
        }
      });
}

template <class T>
void run_planes(const PoolParams& params, const PoolTaps& bound, KernelContext& context) {
  const T* x = context.input(0).as<T>().data();
  TensorView& view = context.output(0);
  T* y = view.mut<T>().data();
  std::int64_t* indices =
      context.has_output(1) ? context.output(1).mut<std::int64_t>().data() : nullptr;
  const std::int64_t places = bound.places();
  parallel_for(view.dims[0] * view.dims[1],
               1 + 16'384 / (places + 1),
               [&](std::int64_t begin, std::int64_t end) {
                 std::vector<T> row(static_cast<std::size_t>(sizeof(T) == 1 ? bound.in[2] : 0));
                 for (std::int64_t at = begin; at < end; ++at) {
                   const T* from = x + at * bound.area();
                   T* to = y + at * places;
                   if constexpr (sizeof(T) == 1) {
                     if (indices == nullptr) {
                       for_pool_rows(
                           bound, MaxRow<T>{.taps = bound, .x = from, .y = to, .most = row.data()});
                       continue;
                     }
                   }
                   if (params.is_max) {
                     max_plane(params,
                               bound,
                               from,
                               to,
                               indices != nullptr ? indices + at * places : nullptr,
                               at * bound.area());
                   } else {
                     average_plane(params, bound, from, to);
                   }
                 }
               });
}

Result<void> run_pool(const PoolParams& params, const PoolBound& bound, KernelContext& context) {
  const TensorView& x = context.input(0);
  const PoolTaps& taps = bound.taps;
  if (context.output(0).count == 0) {
    return {};
  }
  const bool last = x.layout == Layout::channels_last;
  if (last && x.datatype == DataType::int8) {
    max_places<std::int8_t>(taps, x, context.output(0));
  } else if (last && x.datatype == DataType::uint8) {
    max_places<std::uint8_t>(taps, x, context.output(0));
  } else if (last) {
    bound.rows.run(
        x.as<float>().data(), context.output(0).mut<float>().data(), context.scratch().data());
  } else if (x.datatype == DataType::float32) {
    run_planes<float>(params, taps, context);
  } else if (x.datatype == DataType::float64) {
    run_planes<double>(params, taps, context);
  } else if (x.datatype == DataType::int8) {
    run_planes<std::int8_t>(params, taps, context);
  } else {
    run_planes<std::uint8_t>(params, taps, context);
  }
  return {};
}

LayoutRule layout_for(const Box&, DataType datatype) {
  return datatype == DataType::float32                               ? LayoutRule::channels_last
         : datatype == DataType::int8 || datatype == DataType::uint8 ? LayoutRule::follow
                                                                     : LayoutRule::plain;
}

template <auto Parse>
OperatorEntry pool_entry(const char* name, std::vector<int> since) {
  return {.name = name,
          .since = std::move(since),
          .arity = {1, 1, 2},
          .kernel = bound_kernel<Parse, infer_pool, bind_pool, run_pool>(),
          .layout = LayoutRule::channels_last,
          .tame = true,
          .layout_for = layout_for};
}

}  // namespace

void register_pool(Registry& registry) {
  registry.add(pool_entry<parse_pool<false>>("AveragePool", {1, 7, 10, 11, 19, 22}));
  registry.add(pool_entry<parse_global<false>>("GlobalAveragePool", {1, 22}));
  registry.add(pool_entry<parse_global<true>>("GlobalMaxPool", {1, 22}));
  registry.add(pool_entry<parse_pool<true>>("MaxPool", {1, 8, 10, 11, 12, 22}));
}

}  // namespace sluice::engine
