#include "worker/ops/detail/panel_matrix.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/transposes.h"
#include "worker/ops/simd/panels.h"

namespace sluice::engine::detail {
namespace {

using simd::kFloatPanel;

constexpr std::int64_t kDepth = 768;       // of a block of panels, which all rows meet in turn
constexpr std::size_t kNear = 256 * 1024;  // bytes of panels that stay in a cache from run to run

// What one thread works on together.
struct Part {
  std::int64_t panels;
  std::int64_t rows;
};

constexpr std::int64_t whole(std::int64_t count, std::int64_t tile) {
  return (count + tile - 1) / tile * tile;
}

// Threads share the columns where that comes out even, or rows are few, else the rows.
Part part_of(std::int64_t rows, std::int64_t k, std::int64_t panels) {
  constexpr std::int64_t kFew = 2;  // rows that are multiplied faster the more panels there are
  constexpr std::int64_t kPanelsOfFew = 16;
  constexpr std::int64_t kTiles = 12;         // panels: whole tiles of three and of four
  constexpr std::int64_t kTileOfFour = 4;     // panels
  constexpr std::int64_t kLines = 6144;       // of a row of panels: fewer are not worth a call
  constexpr std::int64_t kBlock = 96 * 1024;  // numbers of a, which stay in a core's second cache
  constexpr std::int64_t kTileRows = 24;
  const std::int64_t threads = team_size();
  Part part{.panels = whole(std::max(kLines / k, kTiles), kTiles),
            .rows = whole(kBlock / std::min(k, kDepth), kTileRows)};
  if (rows <= kFew) {
    part.panels = std::max(kPanelsOfFew, part.panels);
  }
  if (threads == 1) {
    return part;
  }
  if (rows < threads * kTileRows) {
    const std::int64_t parts = whole((panels + part.panels - 1) / part.panels, threads);
    part.panels = whole((panels + parts - 1) / parts, kTileOfFour);
    return part;
  }
  part.panels = std::min(part.panels, whole((panels + threads - 1) / threads, kTiles));
  if (panels % (part.panels * threads) != 0) {
    const std::int64_t blocks = whole((rows + part.rows - 1) / part.rows, threads);
    part.rows = (rows + blocks - 1) / blocks;
  }
  return part;
}

constexpr std::int64_t kPackedRows = 64;  // of b at a time: what each page has is read at once

// `depth` rows of one panel's `count` columns, `step` apart in b.
void pack_panel(
    const float* b, std::int64_t step, std::int64_t depth, std::int64_t count, float* to) {
  for (std::int64_t i = 0; i < depth; ++i) {
    std::memcpy(
        to + i * kFloatPanel, b + i * step, static_cast<std::size_t>(count) * sizeof(float));
  }
}

// The same of one that is stored transposed.
void pack_turned(
    const float* b, std::int64_t step, std::int64_t depth, std::int64_t count, float* to) {
  const void* const from = b;
  void* const words = to;
  transpose_words({.rows = count, .columns = depth, .from_step = step, .to_step = kFloatPanel},
                  static_cast<const std::uint32_t*>(from),
                  static_cast<std::uint32_t*>(words));
}

}  // namespace

PanelMatrix::PanelMatrix(const float* b, std::int64_t k, std::int64_t n, bool transposed)
    : k_(k), n_(n) {
  const std::int64_t panels = (n + kFloatPanel - 1) / kFloatPanel;
  MutableBuffer made(static_cast<std::size_t>(panels * k * kFloatPanel) * sizeof(float));
  void* const bytes = made.data();
  auto* const all = static_cast<float*>(bytes);
  if (n % kFloatPanel != 0) {
    std::fill_n(all + (panels - 1) * k * kFloatPanel, k * kFloatPanel, 0.0F);
  }
  for (std::int64_t i = 0; i < k; i += kPackedRows) {
    const std::int64_t depth = std::min(kPackedRows, k - i);
    for (std::int64_t panel = 0; panel < panels; ++panel) {
      const std::int64_t column = panel * kFloatPanel;
      const std::int64_t count = std::min(kFloatPanel, n - column);
      float* const to = all + (panel * k + i) * kFloatPanel;
      if (transposed) {
        pack_turned(b + column * k + i, k, depth, count, to);
      } else {
        pack_panel(b + i * n + column, n, depth, count, to);
      }
    }
  }
  panels_ = std::move(made).freeze();
}

void PanelMatrix::multiply(const float* a,
                           bool a_transposed,
                           std::int64_t rows,
                           const float* bias,
                           const Tail& tail,
                           float* c,
                           bool adds) const {
  const Part part = part_of(rows, k_, (n_ + kFloatPanel - 1) / kFloatPanel);
  const std::int64_t width = part.panels * kFloatPanel;
  const std::int64_t groups = (n_ + width - 1) / width;
  const std::int64_t blocks = (rows + part.rows - 1) / part.rows;
  const std::int64_t row_step = a_transposed ? 1 : k_;
  const void* const bytes = panels_.data();
  const auto* const panels = static_cast<const float*>(bytes);
  const auto run_item = [&](std::int64_t group, std::int64_t block) {
    const std::int64_t column = group * width;
    const std::int64_t row = block * part.rows;
    const float* const after = panels + (group + 1 < groups ? column + width : 0) * k_;
    for (std::int64_t i = 0; i < k_; i += kDepth) {
      const std::int64_t depth = std::min(kDepth, k_ - i);
      const float* const panel = panels + column * k_ + i * kFloatPanel;
      const float* const next = i + depth < k_ ? panel + depth * kFloatPanel : after;
      simd::multiply_panels({.a = a + row * row_step + i * (a_transposed ? rows : 1),
                             .a_row_step = row_step,
                             .a_k_step = a_transposed ? rows : 1,
                             .rows = std::min(part.rows, rows - row),
                             .k = depth,
                             .panel = panel,
                             .panel_step = k_ * kFloatPanel,
                             .next = panels_.size() > kNear ? next : nullptr,
                             .c = c + row * n_ + column,
                             .c_step = n_,
                             .columns = std::min(width, n_ - column),
                             .adds = adds || i > 0,
                             .bias = bias != nullptr && i == 0 ? bias + column : nullptr,
                             .tail = i + depth == k_ ? &tail : nullptr});
    }
  };
  if (groups * blocks == 1) {
    return run_item(0, 0);
  }
  // In vectors' products. Few rows wait for the panels, where those are not near.
  constexpr std::int64_t kWaiting = 8;
  constexpr std::int64_t kGrain = 16'384;  // 4 us: a thread's while, as it is there already
  const std::int64_t cost =
      std::max(std::min(rows, part.rows), panels_.size() > kNear ? kWaiting : 1);
  const std::int64_t work = 1 + cost * k_ * width / 16;
  parallel_for(groups * blocks, 1 + kGrain / work, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      run_item(item % groups, item / groups);
    }
  });
}

}  // namespace sluice::engine::detail
