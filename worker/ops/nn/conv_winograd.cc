#include "worker/ops/nn/conv_winograd.h"

#include <algorithm>
#include <array>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/simd/panels.h"
#include "worker/ops/simd/winograd.h"

namespace sluice::engine {
namespace {

using simd::kFloatPanel;

constexpr std::int64_t kPositions = simd::kWinogradPositions;
constexpr auto kResults = static_cast<std::int64_t>(simd::kWinogradResults);
constexpr auto kSide = static_cast<std::int64_t>(simd::kWinogradSide);
constexpr std::int64_t kTaps = 9;

constexpr std::int64_t kGroup = 4 * kFloatPanel;  // filters worked on together by one thread
constexpr std::int64_t kDepth = 256;              // a panel's block: half of a core's first cache
constexpr std::int64_t kTiles = 12;  // of which a thread takes a multiple: whole tiles of panels.cc
constexpr std::int64_t kBlockBytes = 480 * 1024;  // half of a core's second cache
// So that a tile's positions do not all fall onto the same few lines of the first cache.
constexpr std::int64_t kApart = kFloatPanel;

std::int64_t up(std::int64_t count, std::int64_t by) {
  return (count + by - 1) / by;
}
std::int64_t whole_panels(std::int64_t count) {
  return up(count, kFloatPanel) * kFloatPanel;
}

const float* floats_of(const Buffer& buffer) {
  const void* const bytes = buffer.data();
  return static_cast<const float*>(bytes);
}

}  // namespace

bool ConvWinograd::pays(Dims w, const Window& window) {
  const auto all = [](const Shape& extents, std::int64_t wanted) {
    return std::ranges::count(extents, wanted) == std::ssize(extents);
  };
  if (w.size() != 4 || w[2] != 3 || w[3] != 3 || !all(window.strides, 1) ||
      !all(window.dilations, 1)) {
    return false;
  }
  // In products of two numbers. Measured with AVX-512 (docs/adr/0020-winograd.md): what turning a
  // tile takes for each channel of its places and results, and bringing a weight from memory.
  constexpr double kTurn = 750;
  constexpr double kTurnedWeight = 30;
  constexpr double kWeight = 10;
  constexpr double kGain = 1.125;  // that is worth four times the weights
  const auto filters = static_cast<double>(w[0]);
  const auto channels = static_cast<double>(w[1]);
  const double tiles = static_cast<double>(up(window.out[0], kResults)) *
                       static_cast<double>(up(window.out[1], kResults));
  const double places = static_cast<double>(window.out[0]) * static_cast<double>(window.out[1]);
  const double direct = kTaps * filters * channels * (places + kWeight);
  const double turned = kPositions * filters * channels * (tiles + kTurnedWeight) +
                        tiles * (filters + channels) * kTurn;
  return direct > kGain * turned;
}

// Where the weights of the filters from `filter` on begin, the first of its group.
std::int64_t ConvWinograd::group_at(std::int64_t filter) const {
  return filter * channels_ * kPositions;
}
std::int64_t ConvWinograd::group_width(std::int64_t filter) const {
  return whole_panels(std::min(kGroup, filters_ - filter));
}

ConvWinograd::ConvWinograd(const TensorView& w) : filters_(w.dims[0]), channels_(w.dims[1]) {
  MutableBuffer made(static_cast<std::size_t>(whole_panels(filters_) * channels_ * kPositions) *
                     sizeof(float));
  auto* const to = static_cast<float*>(static_cast<void*>(made.data()));
  const float* const from = w.as<float>().data();
  std::array<float, kTaps * kFloatPanel> taps{};
  std::array<float, kPositions * kFloatPanel> turned{};
  for (std::int64_t first = 0; first < filters_; first += kFloatPanel) {
    const std::int64_t group = first / kGroup * kGroup;
    const std::int64_t count = std::min(kFloatPanel, filters_ - first);
    taps.fill(0);
    for (std::int64_t c = 0; c < channels_; ++c) {
      for (std::int64_t j = 0; j < count; ++j) {
        const float* const filter = from + ((first + j) * channels_ + c) * kTaps;
        for (std::int64_t tap = 0; tap < kTaps; ++tap) {
          taps[static_cast<std::size_t>(tap * kFloatPanel + j)] = filter[tap];
        }
      }
      simd::winograd_weights(taps.data(), turned.data());
      float* const panel = to + group_at(group) + (first - group) * channels_ + c * kFloatPanel;
      for (std::int64_t p = 0; p < kPositions; ++p) {
        std::copy_n(turned.data() + p * kFloatPanel,
                    kFloatPanel,
                    panel + p * group_width(group) * channels_);
      }
    }
  }
  weights_ = std::move(made).freeze();
}

std::vector<float> ConvWinograd::restored() const {
  std::vector<float> w(static_cast<std::size_t>(filters_ * channels_ * kTaps));
  for (std::int64_t filter = 0; filter < filters_; ++filter) {
    const std::int64_t group = filter / kGroup * kGroup;
    const std::int64_t first = filter / kFloatPanel * kFloatPanel;
    const float* const panel = floats_of(weights_) + group_at(group) + (first - group) * channels_;
    for (std::int64_t c = 0; c < channels_; ++c) {
      simd::winograd_taps(panel + c * kFloatPanel + (filter - first),
                          group_width(group) * channels_,
                          w.data() + (filter * channels_ + c) * kTaps);
    }
  }
  return w;
}

ConvWinograd::Blocks ConvWinograd::blocks_for(Dims y, std::int64_t threads) const {
  const std::int64_t all = y[0] * up(y[2], kResults) * up(y[3], kResults);
  const std::int64_t tile_bytes = kPositions * (channels_ + filters_) * std::int64_t{sizeof(float)};
  const std::int64_t most = std::max(kBlockBytes / tile_bytes / kTiles, std::int64_t{1}) * kTiles;
  const std::int64_t tiles = std::min(most, all);
  return {.tiles = tiles, .groups = std::min(threads, up(all, tiles))};
}

// Scratch: [C] zeros, turned places [36][tiles][C], products [36][tiles][M].
std::size_t ConvWinograd::scratch_size(const Blocks& blocks) const {
  const std::int64_t tiles = blocks.tiles * blocks.groups;
  const std::int64_t numbers =
      whole_panels(channels_) + kPositions * (tiles * (channels_ + filters_) + 2 * kApart);
  return static_cast<std::size_t>(numbers) * sizeof(float);
}

struct ConvWinograd::Run {
  const ConvWinograd& conv;
  const TensorView& x;
  const float* bias;
  bool adds;
  const Window& window;
  const Tail& tail;
  TensorView& y;
  std::int64_t rows;  // of tiles of an image
  std::int64_t columns;
  const float* zeros;
  float* turned;
  std::int64_t turned_step;
  float* products;
  std::int64_t product_step;

  // The tile's place among those in scratch is `slot`.
  void turn(std::int64_t tile, std::int64_t slot) const {
    const std::int64_t channels = conv.channels_;
    const std::int64_t height = x.dims[2];
    const std::int64_t width = x.dims[3];
    const std::int64_t image = tile / (rows * columns);
    const std::int64_t top = tile / columns % rows * kResults - window.pads_begin[0];
    const std::int64_t left = tile % columns * kResults - window.pads_begin[1];
    const float* const from = x.as<float>().data() + image * height * width * channels;
    std::array<const float*, kPositions> places{};
    for (std::int64_t i = 0; i < kPositions; ++i) {
      const std::int64_t row = top + i / kSide;
      const std::int64_t column = left + i % kSide;
      const bool inside = row >= 0 && row < height && column >= 0 && column < width;
      places[static_cast<std::size_t>(i)] =
          inside ? from + (row * width + column) * channels : zeros;
    }
    simd::winograd_input({.places = places.data(),
                          .channels = channels,
                          .to = turned + slot * channels,
                          .to_step = turned_step});
  }

  // Products of `count` tiles from `slot` on with the filters from `filter` on.
  void multiply(std::int64_t slot, std::int64_t count, std::int64_t filter) const {
    const std::int64_t channels = conv.channels_;
    const float* const panels = floats_of(conv.weights_) + conv.group_at(filter);
    const std::int64_t width = conv.group_width(filter);
    for (std::int64_t p = 0; p < kPositions; ++p) {
      const float* const of_position = panels + p * width * channels;
      for (std::int64_t c = 0; c < channels; c += kDepth) {
        const std::int64_t depth = std::min(kDepth, channels - c);
        const bool more = c + depth < channels;
        simd::multiply_panels(
            {.a = turned + p * turned_step + slot * channels + c,
             .a_row_step = channels,
             .a_k_step = 1,
             .rows = count,
             .k = depth,
             .panel = of_position + c * kFloatPanel,
             .panel_step = channels * kFloatPanel,
             .next = of_position + (more ? (c + depth) * kFloatPanel : width * channels),
             .c = products + p * product_step + slot * conv.filters_ + filter,
             .c_step = conv.filters_,
             .columns = std::min(kGroup, conv.filters_ - filter),
             .adds = c > 0,
             .bias = nullptr,
             .tail = nullptr});
      }
    }
  }

  void finish(std::int64_t tile, std::int64_t slot, std::int64_t filter) const {
    const std::int64_t height = y.dims[2];
    const std::int64_t width = y.dims[3];
    const std::int64_t image = tile / (rows * columns);
    const std::int64_t top = tile / columns % rows * kResults;
    const std::int64_t left = tile % columns * kResults;
    const std::int64_t place = (image * height + top) * width + left;
    simd::winograd_output({.from = products + slot * conv.filters_ + filter,
                           .from_step = product_step,
                           .channels = std::min(kGroup, conv.filters_ - filter),
                           .bias = bias != nullptr ? bias + filter : nullptr,
                           .adds = adds,
                           .tail = &tail,
                           .y = y.mut<float>().data() + place * conv.filters_ + filter,
                           .row_step = width * conv.filters_,
                           .place_step = conv.filters_,
                           .rows = std::min(kResults, height - top),
                           .columns = std::min(kResults, width - left)});
  }
};

void ConvWinograd::run(const TensorView& x,
                       const float* bias,
                       bool adds,
                       const Window& window,
                       const Tail& tail,
                       const Blocks& blocks,
                       std::byte* scratch,
                       TensorView& y) const {
  const std::int64_t most = blocks.tiles * blocks.groups;
  const std::int64_t turned_step = most * channels_ + kApart;
  auto* const zeros = static_cast<float*>(static_cast<void*>(scratch));
  float* const turned = std::fill_n(zeros, whole_panels(channels_), 0.0F);
  const Run run{.conv = *this,
                .x = x,
                .bias = bias,
                .adds = adds,
                .window = window,
                .tail = tail,
                .y = y,
                .rows = up(y.dims[2], kResults),
                .columns = up(y.dims[3], kResults),
                .zeros = zeros,
                .turned = turned,
                .turned_step = turned_step,
                .products = turned + kPositions * turned_step,
                .product_step = most * filters_ + kApart};
  const std::int64_t all = y.dims[0] * run.rows * run.columns;
  const std::int64_t filter_groups = up(filters_, kGroup);
  for (std::int64_t first = 0; first < all; first += most) {
    const std::int64_t count = std::min(most, all - first);
    const std::int64_t grain = 1 + 2048 / channels_;
    parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t slot = begin; slot < end; ++slot) {
        run.turn(first + slot, slot);
      }
    });
    const std::int64_t items = up(count, blocks.tiles) * filter_groups;
    parallel_for(items, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t item = begin; item < end; ++item) {
        const std::int64_t filter = item % filter_groups * kGroup;
        const std::int64_t slot = item / filter_groups * blocks.tiles;
        const std::int64_t here = std::min(blocks.tiles, count - slot);
        run.multiply(slot, here, filter);
        for (std::int64_t i = slot; i < slot + here; ++i) {
          run.finish(first + i, i, filter);
        }
      }
    });
  }
}

}  // namespace sluice::engine
