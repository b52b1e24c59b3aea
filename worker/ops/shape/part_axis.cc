#include "worker/ops/shape/part_axis.h"

#include <algorithm>
#include <limits>
#include <string>

namespace sluice::engine {
namespace {

// Both may be negative, but not the divisor.
std::int64_t divided_upwards(std::int64_t number, std::int64_t by) {
  return number / by + (number % by > 0 ? 1 : 0);
}

}  // namespace

Result<AxisCut> cut_axis(std::int64_t extent, const CutRange& range) {
  auto [start, end, step] = range;
  if (step == 0 || step == std::numeric_limits<std::int64_t>::min()) {
    return Error{ErrorCode::invalid_argument, "a step of " + std::to_string(step)};
  }
  const std::int64_t low = step > 0 ? 0 : -1;
  const std::int64_t high = step > 0 ? extent : extent - 1;
  start = std::clamp(start < 0 ? start + extent : start, low, high);
  end = std::clamp(end < 0 ? std::max(end, -extent - 1) + extent : end, low, high);
  const std::int64_t distance = step > 0 ? end - start : start - end;
  const std::int64_t size = step > 0 ? step : -step;
  return AxisCut{
      .first = start, .step = step, .count = distance > 0 ? (distance - 1) / size + 1 : 0};
}

Result<void> PartAxis::cut(const CutRange& range) {
  SLUICE_TRY_ASSIGN(const AxisCut taken, cut_axis(extent, range));
  // Of the elements that are taken, number `begin` to `end` are kept ones.
  const std::int64_t size = taken.step > 0 ? taken.step : -taken.step;
  const std::int64_t before = taken.step > 0 ? place - taken.first : taken.first - place - kept + 1;
  const std::int64_t begin =
      std::clamp<std::int64_t>(divided_upwards(before, size), 0, taken.count);
  const std::int64_t end =
      std::clamp<std::int64_t>(divided_upwards(before + kept, size), begin, taken.count);
  extent = taken.count;
  if (begin == end) {
    *this = {.extent = extent};
    return {};
  }
  first += (taken.first + begin * taken.step - place) * step;
  step = end - begin > 1 ? step * taken.step : 1;  // one that leads nowhere may be any number
  place = begin;
  kept = end - begin;
  return {};
}

Result<void> PartAxis::pad(std::int64_t before, std::int64_t behind) {
  constexpr std::int64_t kMost = std::int64_t{1} << 48;
  if (std::min(before, behind) < 0 || std::max({before, behind, extent}) >= kMost) {
    return Error{ErrorCode::invalid_argument,
                 "pads " + std::to_string(before) + " and " + std::to_string(behind) +
                     " do not fit an extent of " + std::to_string(extent)};
  }
  extent += before + behind;
  place += before;
  return {};
}

void PartAxis::put(std::int64_t at, std::int64_t all) {
  place += at;
  extent = all;
}

}  // namespace sluice::engine
