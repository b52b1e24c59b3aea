#include "worker/ops/quant/integer_places.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/layout.h"
#include "worker/ops/quant/integer_conv_finish.h"
#include "worker/ops/quant/integer_conv_run.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/simd/byte_places.h"
#include "worker/ops/simd/cut.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

using simd::kPanel;

constexpr std::int64_t kWorkOfThread = std::int64_t{1} << 22;  // multiplications, some 20 us

std::int32_t shift_of(DataType datatype) {
  return datatype == DataType::uint8 ? 128 : 0;
}

// Adds up the offset of each position of `extents`, `steps` apart in `around`, `each` bytes a
// place.
std::vector<std::int32_t> offsets_of(const Shape& extents,
                                     const Shape& steps,
                                     const Shape& around,
                                     std::int64_t each) {
  std::vector<std::int32_t> offsets;
  const std::int64_t count = product(extents, 0, extents.size());
  offsets.reserve(static_cast<std::size_t>(count));
  for (std::int64_t place = 0; place < count; ++place) {
    std::int64_t rest = place;
    std::int64_t at = 0;
    std::int64_t stride = each;
    for (std::size_t d = extents.size(); d > 0; --d) {
      at += rest % extents[d - 1] * steps[d - 1] * stride;
      rest /= extents[d - 1];
      stride *= around[d - 1];
    }
    offsets.push_back(static_cast<std::int32_t>(at));
  }
  return offsets;
}

// How the panels of all filters are taken: up to kPlacePanels at a time.
simd::Cut groups_of(std::int64_t filters) {
  return simd::cut_evenly((filters + kPanel - 1) / kPanel, simd::kPlacePanels);
}

std::int64_t quads_of(std::int64_t bytes) {
  return (bytes + 3) / 4;
}

// Panels of filters, [groups][runs][quads][panels][kPanel][4].
void pack_panels(const TensorView& w, PlaceWeights& weights) {
  const std::int64_t filters = w.dims[0];
  const std::int64_t channels = w.dims[1];
  const std::int64_t taps = product(w.dims, 2, w.dims.size());
  const std::int64_t row = weights.joined ? w.dims.back() : 1;  // taps of a run
  const std::int64_t run_bytes = row * channels;
  const std::int64_t quads = quads_of(run_bytes);
  const std::int64_t panels = (filters + kPanel - 1) / kPanel;
  MutableBuffer memory(static_cast<std::size_t>(panels * (taps / row) * quads * 4 * kPanel));
  auto* to = part_of<std::int8_t>(memory.data(), 0);
  const std::int32_t shift = shift_of(w.datatype);
  const simd::Cut cut = groups_of(filters);
  std::int64_t first = 0;
  for (std::int64_t group = 0; group < cut.tiles; ++group) {
    const std::int64_t count = cut.rows_of(group) * kPanel;
    for (std::int64_t at = 0; at < taps / row * quads * count * 4; ++at) {
      const std::int64_t filter = first + at / 4 % count;
      const std::int64_t quad = at / 4 / count;
      const std::int64_t i = quad % quads * 4 + at % 4;  // in the run
      const std::int64_t tap = quad / quads * row + i / channels;
      const bool is_weight = filter < filters && i < run_bytes;
      *to++ = static_cast<std::int8_t>(
          is_weight ? byte_at(w, (filter * channels + i % channels) * taps + tap) - shift : 0);
    }
    first += count;
  }
  weights.memory = std::move(memory).freeze();
}

// Of channels, [blocks][fours of taps][kChannelBlock][4].
void pack_channels(const TensorView& w, PlaceWeights& weights) {
  const std::int64_t channels = w.dims[0];
  const std::int64_t taps = product(w.dims, 2, w.dims.size());
  const std::int64_t fours = quads_of(taps);
  const std::int64_t blocks = (channels + simd::kChannelBlock - 1) / simd::kChannelBlock;
  const std::int64_t size = blocks * fours * simd::kChannelBlock * 4;
  MutableBuffer memory(static_cast<std::size_t>(size));
  auto* const to = part_of<std::int8_t>(memory.data(), 0);
  const std::int32_t shift = shift_of(w.datatype);
  for (std::int64_t at = 0; at < size; ++at) {
    const std::int64_t four = at / 4 / simd::kChannelBlock;
    const std::int64_t channel =
        four / fours * simd::kChannelBlock + simd::channel_of_weight(at / 4 % simd::kChannelBlock);
    const std::int64_t tap = four % fours * 4 + at % 4;
    const bool is_weight = channel < channels && tap < taps;
    to[at] = static_cast<std::int8_t>(is_weight ? byte_at(w, channel * taps + tap) - shift : 0);
  }
  weights.memory = std::move(memory).freeze();
}

// One row of the input as bytes without a sign.
void put_row(const TensorView& x, std::int64_t first, std::int64_t count, std::uint8_t* to) {
  const auto* const from = static_cast<const std::uint8_t*>(x.data) + first;
  if (x.datatype == DataType::uint8) {
    std::memcpy(to, from, static_cast<std::size_t>(count));
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = from[i] ^ 0x80U;
  }
}

// Image `n` of x, whose bytes lie channels-last, with `around` about it.
void pad_places(const PlacesBound& bound,
                const TensorView& x,
                std::int64_t n,
                std::uint8_t around,
                std::uint8_t* to) {
  const std::int64_t channels = x.dims[1];
  const std::size_t last = bound.in.size() - 1;
  const std::int64_t rows = product(bound.padded, 0, last);
  const std::int64_t row_bytes = bound.padded[last] * channels;
  const std::int64_t in_bytes = bound.in[last] * channels;
  const std::int64_t before = bound.begin[last] * channels;
  const std::int64_t image = product(bound.in, 0, last) * n;
  parallel_for(rows, 1 + 65'536 / row_bytes, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      std::int64_t rest = row;
      std::int64_t from = 0;
      std::int64_t stride = 1;
      bool inside = true;
      for (std::size_t d = last; d > 0; --d) {
        const std::int64_t at = rest % bound.padded[d - 1] - bound.begin[d - 1];
        rest /= bound.padded[d - 1];
        inside = inside && at >= 0 && at < bound.in[d - 1];
        from += at * stride;
        stride *= bound.in[d - 1];
      }
      std::uint8_t* const target = to + row * row_bytes;
      if (!inside) {
        std::memset(target, around, static_cast<std::size_t>(row_bytes));
        continue;
      }
      std::memset(target, around, static_cast<std::size_t>(before));
      put_row(x, (image + from) * in_bytes, in_bytes, target + before);
      std::memset(target + before + in_bytes,
                  around,
                  static_cast<std::size_t>(row_bytes - before - in_bytes));
    }
  });
}

// All places of one image.
template <class T>
void multiply_image(const PlacesBound& bound,
                    const PlaceWeights& weights,
                    const FilterEnds& ends,
                    std::int64_t filters,
                    const std::uint8_t* image,
                    T* y) {
  const auto places = static_cast<std::int64_t>(bound.begins.size());
  const auto runs = static_cast<std::int64_t>(bound.runs.size());
  const auto part = [&](std::int64_t first, std::int64_t count) {
    return simd::PlaceWindows{.image = image,
                              .begins = bound.begins.data() + first,
                              .places = count,
                              .runs = bound.runs.data(),
                              .run_count = runs};
  };
  const auto ends_from = [&](std::int64_t filter) {
    return simd::PlaceEnds{.starts = ends.starts + filter,
                           .scales = ends.scales + filter,
                           .offsets = ends.offsets != nullptr ? ends.offsets + filter : nullptr,
                           .zero = ends.zero,
                           .has_floor = ends.has_floor};
  };
  if (weights.by_channel) {
    const auto* const packed = part_of<std::int8_t>(weights.memory.data(), 0);
    parallel_for(places,
                 1 + kWorkOfThread / 4 / (filters * runs),
                 [&](std::int64_t begin, std::int64_t end) {
                   simd::multiply_channels({.windows = part(begin, end - begin),
                                            .channels = filters,
                                            .weights = packed,
                                            .ends = ends_from(0)},
                                           y + begin * filters);
                 });
    return;
  }
  // Blocks of places meet the weights of one group, then those of the next, which stay in a cache.
  constexpr std::int64_t kTiles = 24;  // places: whole tiles of any kernel
  const simd::Cut groups = groups_of(filters);
  const std::int64_t shares = team_size() == 1 ? 1 : 4 * team_size();
  const std::int64_t block = ((places + shares - 1) / shares + kTiles - 1) / kTiles * kTiles;
  const std::int64_t blocks = (places + block - 1) / block;
  const std::int64_t panel_bytes = runs * bound.quads * 4 * kPanel;
  const std::int64_t work = block * panel_bytes * simd::kPlacePanels;
  parallel_for(
      groups.tiles * blocks, 1 + kWorkOfThread / work, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t group = item / blocks;
          const std::int64_t first = item % blocks * block;
          const std::int64_t panel = group * groups.rows + std::min(group, groups.more);
          const std::int64_t filter = panel * kPanel;
          simd::multiply_places(
              {.windows = part(first, std::min(block, places - first)),
               .quads = bound.quads,
               .weights = part_of<std::int8_t>(weights.memory.data(),
                                               static_cast<std::size_t>(panel * panel_bytes)),
               .filters = std::min(groups.rows_of(group) * kPanel, filters - filter),
               .ends = ends_from(filter),
               .step = filters},
              y + first * filters + filter);
        }
      });
}

}  // namespace

bool goes_by_places(const IntegerConvParams& params, const TensorView& w, const TensorView* zero) {
  constexpr std::size_t kMostRank = 5;
  constexpr std::int64_t kFewestFilters = 8;  // that half a vector is worth
  if (!simd::has_quads() || !params.quantizes || w.rank() > kMostRank || w.count == 0 ||
      w.dims[0] < kFewestFilters) {
    return false;
  }
  for (std::int64_t i = 0; i < (zero == nullptr ? 1 : zero->count); ++i) {
    if (zero_at(zero, i) != shift_of(w.datatype)) {
      return false;
    }
  }
  return params.group == 1 || (w.dims[1] == 1 && w.dims[0] == params.group);
}

PlaceWeights pack_place_weights(const IntegerConvParams& params, const TensorView& w) {
  const auto& dilations = params.window.dilations;
  PlaceWeights weights{.by_channel = params.group > 1,
                       .joined = dilations.empty() || dilations.back() == 1};
  const std::int64_t depth = product(w.dims, 1, w.rank());
  const std::int32_t shift = shift_of(w.datatype);
  for (std::int64_t filter = 0; filter < w.dims[0]; ++filter) {
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < depth; ++i) {
      sum += byte_at(w, filter * depth + i) - shift;
    }
    weights.sums.push_back(sum);
  }
  weights.by_channel ? pack_channels(w, weights) : pack_panels(w, weights);
  return weights;
}

Result<PlacesBound> bind_places(const IntegerConvParams& params,
                                const PlaceWeights& weights,
                                BindContext& context) {
  const TensorView& x = context.inputs[0];
  const Dims w = context.inputs[params.w].dims;
  const Dims in = x.dims.subspan(2);
  const std::int64_t channels = x.dims[1];
  SLUICE_TRY_ASSIGN(const Window window, resolve_window(params.window, in, w.subspan(2)));
  PlacesBound bound{.in = {in.begin(), in.end()}, .begin = window.pads_begin};
  for (std::size_t d = 0; d < in.size(); ++d) {
    const std::int64_t seen =
        (window.out[d] - 1) * window.strides[d] + (window.kernel[d] - 1) * window.dilations[d] + 1;
    bound.padded.push_back(std::max(seen, bound.begin[d] + in[d]));
  }
  const std::int64_t area = product(bound.padded, 0, bound.padded.size());
  if (area > std::numeric_limits<std::int32_t>::max() / std::max<std::int64_t>(channels, 1)) {
    return Error{ErrorCode::resource_exhausted,
                 "an image of " + to_string(in) + " and " + std::to_string(channels) +
                     " channels is too large"};
  }
  bound.begins = offsets_of(window.out, window.strides, bound.padded, channels);
  Shape taps = window.kernel;
  std::int64_t run_bytes = channels;
  if (weights.joined && !weights.by_channel) {
    run_bytes *= taps.back();
    taps.back() = 1;
  }
  bound.runs = offsets_of(taps, window.dilations, bound.padded, channels);
  bound.quads = quads_of(run_bytes);
  bound.turned = x.layout != Layout::channels_last && !layouts_coincide(x.dims);
  // Where a run does not end with a quad, a few bytes behind it are read.
  bound.in_place = bound.padded == bound.in && x.datatype == DataType::uint8 &&
                   (weights.by_channel || run_bytes % 4 == 0);
  bound.image = aligned(ends_size(w[0]) + sizeof(float) * kPanel);
  bound.rows_in =
      bound.image + (bound.in_place ? 0 : aligned(static_cast<std::size_t>(area * channels) + 4));
  bound.rows_out = bound.rows_in + (bound.turned ? aligned(static_cast<std::size_t>(x.count)) : 0);
  context.scratch_size =
      bound.rows_out + (bound.turned ? static_cast<std::size_t>(context.outputs[0].count) : 0);
  context.implementation = weights.by_channel ? "channels" : "places";
  return bound;
}

template <class T>
void run_places(const IntegerConvParams& params,
                const IntegerConvState& state,
                const PlacesBound& bound,
                KernelContext& context) {
  const PlaceWeights& weights = *state.places;
  std::byte* const scratch = context.scratch().data();
  TensorView x = context.input(0);
  TensorView y = context.output(0);
  if (bound.turned) {
    x.data = scratch + bound.rows_in;
    x.layout = Layout::channels_last;
    reorder(context.input(0), x);
    y.data = scratch + bound.rows_out;
    y.layout = Layout::channels_last;
  }
  const std::int32_t zero =
      zero_at(context.has_input(params.x_zero) ? &context.input(params.x_zero) : nullptr, 0) +
      (x.datatype == DataType::int8 ? 128 : 0);
  FilterEnds ends = conv_ends(params,
                              state,
                              {.sums = weights.sums.data()},
                              zero,
                              context,
                              part_of<std::int32_t>(scratch, 0));
  ends.has_floor = params.has_floor;
  const std::int64_t filters = y.dims[1];
  const std::int64_t image_bytes = product(x.dims, 1, x.rank());
  const auto places = static_cast<std::int64_t>(bound.begins.size());
  for (std::int64_t n = 0; n < x.dims[0]; ++n) {
    const std::uint8_t* image = static_cast<const std::uint8_t*>(x.data) + n * image_bytes;
    if (!bound.in_place) {
      auto* const padded = part_of<std::uint8_t>(scratch, bound.image);
      pad_places(bound, x, n, static_cast<std::uint8_t>(zero), padded);
      image = padded;
    }
    multiply_image(bound, weights, ends, filters, image, y.mut<T>().data() + n * places * filters);
  }
  if (bound.turned) {
    reorder(y, context.output(0));
  }
}

template void run_places<std::int8_t>(const IntegerConvParams&,
                                      const IntegerConvState&,
                                      const PlacesBound&,
                                      KernelContext&);
template void run_places<std::uint8_t>(const IntegerConvParams&,
                                       const IntegerConvState&,
                                       const PlacesBound&,
                                       KernelContext&);

}  // namespace sluice::engine
