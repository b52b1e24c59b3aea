#include "worker/ops/simd/products.h"

#include <algorithm>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/products.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/rounding-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// --- products ------------------------------------------------------------------------------------

#if HWY_TARGET == HWY_SCALAR

// One number at a time, where there are no vectors.
template <class B>
void multiply_rows(const PanelProduct& product, const B* panel) {
  for (std::int64_t row = 0; row < product.rows; ++row) {
    const std::int16_t* const a = product.a + row * product.a_step;
    for (std::int64_t column = 0; column < product.columns; ++column) {
      std::uint32_t sum = 0;  // wraps
      for (std::int64_t i = 0; i < 2 * product.pairs; ++i) {
        const B b = panel[(i / 2 * kPanel + column) * 2 + i % 2];
        sum += static_cast<std::uint32_t>(std::int32_t{a[i]} * std::int32_t{b});
      }
      product.c[row * product.c_step + column] = static_cast<std::int32_t>(sum);
    }
  }
}

#else

using D32 = hn::CappedTag<std::int32_t, kPanel>;
using D16 = hn::Repartition<std::int16_t, D32>;
using V32 = hn::Vec<D32>;
using V16 = hn::Vec<D16>;

constexpr std::int64_t kLanes = hn::MaxLanes(D32());
constexpr std::int64_t kVectors = kPanel / kLanes;
// Sums that stay in registers: 12 of 16 with two operands' vectors beside them.
constexpr std::int64_t kTileRows = 12 / kVectors;

HWY_INLINE V16 load_pairs(const std::int16_t* from) {
  return hn::LoadU(D16(), from);
}
HWY_INLINE V16 load_pairs(const std::int8_t* from) {
  return hn::PromoteTo(D16(), hn::LoadU(hn::Rebind<std::int8_t, D16>(), from));
}

// sum + a[2i] * b[2i] + a[2i + 1] * b[2i + 1]; `more` takes a part of it where lanes are reordered.
HWY_INLINE V32 add_pairs(V16 a, V16 b, V32 sum, V32& more) {
  return hn::ReorderWidenMulAccumulate(D32(), a, b, sum, more);
}

template <std::int64_t kRows, class B>
HWY_INLINE void multiply_tile(const PanelProduct& product, std::int64_t row, const B* panel) {
  const D32 d;
  V32 sums[kRows][kVectors];
  V32 more[kRows][kVectors];
  for (std::int64_t r = 0; r < kRows; ++r) {
    for (std::int64_t v = 0; v < kVectors; ++v) {
      sums[r][v] = hn::Zero(d);
      more[r][v] = hn::Zero(d);
    }
  }
  const std::int16_t* a = product.a + row * product.a_step;
  for (std::int64_t pair = 0; pair < product.pairs; ++pair) {
    V16 b[kVectors];
    for (std::int64_t v = 0; v < kVectors; ++v) {
      b[v] = load_pairs(panel + 2 * (pair * kPanel + v * kLanes));
    }
    for (std::int64_t r = 0; r < kRows; ++r) {
      std::int32_t both = 0;
      std::memcpy(&both, a + r * product.a_step + 2 * pair, sizeof both);
      const V16 x = hn::BitCast(D16(), hn::Set(d, both));
      for (std::int64_t v = 0; v < kVectors; ++v) {
        sums[r][v] = add_pairs(x, b[v], sums[r][v], more[r][v]);
      }
    }
  }
  HWY_ALIGN std::int32_t part[kPanel];
  for (std::int64_t r = 0; r < kRows; ++r) {
    std::int32_t* const c = product.c + (row + r) * product.c_step;
    const bool whole = product.columns == kPanel;
    for (std::int64_t v = 0; v < kVectors; ++v) {
      const V32 sum = hn::RearrangeToOddPlusEven(sums[r][v], more[r][v]);
      hn::StoreU(sum, d, (whole ? c : part) + v * kLanes);
    }
    if (!whole) {
      std::copy_n(part, product.columns, c);
    }
  }
}

template <class B>
HWY_INLINE void multiply_rows(const PanelProduct& product, const B* panel) {
  std::int64_t row = 0;
  for (; row + kTileRows <= product.rows; row += kTileRows) {
    multiply_tile<kTileRows>(product, row, panel);
  }
  for (; row + 2 <= product.rows; row += 2) {
    multiply_tile<2>(product, row, panel);
  }
  if (row < product.rows) {
    multiply_tile<1>(product, row, panel);
  }
}

#endif

void multiply_bytes_panel(const PanelProduct& product, const std::int8_t* panel) {
  multiply_rows(product, panel);
}
void multiply_wide_panel(const PanelProduct& product, const std::int16_t* panel) {
  multiply_rows(product, panel);
}

// --- to floats -----------------------------------------------------------------------------------

void scale_panel_rows(const ScaledRows& from, float* y) {
  const hn::CappedTag<float, kPanel> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  HWY_ALIGN float part[kPanel];
  const bool whole = from.columns == kPanel;
  for (std::int64_t row = 0; row < from.rows; ++row) {
    float* const to = y + row * from.y_step;
    for (std::int64_t j = 0; j < kPanel; j += lanes) {
      auto made = hn::Mul(hn::ConvertTo(d, hn::LoadU(di, from.sums + row * kPanel + j)),
                          hn::LoadU(d, from.scaling.scales + j));
      if (from.scaling.bias != nullptr) {
        made = hn::Add(made, hn::LoadU(d, from.scaling.bias + j));
      }
      hn::StoreU(made, d, (whole ? to : part) + j);
    }
    if (!whole) {
      std::copy_n(part, from.columns, to);
    }
  }
}

// --- back to bytes -------------------------------------------------------------------------------

// What is added behind the scale, to the numbers from place i on.
HWY_INLINE VF with_offset(const Requantized& from, VF numbers, std::int64_t i) {
  const DF d;
  if (from.offset == nullptr) {
    return numbers;
  }
  return hn::Add(
      numbers, from.offset_step == 0 ? hn::Set(d, from.offset[0]) : hn::LoadU(d, from.offset + i));
}

template <class T>
HWY_INLINE void requantize_as(const Requantized& from, T* to) {
  const DF d;
  const hn::RebindToSigned<DF> di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto bias = hn::Set(di, from.bias);
  const Rounding rounding(from.zero, from.zero);
  std::int64_t i = 0;
  for (; i + lanes <= from.count; i += lanes) {
    const VF sums = hn::ConvertTo(d, hn::Add(hn::LoadU(di, from.sums + i), bias));
    const VF scale =
        from.scale_step == 0 ? hn::Set(d, from.scale[0]) : hn::LoadU(d, from.scale + i);
    rounding.store(with_offset(from, hn::Mul(sums, scale), i), to + i, lanes);
  }
  if (i == from.count) {
    return;
  }
  HWY_ALIGN std::int32_t sums[hn::MaxLanes(DF())] = {};
  HWY_ALIGN float scale[hn::MaxLanes(DF())] = {};
  HWY_ALIGN float offset[hn::MaxLanes(DF())] = {};
  for (std::int64_t k = i; k < from.count; ++k) {
    sums[k - i] = from.sums[k];
    scale[k - i] = from.scale[k * from.scale_step];
    offset[k - i] = from.offset == nullptr ? 0 : from.offset[k * from.offset_step];
  }
  const VF last = hn::Mul(hn::ConvertTo(d, hn::Add(hn::Load(di, sums), bias)), hn::Load(d, scale));
  rounding.store(
      from.offset == nullptr ? last : hn::Add(last, hn::Load(d, offset)), to + i, from.count - i);
}

void requantize_signed(const Requantized& from, std::int8_t* to) {
  requantize_as(from, to);
}
void requantize_unsigned(const Requantized& from, std::uint8_t* to) {
  requantize_as(from, to);
}

Range find_range(const float* x, std::int64_t count) {
  const DF d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  constexpr int kParts = 4;  // hide the latency
  VF low[kParts];
  VF high[kParts];
  for (int part = 0; part < kParts; ++part) {
    low[part] = hn::Zero(d);
    high[part] = hn::Zero(d);
  }
  const auto widen = [&](VF v, int part) HWY_ATTR {  // the second operand stays where one is NaN
    low[part] = hn::Min(v, low[part]);
    high[part] = hn::Max(v, high[part]);
  };
  std::int64_t i = 0;
  for (; i + kParts * lanes <= count; i += kParts * lanes) {
    for (int part = 0; part < kParts; ++part) {
      widen(hn::LoadU(d, x + i + part * lanes), part);
    }
  }
  for (; i + lanes <= count; i += lanes) {
    widen(hn::LoadU(d, x + i), 0);
  }
  HWY_ALIGN float rest[hn::MaxLanes(DF())] = {};
  std::copy_n(x + i, count - i, rest);
  widen(hn::Load(d, rest), 0);
  for (int part = 1; part < kParts; ++part) {
    low[0] = hn::Min(low[0], low[part]);
    high[0] = hn::Max(high[0], high[part]);
  }
  return {hn::GetLane(hn::MinOfLanes(d, low[0])), hn::GetLane(hn::MaxOfLanes(d, high[0]))};
}

template <class T>
HWY_INLINE void quantize_as(const float* x, const Quantization& by, std::int64_t count, T* to) {
  const DF d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const VF scale = hn::Set(d, by.scale);
  const Rounding rounding(by.zero, by.of_nan);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    rounding.store(hn::Div(hn::LoadU(d, x + i), scale), to + i, lanes);
  }
  if (i < count) {
    HWY_ALIGN float rest[hn::MaxLanes(DF())] = {};
    std::copy_n(x + i, count - i, rest);
    rounding.store(hn::Div(hn::Load(d, rest), scale), to + i, count - i);
  }
}

void quantize_signed(const float* x, const Quantization& by, std::int64_t count, std::int8_t* to) {
  quantize_as(x, by, count, to);
}
void quantize_unsigned(const float* x,
                       const Quantization& by,
                       std::int64_t count,
                       std::uint8_t* to) {
  quantize_as(x, by, count, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(multiply_bytes_panel);
HWY_EXPORT(multiply_wide_panel);
HWY_EXPORT(scale_panel_rows);
HWY_EXPORT(requantize_signed);
HWY_EXPORT(requantize_unsigned);
HWY_EXPORT(find_range);
HWY_EXPORT(quantize_signed);
HWY_EXPORT(quantize_unsigned);

void multiply_panel(const PanelProduct& product, const std::int8_t* panel) {
  HWY_DYNAMIC_DISPATCH(multiply_bytes_panel)(product, panel);
}
void multiply_panel(const PanelProduct& product, const std::int16_t* panel) {
  HWY_DYNAMIC_DISPATCH(multiply_wide_panel)(product, panel);
}
void scale_rows(const ScaledRows& from, float* y) {
  HWY_DYNAMIC_DISPATCH(scale_panel_rows)(from, y);
}
void requantize(const Requantized& from, std::int8_t* to) {
  HWY_DYNAMIC_DISPATCH(requantize_signed)(from, to);
}
void requantize(const Requantized& from, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(requantize_unsigned)(from, to);
}
Range range_with_zero(const float* x, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(find_range)(x, count);
}
void quantize(const float* x, const Quantization& by, std::int64_t count, std::int8_t* to) {
  HWY_DYNAMIC_DISPATCH(quantize_signed)(x, by, count, to);
}
void quantize(const float* x, const Quantization& by, std::int64_t count, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(quantize_unsigned)(x, by, count, to);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
