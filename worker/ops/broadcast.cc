#include "worker/ops/broadcast.h"

#include <algorithm>

#include "worker/engine/values/layout.h"

namespace sluice::engine {

Result<Shape> broadcast_dims(Dims a, Dims b) {
  const std::size_t rank = std::max(a.size(), b.size());
  Shape result(rank, 1);
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t x = i < rank - a.size() ? 1 : a[i - (rank - a.size())];
    const std::int64_t y = i < rank - b.size() ? 1 : b[i - (rank - b.size())];
    if (x != y && x != 1 && y != 1) {
      return Error{ErrorCode::invalid_argument,
                   "shapes " + to_string(a) + " and " + to_string(b) + " cannot be broadcast"};
    }
    result[i] = x == 1 ? y : x;
  }
  return result;
}

Shape physical_dims_of(const TensorView& result) {
  return physical_dims(result.dims, result.layout);
}

Shape operand_dims(const TensorView& operand, const TensorView& result) {
  Shape dims(result.rank() - operand.rank(), 1);
  dims.insert(dims.end(), operand.dims.begin(), operand.dims.end());
  return physical_dims(dims, result.layout);
}

bool repeats_a_short_row(const BroadcastLoop<2>& loop, std::size_t i) {
  constexpr std::int64_t kShort = 256;  // elements; see for_joined_rows
  constexpr std::int64_t kWorthIt = 8;  // rows
  if (loop.rows < kWorthIt || loop.inner > kShort || loop.inner_step[0] != 1 ||
      loop.inner_step[1] != 1) {
    return false;
  }
  std::int64_t goes_on = loop.inner;
  for (std::size_t d = loop.extents.size(); d > 0; --d) {
    if (loop.strides[i][d - 1] != 0 || loop.strides[1 - i][d - 1] != goes_on) {
      return false;
    }
    goes_on *= loop.extents[d - 1];
  }
  return true;
}

}  // namespace sluice::engine
