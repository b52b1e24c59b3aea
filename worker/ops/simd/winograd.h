// Winograd's transforms of 3 x 3 convolutions, compiled for several instruction sets and chosen
// when the program runs. A tile of 4 x 4 results comes from 6 x 6 places x and the weights w:
//
//   results = A' [(G w G') * (B' x B)] A,   `*` number by number
//
// Channels lie together, and each goes through the same instructions whatever its place.

#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/engine/graph/kernel.h"
#include "worker/ops/simd/panels.h"

namespace sluice::engine::simd {

inline constexpr std::size_t kWinogradResults = 4;
inline constexpr std::size_t kWinogradSide = 6;
inline constexpr std::int64_t kWinogradPositions = 36;
// The points are 0, +-near, +-far and infinity: with the usual 1 and 2 the largest error is three
// times as large. Their powers are exact.
inline constexpr float kWinogradNear = 0.625F;
inline constexpr float kWinogradFar = 1.5F;

// B' x B.
struct WinogradInput {
  const float* const* places;  // [6][6], each [channels]
  std::int64_t channels;
  float* to;             // [6][6][channels]
  std::int64_t to_step;  // from one of the 36 to the next
};
void winograd_input(const WinogradInput& tile);

// A' products A, + bias, + what is there, activation.
struct WinogradOutput {
  const float* from;  // [6][6][channels]
  std::int64_t from_step;
  std::int64_t channels;
  const float* bias;  // [channels], or null
  bool adds;          // to what y has
  const Tail* tail;   // its activation, NaN kept
  float* y;
  std::int64_t row_step;    // from a row of the image to the next
  std::int64_t place_step;  // from a place to the next
  std::int64_t rows;        // of the tile that are in the image
  std::int64_t columns;
};
void winograd_output(const WinogradOutput& tile);

// G w G' of a panel of filters and one channel: `w` [3][3][kFloatPanel], `to` [6][6][kFloatPanel].
void winograd_weights(const float* w, float* to);
// Back from the 36 numbers of one filter, `step` apart, to its [3][3], but for rounding.
void winograd_taps(const float* turned, std::int64_t step, float* w);

}  // namespace sluice::engine::simd
