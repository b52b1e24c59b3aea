#include "worker/ops/simd/scores.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/scores.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/reach-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

// One a number, as the lanes of a vector are.
using Choices = hn::Rebind<std::uint8_t, D>;

// Choices of a row's end, behind which nothing may be read.
HWY_INLINE hn::Vec<Choices> choices_of(const std::uint8_t* from, std::int64_t count) {
  if (count >= kReachLanes) {
    return hn::LoadU(Choices(), from);
  }
  HWY_ALIGN std::uint8_t lane[kReachLanes] = {};
  std::memcpy(lane, from, static_cast<std::size_t>(count));
  return hn::Load(Choices(), lane);
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
HWY_INLINE void scores_at(Steps<kScale, kChooses, kMasks>,
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
    const hn::RebindToUnsigned<D> du;
    const auto choices = rows.chosen.step == 0
                             ? hn::Set(du, std::uint32_t{row.chosen[0]})
                             : hn::PromoteTo(du, choices_of(row.chosen + i, left));
    const auto is_chosen = hn::RebindMask(d, hn::Ne(choices, hn::Zero(du)));
    const V fill = hn::Set(d, rule.fill);
    score = rule.keeps ? hn::IfThenElse(is_chosen, score, fill)
                       : hn::IfThenElse(is_chosen, fill, score);
  }
  if constexpr (kMasks) {
    const V mask = rows.mask.step == 0 ? hn::Set(d, row.mask[0]) : lanes.load(row.mask + i);
    score = hn::Add(score, mask);
  }
  lanes.store(score, row.out + i);
}

// By value: what is written could be what is read of them again.
template <class Steps>
HWY_INLINE void scores_by(Steps steps, const ScoreRule rule, const ScoreRows rows) {
  const auto* const chosen = reinterpret_cast<const std::uint8_t*>(rows.chosen.data);
  for (std::int64_t r = 0; r < rows.rows; ++r) {
    const ScoreRow row{.x = rows.x.data + r * rows.x.row_step,
                       .chosen = chosen + r * rows.chosen.row_step,
                       .mask = rows.mask.data + r * rows.mask.row_step,
                       .out = rows.out + r * rows.count};
    std::int64_t i = 0;
    for (; i + kReachLanes <= rows.count; i += kReachLanes) {
      scores_at(steps, rule, rows, row, i, kReachLanes, Whole{});
    }
    if (i < rows.count) {
      scores_at(steps, rule, rows, row, i, rows.count - i, Part{rows.count - i});
    }
  }
}

template <Scale kScale>
void scores_scaled(const ScoreRule& rule, const ScoreRows& rows) {
  if (rows.chosen.data == nullptr) {
    return rows.mask.data == nullptr ? scores_by(Steps<kScale, false, false>(), rule, rows)
                                     : scores_by(Steps<kScale, false, true>(), rule, rows);
  }
  return rows.mask.data == nullptr ? scores_by(Steps<kScale, true, false>(), rule, rows)
                                   : scores_by(Steps<kScale, true, true>(), rule, rows);
}

void scores_rows(const ScoreRule& rule, const ScoreRows& rows) {
  switch (rule.scale) {
    case Scale::none:
      return scores_scaled<Scale::none>(rule, rows);
    case Scale::multiply:
      return scores_scaled<Scale::multiply>(rule, rows);
    case Scale::divide:
      return scores_scaled<Scale::divide>(rule, rows);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(scores_rows);

void scores(const ScoreRule& rule, const ScoreRows& rows) {
  HWY_DYNAMIC_DISPATCH(scores_rows)(rule, rows);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
