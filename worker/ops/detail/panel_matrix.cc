#include "worker/ops/detail/panel_matrix.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/simd/panels.h"

namespace sluice::engine::detail {
namespace {

using simd::kFloatPanel;

constexpr std::int64_t kDepth = 384;  // a panel's block: most of a core's first cache
constexpr std::int64_t kPanels = 4;   // worked on together by one thread
constexpr std::int64_t kFew = 2;      // rows that are multiplied faster the more panels there are
constexpr std::int64_t kPanelsOfFew = 16;
constexpr std::int64_t kRows = 192;  // whose block of a stays in a core's second cache

}  // namespace

PanelMatrix::PanelMatrix(const float* b, std::int64_t k, std::int64_t n, bool transposed)
    : k_(k), n_(n) {
  const std::int64_t panels = (n + kFloatPanel - 1) / kFloatPanel;
  MutableBuffer made(static_cast<std::size_t>(panels * k * kFloatPanel) * sizeof(float));
  std::ranges::fill(made.bytes(), std::byte{0});
  auto* to = static_cast<float*>(static_cast<void*>(made.data()));
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    const std::int64_t column = panel * kFloatPanel;
    const std::int64_t count = std::min(kFloatPanel, n - column);
    for (std::int64_t i = 0; i < k; ++i, to += kFloatPanel) {
      for (std::int64_t j = 0; j < count; ++j) {
        to[j] = transposed ? b[(column + j) * k + i] : b[i * n + column + j];
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
                           float* c) const {
  const std::int64_t width = (rows <= kFew ? kPanelsOfFew : kPanels) * kFloatPanel;
  const std::int64_t groups = (n_ + width - 1) / width;
  const std::int64_t blocks = (rows + kRows - 1) / kRows;
  const std::int64_t row_step = a_transposed ? 1 : k_;
  const void* const bytes = panels_.data();
  const auto* const panels = static_cast<const float*>(bytes);
  const auto run_item = [&](std::int64_t group, std::int64_t block) {
    const std::int64_t column = group * width;
    const std::int64_t row = block * kRows;
    for (std::int64_t i = 0; i < k_; i += kDepth) {
      const std::int64_t depth = std::min(kDepth, k_ - i);
      simd::multiply_panels({.a = a + row * row_step + i * (a_transposed ? rows : 1),
                             .a_row_step = row_step,
                             .a_k_step = a_transposed ? rows : 1,
                             .rows = std::min(kRows, rows - row),
                             .k = depth,
                             .panel = panels + (column * k_ + i * kFloatPanel),
                             .panel_step = k_ * kFloatPanel,
                             .c = c + row * n_ + column,
                             .c_step = n_,
                             .columns = std::min(width, n_ - column),
                             .adds = i > 0,
                             .bias = bias != nullptr ? bias + column : nullptr,
                             .tail = i + depth == k_ ? &tail : nullptr});
    }
  };
  const std::int64_t work = 1 + std::min(rows, kRows) * k_ * width / 16;
  parallel_for(groups * blocks, 1 + 65'536 / work, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      run_item(item % groups, item / groups);
    }
  });
}

}  // namespace sluice::engine::detail
