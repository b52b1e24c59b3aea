// QuantizedMatcher: what patterns of quantised models ask of the steps around them: what stands
// for which numbers, and whether scales and zero points are constants that fit.

#pragma once

#include <optional>
#include <vector>

#include "worker/engine/plan/matcher.h"

namespace sluice::engine {

// Bytes, or the int32 of a bias, with what they mean.
struct Quantized {
  ValueId data = kNoValue;
  ValueId scale = kNoValue;
  ValueId zero = kNoValue;
};

class QuantizedMatcher : protected Matcher {
 public:
  using Matcher::Matcher;

 protected:
  [[nodiscard]] std::optional<std::vector<float>> numbers(ValueId value) const;
  [[nodiscard]] std::optional<std::vector<int>> zeros(ValueId value) const;
  [[nodiscard]] bool has_one(const Quantized& quantized) const;
  // Of constant weights that are dequantised: one scale and zero point, or one for each place of
  // `axis`.
  [[nodiscard]] bool has_one_each(std::size_t step, std::size_t axis) const;
  [[nodiscard]] bool same_meaning(const Quantized& a, const Quantized& b) const;
  // Of DequantizeLinear and QuantizeLinear alike. Blocks of scales are left to the operator.
  [[nodiscard]] Quantized parts(std::size_t step) const;
  // What DequantizeLinear made `value` of; its data is kNoValue where that is not what made it.
  [[nodiscard]] Quantized source(ValueId value) const;
  // Whether the convolution has no bias, or a constant one in int32 with the scale of its sums.
  [[nodiscard]] bool has_bias_of_sums(std::size_t conv,
                                      const Quantized& x,
                                      const Quantized& w) const;
  // Whether `value` is a constant of `many` floats in one dimension, or dequantised from one.
  [[nodiscard]] bool is_list_of_floats(ValueId value, std::int64_t many) const;
  // New constants: the scale of the sums of a product, of each of its columns where b has many; the
  // matrix `value` turned.
  Result<ValueId> scales_of_sums(const Quantized& a, const Quantized& b);
  Result<ValueId> turned(ValueId value);
  // The least and the greatest byte that y can be behind Relu or Clip, by their constant bounds.
  struct Bytes {
    int least;
    int most;
  };
  [[nodiscard]] std::optional<Bytes> range_behind(std::size_t activation, const Quantized& y) const;
  [[nodiscard]] Bytes range_of(const Quantized& y) const;
};

}  // namespace sluice::engine
