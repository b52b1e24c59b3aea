// Images as integer convolutions read them: 16 bits a number, with their padding around them, so
// that a tap at a place is one addition of offsets.

#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/tensor.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/simd/products.h"

namespace sluice::engine {

// Geometry; spatial extents.
struct PaddedImage {
  std::int64_t channels = 0;  // that a filter sees
  Shape in{};
  Shape padded{};                      // with what the window sees around it
  Shape begin{};                       // where the input begins in `padded`
  std::int64_t area = 0;               // of `padded`
  std::int64_t places = 0;             // of the output
  std::int64_t pairs = 0;              // of a filter's numbers
  std::vector<std::int32_t> taps{};    // offsets of a filter's numbers, to whole pairs
  std::vector<std::int32_t> starts{};  // of places; to whole panels, the last one repeated
  std::vector<bool> together{};        // by panel: its places' starts lie side by side

  [[nodiscard]] std::int64_t panels() const { return (places + simd::kPanel - 1) / simd::kPanel; }
  [[nodiscard]] std::int64_t panel_size() const { return pairs * 2 * simd::kPanel; }
};

// resource_exhausted for images whose offsets leave 32 bits.
Result<PaddedImage> padded_image(const Window& window, Dims in, std::int64_t channels);

// Writes `channels` channels [C, area] of an image whose elements begin at `first`: less the zero
// point, with 0 around them.
void pad_image(const PaddedImage& image,
               const TensorView& x,
               std::int64_t first,
               std::int64_t channels,
               std::int32_t zero,
               std::int16_t* to);

// Panel number `panel` (simd/products.h) of what the taps see from the places, of the channels that
// begin at `from`.
void fill_panel(const PaddedImage& image,
                const std::int16_t* from,
                std::int64_t panel,
                std::int16_t* to);

}  // namespace sluice::engine
