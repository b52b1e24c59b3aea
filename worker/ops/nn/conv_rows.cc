#include "worker/ops/nn/conv_rows.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "worker/ops/nn/row_geometry.h"
#include "worker/ops/simd/dots.h"
#include "worker/ops/simd/panels.h"

namespace sluice::engine {
namespace {

using simd::kFloatPanel;

constexpr std::int64_t kDepth = 256;   // a panel's block: half of a core's first cache
constexpr std::int64_t kPanels = 4;    // worked on together by one thread
constexpr std::int64_t kPlaces = 96;   // of a row of the result, likewise
constexpr std::int64_t kThinRow = 16;  // numbers: two vectors of AVX2
constexpr std::int64_t kLongKernel = 16;
constexpr std::size_t kPieces = 64;  // added up at once

const float* floats_in(const Buffer& buffer) {
  const void* const bytes = buffer.data();
  return static_cast<const float*>(bytes);
}

}  // namespace

bool ConvRows::is_thin(Dims w) {
  std::int64_t row = w[1];
  for (std::size_t d = w.size(); d > 2 && row == w[1]; --d) {
    row *= w[d - 1];  // the last dimension of more than one tap
  }
  return w[0] <= simd::kDotFilters && row >= kThinRow;
}

bool ConvRows::is_long(Dims w) {
  const Dims taps = w.subspan(2);
  const std::int64_t longest = *std::ranges::max_element(taps);
  return longest >= kLongKernel && std::ranges::count(taps, 1) + 1 == std::ssize(taps);
}

ConvRows::ConvRows(const TensorView& w)
    : filters_(w.dims[0]),
      channels_(w.dims[1]),
      depth_(w.count / w.dims[0]),
      thin_(is_thin(w.dims)) {
  const std::int64_t columns =
      thin_ ? filters_ : (filters_ + kFloatPanel - 1) / kFloatPanel * kFloatPanel;
  const std::int64_t taps = depth_ / channels_;
  MutableBuffer made(static_cast<std::size_t>(columns * depth_) * sizeof(float));
  std::ranges::fill(made.bytes(), std::byte{0});
  auto* const to = static_cast<float*>(static_cast<void*>(made.data()));
  const float* const from = w.as<float>().data();
  const std::int64_t step = thin_ ? 1 : kFloatPanel;
  for (std::int64_t m = 0; m < filters_; ++m) {
    float* const filter =
        to + (thin_ ? m * depth_ : m / kFloatPanel * depth_ * kFloatPanel + m % kFloatPanel);
    for (std::int64_t c = 0; c < channels_; ++c) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        filter[(tap * channels_ + c) * step] = from[(m * channels_ + c) * taps + tap];
      }
    }
  }
  weights_ = std::move(made).freeze();
}

std::size_t ConvRows::scratch_size(const Window& window, Dims x) const {
  const RowGeometry geometry{.window = window, .in = x.subspan(2), .channels = channels_};
  const std::int64_t size = geometry.pads() ? geometry.rows() * geometry.row_size() : 0;
  return static_cast<std::size_t>(size) * sizeof(float);
}

void ConvRows::run(const TensorView& x,
                   const float* bias,
                   bool adds,
                   const Window& window,
                   const Tail& tail,
                   std::byte* scratch,
                   TensorView& y) const {
  const RowGeometry geometry{.window = window, .in = x.dims.subspan(2), .channels = channels_};
  const float* const images = x.as<float>().data();
  float* const results = y.mut<float>().data();
  void* const padded = scratch;
  const Ends ends{.bias = bias, .adds = adds, .tail = tail};
  for (std::int64_t n = 0; n < x.dims[0]; ++n) {
    const float* image = images + n * (x.count / x.dims[0]);
    float* const out = results + n * (y.count / x.dims[0]);
    if (geometry.pads()) {
      geometry.pad_rows(image, static_cast<float*>(padded));
      image = static_cast<float*>(padded);
    }
    if (thin_) {
      run_dots(geometry, image, ends, out);
    } else {
      run_panels(geometry, image, ends, out);
    }
  }
}

void ConvRows::run_panels(const RowGeometry& geometry,
                          const float* image,
                          const Ends& ends,
                          float* out) const {
  const float* const panels = floats_in(weights_);
  const std::int64_t pieces = geometry.pieces();
  const std::int64_t length = geometry.piece_length();
  const std::int64_t width = kPanels * kFloatPanel;
  const std::int64_t groups = (filters_ + width - 1) / width;
  const std::int64_t blocks = (geometry.out_width() + kPlaces - 1) / kPlaces;

  const auto run_item = [&](std::int64_t row, std::int64_t block, std::int64_t group) {
    const std::int64_t place = block * kPlaces;
    const std::int64_t column = group * width;
    simd::PanelProduct32 product{
        .a = image,
        .a_row_step = geometry.place_step(),
        .a_k_step = 1,
        .rows = std::min(kPlaces, geometry.out_width() - place),
        .k = 0,
        .panel = panels,
        .panel_step = depth_ * kFloatPanel,
        .c = out + (row * geometry.out_width() + place) * filters_ + column,
        .c_step = filters_,
        .columns = std::min(width, filters_ - column),
        .adds = ends.adds,
        .bias = ends.bias != nullptr ? ends.bias + column : nullptr,
        .tail = nullptr};
    const float* const after = panels + (group + 1 < groups ? column + width : 0) * depth_;
    std::int64_t last = geometry.tap_rows() - 1;
    while (last >= 0 && !geometry.row_at(row, last)) {
      --last;
    }
    for (std::int64_t tap_row = 0; tap_row <= last; ++tap_row) {
      const std::optional<std::int64_t> at = geometry.row_at(row, tap_row);
      for (std::int64_t piece = 0; at && piece < pieces; ++piece) {
        const float* const a = image + *at * geometry.row_size() + place * geometry.place_step() +
                               piece * geometry.tap_step();
        const std::int64_t first = (tap_row * pieces + piece) * length;
        for (std::int64_t i = 0; i < length; i += kDepth) {
          product.a = a + i;
          product.k = std::min(kDepth, length - i);
          product.panel = panels + column * depth_ + (first + i) * kFloatPanel;
          const bool done = tap_row == last && piece + 1 == pieces && i + product.k == length;
          product.next = done ? after : product.panel + product.k * kFloatPanel;
          product.tail = done ? &ends.tail : nullptr;
          simd::multiply_panels(product);
          product.adds = true;
          product.bias = nullptr;
        }
      }
    }
    if (last < 0) {  // padding alone
      product.tail = &ends.tail;
      simd::multiply_panels(product);
    }
  };

  const std::int64_t work = 1 + std::min(kPlaces, geometry.out_width()) * depth_ * width / 16;
  parallel_for(geometry.out_rows() * blocks * groups,
               1 + 65'536 / work,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t item = begin; item < end; ++item) {
                   run_item(item / groups / blocks, item / groups % blocks, item % groups);
                 }
               });
}

void ConvRows::run_dots(const RowGeometry& geometry,
                        const float* image,
                        const Ends& ends,
                        float* out) const {
  const float* const weights = floats_in(weights_);
  const std::int64_t width = geometry.out_width();
  const std::int64_t pieces = geometry.pieces();
  const std::int64_t length = geometry.piece_length();

  const auto run_row = [&](std::int64_t row) {
    float* const to = out + row * width * filters_;
    for (std::int64_t i = 0; i < width * filters_; ++i) {
      to[i] = (ends.adds ? to[i] : 0.0F) + (ends.bias != nullptr ? ends.bias[i % filters_] : 0.0F);
    }
    std::array<const float*, kPieces> a{};
    std::array<const float*, kPieces> w{};
    std::size_t count = 0;
    const auto add = [&] {
      simd::add_dots({.a = a.data(),
                      .w = w.data(),
                      .pieces = static_cast<std::int64_t>(count),
                      .length = length,
                      .a_step = geometry.place_step(),
                      .w_step = depth_,
                      .places = width,
                      .filters = filters_,
                      .c = to,
                      .c_step = filters_});
      count = 0;
    };
    for (std::int64_t tap_row = 0; tap_row < geometry.tap_rows(); ++tap_row) {
      const std::optional<std::int64_t> at = geometry.row_at(row, tap_row);
      for (std::int64_t piece = 0; at && piece < pieces; ++piece) {
        if (count == kPieces) {
          add();
        }
        a[count] = image + *at * geometry.row_size() + piece * geometry.tap_step();
        w[count++] = weights + (tap_row * pieces + piece) * length;
      }
    }
    add();
  };

  parallel_for(geometry.out_rows(),
               1 + 65'536 / (1 + width * depth_ * filters_ / 8),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row) {
                   run_row(row);
                 }
               });
}

}  // namespace sluice::engine
