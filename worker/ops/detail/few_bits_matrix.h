// float32 products with a constant right side of few bits, which stays so in memory: what a part of
// the product needs is made float32 in a core's cache.

#pragma once

#include <cstdint>
#include <vector>

#include "common/tensor/buffer.h"
#include "worker/engine/graph/kernel.h"

namespace sluice::engine::detail {

// B' [n, k]: (code - zero) * scale, whose scale and zero point are those of the column's group.
struct FewBits {
  std::int64_t n = 0;
  std::int64_t k = 0;
  int bits = 4;                 // 2, 4 or 8; codes of a row are next to each other, the low first
  std::int64_t row_bytes = 0;   // of codes
  std::int64_t row_groups = 0;  // of scales
  const std::uint8_t* codes = nullptr;
  const float* scales = nullptr;             // [n, row_groups]
  const std::uint8_t* zero_codes = nullptr;  // packed like codes, each row from a byte of its own
  const float* zeros = nullptr;              // instead; with neither half of all codes is zero
  const std::int32_t* groups = nullptr;      // of each k; null: `block` of them after one another
  std::int64_t block = 0;

  [[nodiscard]] std::int64_t group(std::int64_t i) const {
    return groups != nullptr ? groups[i] : i / block;
  }
  [[nodiscard]] int code(std::int64_t row, std::int64_t i) const {
    return packed(codes + row * row_bytes, i);
  }
  [[nodiscard]] float zero(std::int64_t row, std::int64_t group) const {
    if (zeros != nullptr) {
      return zeros[row * row_groups + group];
    }
    return static_cast<float>(zero_codes != nullptr
                                  ? packed(zero_codes + row * ((row_groups * bits + 7) / 8), group)
                                  : 1 << (bits - 1));
  }

 private:
  [[nodiscard]] int packed(const std::uint8_t* from, std::int64_t i) const {
    return from[i * bits / 8] >> (i * bits % 8) & ((1 << bits) - 1);
  }
};

class FewBitsMatrix {
 public:
  explicit FewBitsMatrix(const FewBits& b);

  // c [rows, n] = act(a [rows, k] * B + bias). `bias` [n] or null; of the tail the activation. A
  // row's sums do not depend on how many rows there are.
  void multiply(
      const float* a, std::int64_t rows, const float* bias, const Tail& tail, float* c) const;

 private:
  struct Part;
  void multiply_part(const Part& part, const float* bias, const Tail& tail) const;

  std::int64_t n_;
  std::int64_t k_;
  std::int64_t row_groups_;
  bool halves_;
  float zero_;
  std::int64_t block_;
  std::vector<std::int32_t> groups_;  // [k], or empty: block_ of them after one another
  Buffer codes_;                      // in panels, as simd/few_bits.h has them
  Buffer scales_;
  Buffer zeros_;  // empty: zero_
};

}  // namespace sluice::engine::detail
