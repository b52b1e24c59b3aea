#include "worker/ops/nn/pool_rows.h"

#include <array>
#include <utility>

#include "worker/engine/machine/parallel.h"

namespace sluice::engine {
namespace {

constexpr std::size_t kLinesMost = 64;  // joined at once

// Each place sees its own element.
void see_itself(PoolTaps& taps, std::size_t dimension, std::int64_t extent) {
  taps.in[dimension] = taps.out[dimension] = extent;
  taps.kernel[dimension] = taps.dilations[dimension] = 1;
  taps.ranges[dimension].assign(static_cast<std::size_t>(extent), {});
  for (std::int64_t i = 0; i < extent; ++i) {
    taps.ranges[dimension][static_cast<std::size_t>(i)].start = i;
  }
}

// Whether two passes take less: of a row of places, what is read and written between them counts.
bool splits(const PoolTaps& taps) {
  const std::int64_t lines = taps.kernel[0] * taps.kernel[1];
  const std::int64_t together = taps.out[2] * lines * taps.kernel[2];
  const std::int64_t apart = taps.in[2] * (lines + 1) + taps.out[2] * taps.kernel[2];
  return 4 * apart < 3 * together;
}

}  // namespace

PoolRows PoolRows::make(
    PoolTaps taps, std::int64_t images, std::int64_t channels, bool is_max, bool count_pads) {
  PoolRows pool;
  pool.images_ = images;
  pool.channels_ = channels;
  pool.is_max_ = is_max;
  pool.count_pads_ = count_pads;
  if (is_max && splits(taps)) {
    PoolTaps lines = taps;
    see_itself(lines, 2, taps.in[2]);
    see_itself(taps, 0, taps.out[0]);
    see_itself(taps, 1, taps.out[1]);
    pool.passes_.push_back(pool.pass_of(std::move(lines)));
  }
  pool.passes_.push_back(pool.pass_of(std::move(taps)));
  return pool;
}

PoolRows::Pass PoolRows::pass_of(PoolTaps taps) const {
  Pass pass{.taps = std::move(taps)};
  const std::int64_t step = pass.taps.dilations[2];
  for (const TapRange& range : pass.taps.ranges[2]) {
    const bool sees = range.inside() > 0;
    pass.spans.push_back({.offset = sees ? (range.start + range.first * step) * channels_ : 0,
                          .taps = range.inside(),
                          .counted = count_pads_ ? range.counted : range.inside()});
  }
  return pass;
}

std::size_t PoolRows::scratch_size() const {
  const std::int64_t between =
      passes_.size() > 1 ? images_ * passes_[0].taps.places() * channels_ : 0;
  return static_cast<std::size_t>(between) * sizeof(float);
}

void PoolRows::run_row(const Pass& pass, std::int64_t row, const float* image, float* out) const {
  const PoolTaps& taps = pass.taps;
  const TapRange& depth = taps.ranges[0][static_cast<std::size_t>(row / taps.out[1])];
  const TapRange& height = taps.ranges[1][static_cast<std::size_t>(row % taps.out[1])];
  std::array<const float*, kLinesMost> lines{};
  simd::PoolRow part{.lines = lines.data(),
                     .line_count = 0,
                     .spans = pass.spans.data(),
                     .places = taps.out[2],
                     .tap_step = taps.dilations[2] * channels_,
                     .channels = channels_,
                     .out = out,
                     .goes_on = false};
  const auto join = [&](std::int64_t counted) {
    is_max_ ? simd::pool_greatest(part) : simd::pool_sum(part, counted);
    part.line_count = 0;
    part.goes_on = true;
  };
  for (std::int64_t a = depth.first; a < depth.last; ++a) {
    const std::int64_t plane = (depth.start + a * taps.dilations[0]) * taps.in[1];
    for (std::int64_t b = height.first; b < height.last; ++b) {
      if (part.line_count == static_cast<std::int64_t>(kLinesMost)) {
        join(0);
      }
      const std::int64_t line = plane + height.start + b * taps.dilations[1];
      lines[static_cast<std::size_t>(part.line_count++)] = image + line * taps.in[2] * channels_;
    }
  }
  join(count_pads_ ? depth.counted * height.counted : depth.inside() * height.inside());
}

void PoolRows::run_pass(const Pass& pass, const float* x, float* y) const {
  const PoolTaps& taps = pass.taps;
  const std::int64_t rows = taps.out[0] * taps.out[1];
  const std::int64_t row_size = taps.out[2] * channels_;
  const std::int64_t work = row_size * taps.kernel[0] * taps.kernel[1] * taps.kernel[2];
  const std::int64_t grain = 1 + 131'072 / (work + 1);
  parallel_for(images_ * rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      run_row(pass, at % rows, x + at / rows * taps.area() * channels_, y + at * row_size);
    }
  });
}

void PoolRows::run(const float* x, float* y, std::byte* scratch) const {
  if (passes_.size() == 1) {
    return run_pass(passes_[0], x, y);
  }
  auto* const between = static_cast<float*>(static_cast<void*>(scratch));
  run_pass(passes_[0], x, between);
  run_pass(passes_[1], between, y);
}

}  // namespace sluice::engine
