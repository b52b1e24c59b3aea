// Images as integer convolutions read them: with their padding around them, so that a tap at a
// place is one addition of offsets; as bytes where quads are multiplied, otherwise 16 bits a
// number.

#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/values/tensor.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/simd/products.h"

namespace sluice::engine {

// Geometry; spatial extents.
struct PaddedImage {
  std::int64_t channels = 0;  // that a filter sees
  Shape in{};
  Shape padded{};                          // with what the window sees around it
  Shape begin{};                           // where the input begins in `padded`
  std::int64_t area = 0;                   // of `padded`
  std::int64_t row_width = 0;              // of the input, row by row
  std::vector<std::int32_t> row_starts{};  // where its rows are in `padded`
  std::int64_t places = 0;                 // of the output
  std::int64_t group = 2;                  // of a filter's numbers, that lie together in a panel
  std::int64_t groups = 0;
  std::vector<std::int32_t> taps{};    // offsets of a filter's numbers, to whole groups
  std::vector<std::int64_t> firsts{};  // by panel: its first place; then the end of the last
  std::vector<std::int32_t> starts{};  // of a panel's places, kPanel of each panel
  std::vector<bool> together{};        // by panel: its places' starts lie `apart`
  std::int64_t apart = 1;              // 1 or 2
  // Where panels go on across the ends of rows: places are counted from row to row of the padded
  // image, `row_step` of them, and only `row_places` of each stand for a place of the output.
  std::int64_t row_step = 0;  // 0: places are those of the output
  std::int64_t row_places = 0;

  [[nodiscard]] std::int64_t panels() const { return static_cast<std::int64_t>(together.size()); }
  // The first place of a panel, which ends where the next begins.
  [[nodiscard]] std::int64_t first(std::int64_t panel) const {
    return firsts[static_cast<std::size_t>(panel)];
  }
  [[nodiscard]] std::int64_t panel_size() const { return group * groups * simd::kPanel; }
  // Numbers of an image of `all` channels; what lies together is read to whole panels.
  [[nodiscard]] std::size_t size(std::int64_t all) const {
    return static_cast<std::size_t>(all * area + 2 * simd::kPanel);
  }
};

// resource_exhausted for images whose offsets leave 32 bits.
Result<PaddedImage> padded_image(const Window& window,
                                 Dims in,
                                 std::int64_t channels,
                                 std::int64_t group);

// Writes `channels` channels [C, area] of an image whose elements begin at `first`: of 16 bits less
// the zero point, with 0 around them; bytes less `shift`, with the zero point around them.
struct ImagePart {
  const TensorView& x;
  std::int64_t first;
  std::int64_t channels;
  std::int32_t zero;
  std::int32_t shift;
};
void pad_image(const PaddedImage& image, const ImagePart& part, std::int16_t* to);
void pad_image(const PaddedImage& image, const ImagePart& part, std::uint8_t* to);

// Panel number `panel` (simd/products.h, simd/quads.h) of what the taps see from the places, of the
// channels that begin at `from`.
void fill_panel(const PaddedImage& image,
                const std::int16_t* from,
                std::int64_t panel,
                std::int16_t* to);
void fill_panel(const PaddedImage& image,
                const std::uint8_t* from,
                std::int64_t panel,
                std::uint8_t* to);

}  // namespace sluice::engine
