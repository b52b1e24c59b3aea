#include "worker/ops/quant/integer_core.h"

namespace sluice::engine {
namespace {

using simd::kPanel;

template <class T>
std::int32_t widen_as(const T* from, std::int64_t count, std::int32_t zero, std::int16_t* to) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = static_cast<std::int16_t>(from[i] - zero);
    sum += to[i];
  }
  return sum;
}

// What uint8 is packed less.
template <class T>
constexpr std::int32_t kShift = std::is_same_v<T, std::uint8_t> ? 128 : 0;

// With the sums of the columns.
template <class T>
void pack_as(const T* b, const BytePanels& panels, std::int8_t* to, std::int32_t* sums) {
  const std::int64_t group = panels.group;
  for (std::int64_t panel = 0; panel < panels.panels(); ++panel) {
    const std::int64_t column = panel * kPanel;
    const std::int64_t count = std::min(kPanel, panels.n - column);
    std::int32_t* const sum = sums + column;
    std::fill_n(sum, kPanel, 0);
    for (std::int64_t row = 0; row < group * panels.groups(); ++row) {
      // The rows of a group alternate.
      std::int8_t* const at =
          to + panel * panels.panel_size() + row / group * group * kPanel + row % group;
      const T* const from = b + row * panels.n + column;
      for (std::int64_t i = 0; i < kPanel; ++i) {
        const bool there = row < panels.k && i < count;
        at[group * i] = there ? static_cast<std::int8_t>(from[i] - kShift<T>) : std::int8_t{0};
        sum[i] += at[group * i];
      }
    }
  }
}

}  // namespace

std::int32_t widen(const TensorView& from,
                   std::int64_t first,
                   std::int64_t count,
                   std::int32_t zero,
                   std::int16_t* to) {
  return from.datatype == DataType::int8
             ? widen_as(from.as<std::int8_t>().data() + first, count, zero, to)
             : widen_as(from.as<std::uint8_t>().data() + first, count, zero, to);
}

void interleave(const std::int16_t* even,
                const std::int16_t* odd,
                std::int64_t count,
                std::int16_t* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[2 * i] = even[i];
    to[2 * i + 1] = odd[i];
  }
}

BytePanels pack_bytes(const TensorView& b,
                      std::int64_t first,
                      std::int64_t k,
                      std::int64_t n,
                      const TensorView* zero,
                      std::int8_t* bytes,
                      std::int32_t* columns) {
  BytePanels panels{.k = k, .n = n, .bytes = bytes, .sums = columns};
  std::int32_t* const zeros = columns + panels.panels() * kPanel;
  const bool is_signed = b.datatype == DataType::int8;
  if (is_signed) {
    pack_as(b.as<std::int8_t>().data() + first, panels, bytes, columns);
  } else {
    pack_as(b.as<std::uint8_t>().data() + first, panels, bytes, columns);
  }
  bool any = false;
  std::fill_n(zeros, panels.panels() * kPanel, 0);
  for (std::int64_t column = 0; column < n; ++column) {
    zeros[column] = zero_at(zero, column) - (is_signed ? 0 : kShift<std::uint8_t>);
    any = any || zeros[column] != 0;
  }
  panels.zeros = any ? zeros : nullptr;
  return panels;
}

}  // namespace sluice::engine
