#include "worker/ops/simd/panels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/panels.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "worker/ops/simd/activated-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kFloatPanel>;
using V = hn::Vec<D>;

constexpr std::int64_t kLanes = hn::MaxLanes(D());
constexpr std::int64_t kVectors = kFloatPanel / kLanes;  // of a panel's row
// Sums that stay in registers: 12 of 16, with two vectors of b and a number of a beside them. Where
// a panel's row is one vector there are 32 registers: two panels make 24 sums.
constexpr std::int64_t kTileRows = kVectors >= 4 ? 3 : 12 / kVectors;
constexpr std::int64_t kTilePanels = kVectors == 1 ? 2 : 1;

constexpr std::int64_t kLine = 64 / sizeof(float);

// What the sums of a tile's row start with, and where they go. Whole panels go straight to memory.
struct Ends {
  const PanelProduct32& product;

  template <std::int64_t kCount>
  HWY_INLINE void load(std::int64_t row, std::int64_t column, V (&sums)[kCount]) const {
    const D d;
    const float* from = product.adds ? product.c + row * product.c_step : product.bias;
    HWY_ALIGN float part[kCount * kLanes];
    if (from != nullptr && column + kCount * kLanes > product.columns) {
      for (std::int64_t i = 0; i < kCount * kLanes; ++i) {
        part[i] = column + i < product.columns ? from[column + i] : 0.0F;
      }
      from = part - column;
    }
    for (std::int64_t v = 0; v < kCount; ++v) {
      sums[v] = from == nullptr ? hn::Zero(d) : hn::LoadU(d, from + column + v * kLanes);
    }
  }

  template <std::int64_t kCount>
  HWY_INLINE void store(std::int64_t row, std::int64_t column, V (&sums)[kCount]) const {
    const D d;
    float* const to = product.c + row * product.c_step + column;
    const std::int64_t count = std::min(kCount * kLanes, product.columns - column);
    const bool whole = count == kCount * kLanes;
    HWY_ALIGN float part[kCount * kLanes];
    for (std::int64_t v = 0; v < kCount; ++v) {
      const V sum = product.tail != nullptr ? activated(d, *product.tail, sums[v]) : sums[v];
      hn::StoreU(sum, d, (whole ? to : part) + v * kLanes);
    }
    if (!whole) {
      for (std::int64_t i = 0; i < count; ++i) {
        to[i] = part[i];
      }
    }
  }
};

// Memory that is wanted soon, brought near a line at a time.
struct Ahead {
  const float* at = nullptr;
  const float* end = nullptr;

  HWY_INLINE void bring() {
    if (at < end) {
      hwy::Prefetch(at);
      at += kLine;
    }
  }
};

// kRows rows from `row` on, times kPanels panels from column `column` on; of each panel its first
// kUsed vectors, the others being filled up.
template <std::int64_t kRows, std::int64_t kPanels, std::int64_t kUsed = kVectors>
HWY_INLINE void multiply_tile(const PanelProduct32& product,
                              std::int64_t row,
                              std::int64_t column,
                              Ahead* ahead = nullptr) {
  constexpr std::int64_t kCount = kPanels * kUsed;
  constexpr std::int64_t kLineEvery = 4;  // of k
  const D d;
  const Ends ends{product};
  V sums[kRows][kCount];
  for (std::int64_t r = 0; r < kRows; ++r) {
    ends.load<kCount>(row + r, column, sums[r]);
  }
  const float* a = product.a + row * product.a_row_step;
  const float* b = product.panel + column / kFloatPanel * product.panel_step;
  for (std::int64_t i = 0; i < product.k; ++i) {
    V right[kCount];
    for (std::int64_t p = 0; p < kPanels; ++p) {
      for (std::int64_t v = 0; v < kUsed; ++v) {
        right[p * kUsed + v] = hn::LoadU(d, b + p * product.panel_step + v * kLanes);
      }
    }
    for (std::int64_t r = 0; r < kRows; ++r) {
      const V left = hn::Set(d, a[r * product.a_row_step]);
      for (std::int64_t v = 0; v < kCount; ++v) {
        sums[r][v] = hn::MulAdd(left, right[v], sums[r][v]);
      }
    }
    a += product.a_k_step;
    b += kFloatPanel;
    if (ahead != nullptr && i % kLineEvery == 0) {
      ahead->bring();
    }
  }
  for (std::int64_t r = 0; r < kRows; ++r) {
    ends.store<kCount>(row + r, column, sums[r]);
  }
}

// Few rows take more panels together: their sums are too few to hide what a product takes. What is
// left takes half as many.
template <std::int64_t kRows, std::int64_t kPanels>
HWY_INLINE void multiply_rows(const PanelProduct32& product, std::int64_t column) {
  for (; column + (kPanels - 1) * kFloatPanel < product.columns; column += kPanels * kFloatPanel) {
    multiply_tile<kRows, kPanels>(product, 0, column);
  }
  if constexpr (kPanels > 1) {
    multiply_rows<kRows, kPanels / 2>(product, column);
  }
}

// Half a panel has half the sums: twice the rows.
void multiply_half(const PanelProduct32& product, std::int64_t column) {
  std::int64_t row = 0;
  for (; row + 2 * kTileRows <= product.rows; row += 2 * kTileRows) {
    multiply_tile<2 * kTileRows, 1, 1>(product, row, column);
  }
  for (; row + kTileRows <= product.rows; row += kTileRows) {
    multiply_tile<kTileRows, 1, 1>(product, row, column);
  }
  for (; row < product.rows; ++row) {
    multiply_tile<1, 1, 1>(product, row, column);
  }
}

// `rows` of at most kMost rows.
template <std::int64_t kMost, std::int64_t kPanels>
HWY_INLINE void multiply_rest(const PanelProduct32& product,
                              std::int64_t row,
                              std::int64_t rows,
                              std::int64_t column) {
  if (rows == kMost) {
    return multiply_tile<kMost, kPanels>(product, row, column);
  }
  if constexpr (kMost > 1) {
    multiply_rest<kMost - 1, kPanels>(product, row, rows, column);
  }
}

// Rows of the tiles behind the whole ones: one, or two that share what would fill one badly.
struct Rest {
  std::int64_t whole;  // rows of whole tiles
  std::int64_t first;
  std::int64_t second;
};
Rest rest_of(std::int64_t rows) {
  const std::int64_t left = rows % kTileRows;
  if (left == 0 || 3 * left >= 2 * kTileRows || rows < kTileRows) {
    return {.whole = rows - left, .first = left, .second = 0};
  }
  const std::int64_t shared = left + kTileRows;
  return {.whole = rows - shared, .first = (shared + 1) / 2, .second = shared / 2};
}

// All rows by kPanels panels from `column` on. Their block stays in the first cache while all rows
// meet it, and the next one comes meanwhile: the machine foresees it only when it is begun.
template <std::int64_t kPanels>
void multiply_columns(const PanelProduct32& product, const Rest& rest, std::int64_t column) {
  const std::int64_t behind = column + kPanels * kFloatPanel;
  const bool last = behind >= product.columns;
  const float* const next = last ? product.panel + product.k * kFloatPanel  // where k goes on
                                 : product.panel + behind / kFloatPanel * product.panel_step;
  Ahead ahead{.at = next, .end = next + product.k * kFloatPanel};
  for (std::int64_t tile = 0; tile < rest.whole; tile += kTileRows) {
    multiply_tile<kTileRows, kPanels>(product, tile, column, &ahead);
  }
  if (rest.first > 0) {
    multiply_rest<kTileRows, kPanels>(product, rest.whole, rest.first, column);
  }
  if (rest.second > 0) {
    multiply_rest<kTileRows, kPanels>(product, rest.whole + rest.first, rest.second, column);
  }
}

void multiply_all(const PanelProduct32& product) {
  if (kVectors == 2 && product.columns <= kLanes) {
    return multiply_half(product, 0);
  }
  if (product.rows == 1) {
    return multiply_rows<1, 4 * kTilePanels>(product, 0);
  }
  if (product.rows == 2) {
    return multiply_rows<2, 2 * kTilePanels>(product, 0);
  }
  const Rest rest = rest_of(product.rows);
  std::int64_t column = 0;
  for (; column + (kTilePanels - 1) * kFloatPanel < product.columns;
       column += kTilePanels * kFloatPanel) {
    multiply_columns<kTilePanels>(product, rest, column);
  }
  if (column < product.columns) {
    multiply_columns<1>(product, rest, column);
  }
}

bool rounds_once() {
  return HWY_NATIVE_FMA != 0;
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(multiply_all);
HWY_EXPORT(rounds_once);

void multiply_panels(const PanelProduct32& product) {
  HWY_DYNAMIC_DISPATCH(multiply_all)(product);
}
bool panels_round_once() {
  return HWY_DYNAMIC_DISPATCH(rounds_once)();
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
