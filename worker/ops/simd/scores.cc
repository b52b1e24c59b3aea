#include "worker/ops/simd/scores.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/scores.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/reach-inl.h"
#include "worker/ops/simd/softmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

// One a number, as the lanes of a vector are.
using Choices = hn::Rebind<std::uint8_t, D>;

// Which of the first `count` are chosen; behind them nothing may be read.
HWY_INLINE hn::Mask<D> chosen_of(const std::uint8_t* from, std::int64_t count) {
  const D d;
  if (count >= kReachLanes) {
    const hn::RebindToUnsigned<D> du;
    const auto choices = hn::PromoteTo(du, hn::LoadU(Choices(), from));
    return hn::RebindMask(d, hn::Ne(choices, hn::Zero(du)));
  }
  std::uint64_t bits = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    bits |= std::uint64_t{from[i] != 0} << i;
  }
  std::uint8_t bytes[sizeof(bits)];
  std::memcpy(bytes, &bits, sizeof(bits));
  return hn::LoadMaskBits(d, bytes);
}

// Where the operands of one row are.
struct ScoreRow {
  const float* x;
  const std::uint8_t* chosen;
  const float* mask;
  float* out;
};

using Scale = ScoreRule::Scale;

// What the loops below do, known when they are compiled.
template <Scale kScale, bool kChooses, bool kMasks>
struct Steps {};

// `left` numbers from `i` on, of which `lanes` has a vector's or those that are left.
template <Scale kScale, bool kChooses, bool kMasks, class Lanes>
HWY_INLINE V scores_at(Steps<kScale, kChooses, kMasks>,
                       const ScoreRule& rule,
                       const ScoreRows& rows,
                       const ScoreRow& row,
                       std::int64_t i,
                       std::int64_t left,
                       const Lanes& lanes) {
  const D d;
  V score = rows.x.step == 0 ? hn::Set(d, row.x[0]) : lanes.load(row.x + i);
  if constexpr (kScale == Scale::multiply) {
    score = hn::Mul(score, hn::Set(d, rule.by));
  } else if constexpr (kScale == Scale::divide) {
    score = hn::Div(score, hn::Set(d, rule.by));
  }
  if constexpr (kChooses) {
    const auto is_chosen =
        rows.chosen.step == 0
            ? hn::RebindMask(d, hn::Ne(hn::Set(d, row.chosen[0] != 0 ? 1.0F : 0.0F), hn::Zero(d)))
            : chosen_of(row.chosen + i, left);
    const V fill = hn::Set(d, rule.fill);
    score = rule.keeps ? hn::IfThenElse(is_chosen, score, fill)
                       : hn::IfThenElse(is_chosen, fill, score);
  }
  if constexpr (kMasks) {
    const V mask = rows.mask.step == 0 ? hn::Set(d, row.mask[0]) : lanes.load(row.mask + i);
    score = hn::Add(score, mask);
  }
  return score;
}

HWY_INLINE ScoreRow row_at(const ScoreRows& rows, std::int64_t r) {
  return {
      .x = rows.x.data + r * rows.x.row_step,
      .chosen = reinterpret_cast<const std::uint8_t*>(rows.chosen.data) + r * rows.chosen.row_step,
      .mask = rows.mask.data + r * rows.mask.row_step,
      .out = rows.out + r * rows.count};
}

// Rows of at most a vector each, until they are probabilities. All are read before one is written:
// a read that meets what was just written by a mask waits for it.
template <std::int64_t kRows, class Steps>
HWY_INLINE void short_rows(Steps steps,
                           const ScoreRule& rule,
                           const ScoreRows& rows,
                           std::int64_t first) {
  const Part whole{rows.count};
  V values[kRows];
  HWY_UNROLL(4)
  for (std::int64_t r = 0; r < kRows; ++r) {
    values[r] = scores_at(steps, rule, rows, row_at(rows, first + r), 0, rows.count, whole);
  }
  HWY_UNROLL(4)
  for (std::int64_t r = 0; r < kRows; ++r) {
    values[r] = softmax_of_lanes(D(), values[r], whole);
  }
  HWY_UNROLL(4)
  for (std::int64_t r = 0; r < kRows; ++r) {
    whole.store(values[r], rows.out + (first + r) * rows.count);
  }
}

// By value: what is written could be what is read of them again.
template <class Steps>
HWY_INLINE void scores_by(Steps steps, const ScoreRule rule, const ScoreRows rows, bool softmax) {
  std::int64_t r = 0;
  if (softmax) {
    for (; r + 4 <= rows.rows; r += 4) {
      short_rows<4>(steps, rule, rows, r);
    }
    for (; r < rows.rows; ++r) {
      short_rows<1>(steps, rule, rows, r);
    }
  }
  for (; r < rows.rows; ++r) {
    const ScoreRow row = row_at(rows, r);
    std::int64_t i = 0;
    for (; i + kReachLanes <= rows.count; i += kReachLanes) {
      hn::StoreU(scores_at(steps, rule, rows, row, i, kReachLanes, Whole{}), D(), row.out + i);
    }
    if (i < rows.count) {
      const Part rest{rows.count - i};
      rest.store(scores_at(steps, rule, rows, row, i, rows.count - i, rest), row.out + i);
    }
  }
}

template <Scale kScale>
void scores_scaled(const ScoreRule& rule, const ScoreRows& rows, bool softmax) {
  if (rows.chosen.data == nullptr) {
    return rows.mask.data == nullptr ? scores_by(Steps<kScale, false, false>(), rule, rows, softmax)
                                     : scores_by(Steps<kScale, false, true>(), rule, rows, softmax);
  }
  return rows.mask.data == nullptr ? scores_by(Steps<kScale, true, false>(), rule, rows, softmax)
                                   : scores_by(Steps<kScale, true, true>(), rule, rows, softmax);
}

bool scores_rows(const ScoreRule& rule, const ScoreRows& rows, std::int64_t length) {
  const bool softmax = rows.count == length && length <= kReachLanes;
  switch (rule.scale) {
    case Scale::none:
      scores_scaled<Scale::none>(rule, rows, softmax);
      break;
    case Scale::multiply:
      scores_scaled<Scale::multiply>(rule, rows, softmax);
      break;
    case Scale::divide:
      scores_scaled<Scale::divide>(rule, rows, softmax);
      break;
  }
  return softmax;
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(scores_rows);

bool scores(const ScoreRule& rule, const ScoreRows& rows, std::int64_t length) {
  return HWY_DYNAMIC_DISPATCH(scores_rows)(rule, rows, length);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
