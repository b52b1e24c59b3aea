// Where the rows of a channels-last image lie that a convolution's rows of taps meet.

#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/types.h"

namespace sluice::engine {

struct RowGeometry {
  const Window& window;
  Dims in;                // spatial
  std::int64_t channels;  // of x

  // The dimension whose places are a row: the last one, but for those of a single place.
  [[nodiscard]] std::size_t last() const {
    std::size_t d = in.size() - 1;
    while (d > 0 && in[d] == 1 && window.kernel[d] == 1 && window.out[d] == 1 &&
           window.pads_begin[d] + window.pads_end[d] == 0) {
      --d;
    }
    return d;
  }
  [[nodiscard]] bool pads() const {
    return window.pads_begin[last()] + window.pads_end[last()] > 0;
  }
  [[nodiscard]] std::int64_t rows() const { return product(in, 0, last()); }
  // Elements, with the padding.
  [[nodiscard]] std::int64_t row_size() const {
    return (window.pads_begin[last()] + in[last()] + window.pads_end[last()]) * channels;
  }
  [[nodiscard]] std::int64_t taps() const { return window.kernel[last()]; }
  [[nodiscard]] std::int64_t tap_rows() const { return product(window.kernel, 0, last()); }
  [[nodiscard]] std::int64_t out_rows() const { return product(window.out, 0, last()); }
  [[nodiscard]] std::int64_t out_width() const { return window.out[last()]; }
  // From a place's numbers to the next one's, and from a tap's.
  [[nodiscard]] std::int64_t place_step() const { return window.strides[last()] * channels; }
  [[nodiscard]] std::int64_t tap_step() const { return window.dilations[last()] * channels; }
  // Pieces of a row of taps that lie together, and their length.
  [[nodiscard]] std::int64_t pieces() const { return window.dilations[last()] == 1 ? 1 : taps(); }
  [[nodiscard]] std::int64_t piece_length() const { return taps() / pieces() * channels; }

  // The image's row that a row of taps meets for a row of the result; none: padding.
  [[nodiscard]] std::optional<std::int64_t> row_at(std::int64_t out, std::int64_t tap) const {
    std::int64_t row = 0;
    std::int64_t stride = 1;
    for (std::size_t d = last(); d > 0; --d) {
      const std::size_t at = d - 1;
      const std::int64_t place = out % window.out[at] * window.strides[at] +
                                 tap % window.kernel[at] * window.dilations[at] -
                                 window.pads_begin[at];
      if (place < 0 || place >= in[at]) {
        return std::nullopt;
      }
      row += place * stride;
      stride *= in[at];
      out /= window.out[at];
      tap /= window.kernel[at];
    }
    return row;
  }

  // A copy of the image whose rows have their padding.
  void pad_rows(const float* from, float* to) const {
    const std::int64_t before = window.pads_begin[last()] * channels;
    const std::int64_t length = in[last()] * channels;
    const std::int64_t size = row_size();
    parallel_for(rows(), 1 + 32'768 / size, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        float* const target = to + row * size;
        std::fill_n(target, before, 0.0F);
        std::copy_n(from + row * length, length, target + before);
        std::fill_n(target + before + length, size - before - length, 0.0F);
      }
    });
  }
};

}  // namespace sluice::engine
