// Which scale an element of a quantised tensor has: one for all, one for each position of an axis,
// or one for each block of positions of an axis.

#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/result.h"
#include "worker/engine/machine/parallel.h"
#include "worker/ops/types.h"

namespace sluice::engine {

struct Spread {
  std::int64_t extent = 1;  // of the axis
  std::int64_t inner = 1;   // elements behind one position of the axis
  std::int64_t block = 0;   // positions with one scale; 0: one scale for all
  std::int64_t blocks = 1;  // along the axis
  bool per_row = false;     // blocked: other positions than the axis' have scales of their own

  // `scale`: [] or [1]; [extent of the axis]; or with `block_size` the dims of x, the axis' divided
  // by it, rounded up. invalid_argument for others.
  static Result<Spread> of(
      Dims x, Dims scale, std::int64_t axis_given, std::int64_t block_size, bool per_axis) {
    Spread spread;
    const bool one = scale.empty() || (scale.size() == 1 && scale[0] == 1);
    if (one && block_size == 0) {
      return spread;
    }
    const auto wrong = [&] {
      return bad_input("its scale has shape " + to_string(scale) + " for a tensor of shape " +
                       to_string(x));
    };
    if (!per_axis) {
      return wrong();
    }
    SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(axis_given, x.size()));
    spread.extent = x[axis];
    spread.inner = product(x, axis + 1, x.size());
    spread.block = std::max<std::int64_t>(block_size, 1);
    spread.blocks = (spread.extent + spread.block - 1) / spread.block;
    spread.per_row = block_size > 0;
    if (block_size == 0) {
      return scale.size() == 1 && scale[0] == spread.extent ? Result<Spread>(spread) : wrong();
    }
    bool fits = scale.size() == x.size();
    for (std::size_t i = 0; fits && i < x.size(); ++i) {
      fits = scale[i] == (i == axis ? spread.blocks : x[i]);
    }
    return fits ? Result<Spread>(spread) : wrong();
  }

  // Calls f(begin, end, index of the scale) for all of [0, count), in parallel.
  template <class F>
  void for_runs(std::int64_t count, std::int64_t grain, const F& f) const {
    parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t stop = std::min(end, run_end(begin, end));
        f(begin, stop, scale_at(begin));
        begin = stop;
      }
    });
  }

 private:
  [[nodiscard]] std::int64_t run_end(std::int64_t at, std::int64_t end) const {
    if (block == 0) {
      return end;
    }
    if (per_row && inner > 1) {
      return at + 1;
    }
    const std::int64_t position = at / inner % extent;
    const std::int64_t next = std::min(extent, (position / block + 1) * block);
    return at - at % inner + (next - position) * inner;
  }
  [[nodiscard]] std::int64_t scale_at(std::int64_t at) const {
    if (block == 0) {
      return 0;
    }
    const std::int64_t position = at / inner % extent / block;
    const std::int64_t outer = at / inner / extent;
    return per_row ? (outer * blocks + position) * inner + at % inner : position;
  }
};

}  // namespace sluice::engine
