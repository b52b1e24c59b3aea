#include "worker/ops/simd/panels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/panels.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/activated-inl.h"
#include "worker/ops/simd/cut.h"
#include "worker/ops/simd/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, kFloatPanel>;
using V = hn::Vec<D>;

constexpr std::int64_t kLanes = hn::MaxLanes(D());
constexpr std::int64_t kVectors = kFloatPanel / kLanes;  // of a panel's row
// Sums that stay in registers: 12 of 16, with two vectors of b and a number of a beside them. Where
// a panel's row is one vector there are 32 registers: four panels make 24 sums, and 10 loads.
constexpr std::int64_t kTilePanels = kVectors == 1 ? 4 : 1;
constexpr std::int64_t rows_of_tile(std::int64_t panels) {
  if (kVectors == 1) {
    return panels == 1 ? 12 : 24 / panels;
  }
  return kVectors >= 4 ? 3 : 12 / kVectors;
}

constexpr std::int64_t kLine = 64 / sizeof(float);
static_assert(kLine == kFloatPanel);
constexpr std::int64_t kTurn = 4;  // steps along k from one look ahead to the next

// What the sums of a tile start with, and where they go. Whole panels go straight to memory.
struct Ends {
  const PanelProduct32& product;

  template <std::int64_t kRows, std::int64_t kCount>
  HWY_INLINE void load(std::int64_t row, std::int64_t column, V (&sums)[kRows][kCount]) const {
    V first[kCount];
    if (product.adds) {
      SLUICE_UNROLL
      for (std::int64_t r = 0; r < kRows; ++r) {
        load_row(product.c + (row + r) * product.c_step, column, sums[r]);
      }
      if (product.bias != nullptr) {
        load_row(product.bias, column, first);
        SLUICE_UNROLL
        for (std::int64_t r = 0; r < kRows; ++r) {
          SLUICE_UNROLL
          for (std::int64_t v = 0; v < kCount; ++v) {
            sums[r][v] = hn::Add(sums[r][v], first[v]);
          }
        }
      }
      return;
    }
    load_row(product.bias, column, first);
    SLUICE_UNROLL
    for (std::int64_t r = 0; r < kRows; ++r) {
      SLUICE_UNROLL
      for (std::int64_t v = 0; v < kCount; ++v) {
        sums[r][v] = first[v];
      }
    }
  }

  template <std::int64_t kRows, std::int64_t kCount>
  HWY_INLINE void store(std::int64_t row, std::int64_t column, V (&sums)[kRows][kCount]) const {
    const bool activates = product.tail != nullptr && product.tail->activation != Activation::none;
    SLUICE_UNROLL
    for (std::int64_t r = 0; r < kRows; ++r) {
      float* const to = product.c + (row + r) * product.c_step + column;
      if (activates) {
        activate_row(sums[r]);
      }
      store_row(sums[r], std::min(kCount * kLanes, product.columns - column), to);
    }
  }

 private:
  template <std::int64_t kCount>
  HWY_INLINE void load_row(const float* from, std::int64_t column, V (&sums)[kCount]) const {
    const D d;
    if (from != nullptr) {
      from += column;
    }
    HWY_ALIGN float part[kCount * kLanes];
    if (from != nullptr && column + kCount * kLanes > product.columns) {
      for (std::int64_t i = 0; i < kCount * kLanes; ++i) {
        part[i] = column + i < product.columns ? from[i] : 0.0F;
      }
      from = part;
    }
    SLUICE_UNROLL
    for (std::int64_t v = 0; v < kCount; ++v) {
      sums[v] = from == nullptr ? hn::Zero(d) : hn::LoadU(d, from + v * kLanes);
    }
  }

  template <std::int64_t kCount>
  HWY_INLINE void activate_row(V (&sums)[kCount]) const {
    SLUICE_UNROLL
    for (std::int64_t v = 0; v < kCount; ++v) {
      sums[v] = activated(D(), *product.tail, sums[v]);
    }
  }

  template <std::int64_t kCount>
  HWY_INLINE void store_row(const V (&sums)[kCount], std::int64_t count, float* to) const {
    const D d;
    if (count == kCount * kLanes) {
      SLUICE_UNROLL
      for (std::int64_t v = 0; v < kCount; ++v) {
        hn::StoreU(sums[v], d, to + v * kLanes);
      }
      return;
    }
    HWY_ALIGN float part[kCount * kLanes];
    SLUICE_UNROLL
    for (std::int64_t v = 0; v < kCount; ++v) {
      hn::StoreU(sums[v], d, part + v * kLanes);
    }
    for (std::int64_t i = 0; i < count; ++i) {
      to[i] = part[i];
    }
  }
};

// The panels that are wanted next, brought near a few lines at a time while others are multiplied:
// where rows are few, reading them is what takes time.
class Ahead {
 public:
  // `panels` blocks of product.k from `first` on, while `tiles` tiles are multiplied. A panel has a
  // line for each step along k.
  Ahead(const PanelProduct32& product,
        const float* first,
        std::int64_t panels,
        std::int64_t tiles) {
    if (first != nullptr) {
      at_ = first;
      block_ = product.k * kLine;
      end_ = first + block_;
      gap_ = product.panel_step - block_;
      panels_ = panels;
      lines_ = (kTurn * panels + tiles - 1) / tiles;
    }
  }

  HWY_INLINE void bring() {
    for (std::int64_t i = 0; i < lines_; ++i, at_ += kLine) {
      if (at_ == end_ && !next_panel()) {
        lines_ = 0;
        return;
      }
      __builtin_prefetch(at_, 0, 2);  // to the second cache: the first has others to hold
    }
  }

 private:
  HWY_INLINE bool next_panel() {
    at_ += gap_;
    end_ = at_ + block_;
    return --panels_ > 0;
  }

  const float* at_ = nullptr;
  const float* end_ = nullptr;
  std::int64_t block_ = 0;
  std::int64_t gap_ = 0;  // from the end of a panel's block to the next one's
  std::int64_t panels_ = 0;
  std::int64_t lines_ = 0;  // a turn
};

// kRows rows from `row` on, times kPanels panels from column `column` on; of each panel its first
// kUsed vectors, the others being filled up.
template <std::int64_t kRows, std::int64_t kPanels, std::int64_t kUsed = kVectors>
HWY_INLINE void multiply_tile(const PanelProduct32& product,
                              std::int64_t row,
                              std::int64_t column,
                              Ahead* ahead = nullptr) {
  constexpr std::int64_t kCount = kPanels * kUsed;
  const D d;
  const Ends ends{product};
  V sums[kRows][kCount];
  ends.load(row, column, sums);
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
    if (ahead != nullptr && i % kTurn == 0) {
      ahead->bring();
    }
  }
  ends.store(row, column, sums);
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
  constexpr std::int64_t kRows = rows_of_tile(1);
  std::int64_t row = 0;
  for (; row + 2 * kRows <= product.rows; row += 2 * kRows) {
    multiply_tile<2 * kRows, 1, 1>(product, row, column);
  }
  for (; row + kRows <= product.rows; row += kRows) {
    multiply_tile<kRows, 1, 1>(product, row, column);
  }
  for (; row < product.rows; ++row) {
    multiply_tile<1, 1, 1>(product, row, column);
  }
}

// A tile of `rows` of at most kMost rows.
template <std::int64_t kMost, std::int64_t kPanels>
HWY_INLINE void multiply_tile_of(const PanelProduct32& product,
                                 std::int64_t rows,
                                 std::int64_t row,
                                 std::int64_t column,
                                 Ahead* ahead) {
  if (rows == kMost) {
    return multiply_tile<kMost, kPanels>(product, row, column, ahead);
  }
  if constexpr (kMost > 1) {
    multiply_tile_of<kMost - 1, kPanels>(product, rows, row, column, ahead);
  }
}

// All rows by kPanels panels from `column` on. Their block stays near while all rows meet it, and
// the next one comes meanwhile: the machine foresees it only when it is begun.
template <std::int64_t kPanels>
void multiply_columns(const PanelProduct32& product, const Cut& cut, std::int64_t column) {
  const std::int64_t behind = column + kPanels * kFloatPanel;
  const bool last = behind >= product.columns;
  const float* const next =
      last ? product.next : product.panel + behind / kFloatPanel * product.panel_step;
  Ahead ahead(product, next, kPanels, cut.tiles);
  std::int64_t row = 0;
  for (std::int64_t tile = 0; tile < cut.tiles; ++tile) {
    const std::int64_t rows = cut.rows_of(tile);
    multiply_tile_of<rows_of_tile(kPanels), kPanels>(product, rows, row, column, &ahead);
    row += rows;
  }
}

// The columns from `column` on, kPanels panels at a time; what is left by fewer. No panel is left
// alone where it can have company: its sums are too few to hide what a product takes.
template <std::int64_t kPanels>
void multiply_wide(const PanelProduct32& product, std::int64_t column) {
  std::int64_t left = (product.columns - column + kFloatPanel - 1) / kFloatPanel;
  if (left <= 0) {
    return;
  }
  const Cut cut = cut_evenly(product.rows, rows_of_tile(kPanels));
  for (; left >= kPanels && (kPanels < 3 || left != kPanels + 1); left -= kPanels) {
    multiply_columns<kPanels>(product, cut, column);
    column += kPanels * kFloatPanel;
  }
  if constexpr (kPanels > 1) {
    multiply_wide<kPanels - 1>(product, column);
  }
}

void multiply_all(const PanelProduct32& product) {
  if (kVectors == 2 && product.columns <= kLanes) {
    return multiply_half(product, 0);
  }
  if (product.rows == 1) {
    return multiply_rows < 1, kVectors == 1 ? 8 : 4 > (product, 0);
  }
  if (product.rows == 2) {
    return multiply_rows < 2, kVectors == 1 ? 4 : 2 > (product, 0);
  }
  if constexpr (kTilePanels == 4) {
    // Four panels are read in the time that five rows take. Where their tiles would have fewer,
    // those of fewer panels have more.
    constexpr std::int64_t kRows = 5;
    if (cut_evenly(product.rows, rows_of_tile(4)).rows < kRows) {
      if (cut_evenly(product.rows, rows_of_tile(3)).rows > kRows) {
        return multiply_wide<3>(product, 0);
      }
      if (product.rows > kRows) {
        return multiply_wide<2>(product, 0);
      }
    }
  }
  multiply_wide<kTilePanels>(product, 0);
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(multiply_all);

void multiply_panels(const PanelProduct32& product) {
  HWY_DYNAMIC_DISPATCH(multiply_all)(product);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
