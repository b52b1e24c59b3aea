// Attention's scores on their way to a softmax: scaled, some replaced, a mask added. A vector
// kernel like those of rows.h; every operation is rounded by itself.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

// How scores are scaled and what stands where one is not kept.
struct ScoreRule {
  enum class Scale : std::uint8_t { none, multiply, divide };

  Scale scale = Scale::none;
  float by = 1;
  float fill = 0;
  bool keeps = true;  // what `chosen` says of a score that is kept
};

// An operand of rows: from number to number 0 or 1, from row to row anything.
template <class T>
struct ScoreOperand {
  const T* data = nullptr;  // null: left out
  std::int64_t step = 0;
  std::int64_t row_step = 0;
};

// out[i] = (chosen[i] == keeps ? scaled(x[i]) : fill) + mask[i]; without `chosen` all are kept,
// without `mask` nothing is added. Rows of `count`, one behind the other in `out`, which may be `x`
// where that has the same steps.
struct ScoreRows {
  ScoreOperand<float> x;
  ScoreOperand<bool> chosen;
  ScoreOperand<float> mask;
  float* out = nullptr;
  std::int64_t count = 0;
  std::int64_t rows = 1;
};
// Returns whether it has taken the softmax of each row as well: of rows of `length` that fit a
// vector.
bool scores(const ScoreRule& rule, const ScoreRows& rows, std::int64_t length);

}  // namespace sluice::engine::simd
