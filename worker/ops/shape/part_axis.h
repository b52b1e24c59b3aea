// One dimension of a part of a result: which of its elements come from the input, and where they
// lie there. Cutting, padding and setting one part beside another change that and copy nothing.

#pragma once

#include <cstdint>

#include "common/base/result.h"

namespace sluice::engine {

// A Slice along one axis, by Python's rules; far ends are the largest or smallest integer.
struct CutRange {
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::int64_t step = 1;
};

// The elements that a range takes of an axis.
struct AxisCut {
  std::int64_t first = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
};

// invalid_argument for a step of 0 and the lowest integer.
Result<AxisCut> cut_axis(std::int64_t extent, const CutRange& range);

// Of `extent` places those from `place` on are `kept` elements of the input: `first`, and then
// every `step`. The others are nothing.
struct PartAxis {
  std::int64_t extent = 0;
  std::int64_t place = 0;
  std::int64_t kept = 0;
  std::int64_t first = 0;
  std::int64_t step = 1;

  static PartAxis whole(std::int64_t extent) { return {.extent = extent, .kept = extent}; }
  // invalid_argument as cut_axis.
  Result<void> cut(const CutRange& range);
  // Nothing before and behind. Both 0 or more; invalid_argument from 2^48 on.
  Result<void> pad(std::int64_t before, std::int64_t behind);
  // As part of an axis of `all` places, from `at` on.
  void put(std::int64_t at, std::int64_t all);

  bool operator==(const PartAxis&) const = default;
};

}  // namespace sluice::engine
