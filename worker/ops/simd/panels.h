// float32 products with a packed right side, compiled for several instruction sets and chosen when
// the program runs. Every sum runs over k in order, so that a row's numbers do not depend on how
// many rows there are.

#pragma once

#include <cstdint>

#include "worker/engine/graph/kernel.h"

namespace sluice::engine::simd {

// Columns of a panel: b [k, n] as [panels][k][kFloatPanel], the last one filled up with 0.
inline constexpr std::int64_t kFloatPanel = 16;

// Some rows of a times some neighbouring panels, over a block of k.
struct PanelProduct32 {
  const float* a;  // element (row, i): a[row * a_row_step + i * a_k_step]
  std::int64_t a_row_step;
  std::int64_t a_k_step;
  std::int64_t rows;
  std::int64_t k;               // of the block
  const float* panel;           // the block's part of the first panel
  std::int64_t panel_step;      // from a panel to the next
  const float* next = nullptr;  // the panel that is wanted after these
  float* c;                     // rows c_step apart
  std::int64_t c_step;
  std::int64_t columns;  // to write; panels: as many as hold them
  bool adds;             // to what c has
  const float* bias;     // [columns], or null: not the first block of k
  const Tail* tail;      // its activation, NaN kept; null but in the last block
};
void multiply_panels(const PanelProduct32& product);

}  // namespace sluice::engine::simd
