#include "worker/engine/values/transposes.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/engine/values/transposes.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::engine {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Word = std::uint32_t;

constexpr std::int64_t kTurnedTile = 16;  // elements: 16 x 16 of them are 16 lines on both sides

template <class T>
HWY_INLINE void turn_one_by_one(const TurnedMatrix& matrix, const T* from, T* to) {
  for (std::int64_t c = 0; c < matrix.columns; ++c) {
    for (std::int64_t r = 0; r < matrix.rows; ++r) {
      to[c * matrix.to_step + r] = from[r * matrix.from_step + c];
    }
  }
}

#if HWY_TARGET != HWY_SCALAR

using ByteSide = hn::FixedTag<std::uint8_t, 16>;
constexpr std::int64_t kByteSide = 16;
using Words = hn::ScalableTag<Word>;
using V = hn::Vec<Words>;

// Few rows that become neighbours, the colours of an image: whole vectors of them are interleaved.
template <std::int64_t kRows>
void interleave(const TurnedMatrix& matrix, const Word* from, Word* to) {
  const Words d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t c = 0;
  for (; c + lanes <= matrix.columns; c += lanes) {
    const V a = hn::LoadU(d, from + c);
    const V b = hn::LoadU(d, from + matrix.from_step + c);
    if constexpr (kRows == 2) {
      hn::StoreInterleaved2(a, b, d, to + c * kRows);
    } else {
      const V e = hn::LoadU(d, from + 2 * matrix.from_step + c);
      hn::StoreInterleaved3(a, b, e, d, to + c * kRows);
    }
  }
  turn_one_by_one({kRows, matrix.columns - c, matrix.from_step, kRows}, from + c, to + c * kRows);
}

// And the way back.
template <std::int64_t kColumns>
void take_apart(const TurnedMatrix& matrix, const Word* from, Word* to) {
  const Words d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t r = 0;
  for (; r + lanes <= matrix.rows; r += lanes) {
    V a;
    V b;
    if constexpr (kColumns == 2) {
      hn::LoadInterleaved2(d, from + r * kColumns, a, b);
    } else {
      V e;
      hn::LoadInterleaved3(d, from + r * kColumns, a, b, e);
      hn::StoreU(e, d, to + 2 * matrix.to_step + r);
    }
    hn::StoreU(a, d, to + r);
    hn::StoreU(b, d, to + matrix.to_step + r);
  }
  turn_one_by_one(
      {matrix.rows - r, kColumns, kColumns, matrix.to_step}, from + r * kColumns, to + r);
}

#if HWY_MAX_BYTES >= 32
using Side = hn::FixedTag<Word, 8>;
#else
using Side = hn::FixedTag<Word, 4>;
#endif
constexpr auto kSide = static_cast<std::int64_t>(hn::MaxLanes(Side()));

// Of each block of four columns, in `out[j]` its column j: four rows of it.
HWY_INLINE void turn_blocks(const Word* from, std::int64_t step, hn::Vec<Side> (&out)[4]) {
  const Side d;
  const hn::Repartition<std::uint64_t, Side> pairs;
  const auto in_pairs = [&](auto v) HWY_ATTR { return hn::BitCast(pairs, v); };
  const auto a = hn::LoadU(d, from);
  const auto b = hn::LoadU(d, from + step);
  const auto e = hn::LoadU(d, from + 2 * step);
  const auto f = hn::LoadU(d, from + 3 * step);
  const auto ab_low = in_pairs(hn::InterleaveLower(d, a, b));  // a0 b0 a1 b1
  const auto ef_low = in_pairs(hn::InterleaveLower(d, e, f));
  const auto ab_high = in_pairs(hn::InterleaveUpper(d, a, b));
  const auto ef_high = in_pairs(hn::InterleaveUpper(d, e, f));
  out[0] = hn::BitCast(d, hn::InterleaveLower(pairs, ab_low, ef_low));
  out[1] = hn::BitCast(d, hn::InterleaveUpper(pairs, ab_low, ef_low));
  out[2] = hn::BitCast(d, hn::InterleaveLower(pairs, ab_high, ef_high));
  out[3] = hn::BitCast(d, hn::InterleaveUpper(pairs, ab_high, ef_high));
}

HWY_INLINE void turn_square(const Word* from, Word* to, const TurnedMatrix& matrix) {
  const Side d;
  hn::Vec<Side> low[4];
  turn_blocks(from, matrix.from_step, low);
#if HWY_MAX_BYTES >= 32
  hn::Vec<Side> high[4];
  turn_blocks(from + 4 * matrix.from_step, matrix.from_step, high);
  for (std::int64_t j = 0; j < 4; ++j) {
    hn::StoreU(hn::ConcatLowerLower(d, high[j], low[j]), d, to + j * matrix.to_step);
    hn::StoreU(hn::ConcatUpperUpper(d, high[j], low[j]), d, to + (4 + j) * matrix.to_step);
  }
#else
  for (std::int64_t j = 0; j < 4; ++j) {
    hn::StoreU(low[j], d, to + j * matrix.to_step);
  }
#endif
}

void turn_tile(const TurnedMatrix& tile, const Word* from, Word* to) {
  const std::int64_t rows = tile.rows / kSide * kSide;
  const std::int64_t columns = tile.columns / kSide * kSide;
  for (std::int64_t r = 0; r < rows; r += kSide) {
    for (std::int64_t c = 0; c < columns; c += kSide) {
      turn_square(from + r * tile.from_step + c, to + c * tile.to_step + r, tile);
    }
  }
  const TurnedMatrix right{rows, tile.columns - columns, tile.from_step, tile.to_step};
  turn_one_by_one(right, from + columns, to + columns * tile.to_step);
  const TurnedMatrix below{tile.rows - rows, tile.columns, tile.from_step, tile.to_step};
  turn_one_by_one(below, from + rows * tile.from_step, to + rows);
}

void turn(const TurnedMatrix& matrix, const Word* from, Word* to) {
  if (matrix.to_step == matrix.rows && (matrix.rows == 2 || matrix.rows == 3)) {
    return matrix.rows == 2 ? interleave<2>(matrix, from, to) : interleave<3>(matrix, from, to);
  }
  if (matrix.from_step == matrix.columns && (matrix.columns == 2 || matrix.columns == 3)) {
    return matrix.columns == 2 ? take_apart<2>(matrix, from, to) : take_apart<3>(matrix, from, to);
  }
  // The shorter side inside: what is not done of a line is still in the cache when its turn comes.
  const bool rows_inside = matrix.rows < matrix.columns;
  const std::int64_t inside = rows_inside ? matrix.rows : matrix.columns;
  const std::int64_t outside = rows_inside ? matrix.columns : matrix.rows;
  for (std::int64_t o = 0; o < outside; o += kTurnedTile) {
    for (std::int64_t i = 0; i < inside; i += kTurnedTile) {
      const std::int64_t r = rows_inside ? i : o;
      const std::int64_t c = rows_inside ? o : i;
      turn_tile({std::min(kTurnedTile, matrix.rows - r),
                 std::min(kTurnedTile, matrix.columns - c),
                 matrix.from_step,
                 matrix.to_step},
                from + r * matrix.from_step + c,
                to + c * matrix.to_step + r);
    }
  }
}

void thin_out(const Word* from, Word* to, std::int64_t count) {
  const Words d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes < count; i += lanes) {  // the last one's neighbour may not be there
    hn::StoreU(hn::ConcatEven(d, hn::LoadU(d, from + 2 * i + lanes), hn::LoadU(d, from + 2 * i)),
               d,
               to + i);
  }
  for (; i < count; ++i) {
    to[i] = from[2 * i];
  }
}

// 16 x 16 bytes: rows half of them apart are interleaved four times over.
HWY_INLINE void turn_byte_square(const TurnedMatrix& matrix,
                                 const std::uint8_t* from,
                                 std::uint8_t* to) {
  const ByteSide d;
  hn::Vec<ByteSide> rows[kByteSide];
  for (std::int64_t i = 0; i < kByteSide; ++i) {
    rows[i] = hn::LoadU(d, from + i * matrix.from_step);
  }
  for (std::int64_t round = 0; round < 4; ++round) {
    hn::Vec<ByteSide> made[kByteSide];
    for (std::int64_t i = 0; i < kByteSide / 2; ++i) {
      made[2 * i] = hn::InterleaveLower(d, rows[i], rows[i + kByteSide / 2]);
      made[2 * i + 1] = hn::InterleaveUpper(d, rows[i], rows[i + kByteSide / 2]);
    }
    for (std::int64_t i = 0; i < kByteSide; ++i) {
      rows[i] = made[i];
    }
  }
  for (std::int64_t i = 0; i < kByteSide; ++i) {
    hn::StoreU(rows[i], d, to + i * matrix.to_step);
  }
}

// The three colours of an image, apart or together.
HWY_INLINE std::int64_t turn_colours(const TurnedMatrix& matrix,
                                     const std::uint8_t* from,
                                     std::uint8_t* to) {
  const ByteSide d;
  std::int64_t done = 0;
  hn::Vec<ByteSide> a;
  hn::Vec<ByteSide> b;
  hn::Vec<ByteSide> c;
  if (matrix.columns == 3 && matrix.from_step == 3) {
    for (; done + kByteSide <= matrix.rows; done += kByteSide) {
      hn::LoadInterleaved3(d, from + 3 * done, a, b, c);
      hn::StoreU(a, d, to + done);
      hn::StoreU(b, d, to + matrix.to_step + done);
      hn::StoreU(c, d, to + 2 * matrix.to_step + done);
    }
  } else if (matrix.rows == 3 && matrix.to_step == 3) {
    for (; done + kByteSide <= matrix.columns; done += kByteSide) {
      a = hn::LoadU(d, from + done);
      b = hn::LoadU(d, from + matrix.from_step + done);
      c = hn::LoadU(d, from + 2 * matrix.from_step + done);
      hn::StoreInterleaved3(a, b, c, d, to + 3 * done);
    }
  }
  return done;
}

void turn_bytes(const TurnedMatrix& matrix, const std::uint8_t* from, std::uint8_t* to) {
  if (const std::int64_t done = turn_colours(matrix, from, to); done > 0) {
    const bool apart = matrix.columns == 3;
    const std::int64_t left = (apart ? matrix.rows : matrix.columns) - done;
    return turn_one_by_one({apart ? left : 3, apart ? 3 : left, matrix.from_step, matrix.to_step},
                           from + (apart ? 3 : 1) * done,
                           to + (apart ? 1 : 3) * done);
  }
  const std::int64_t rows = matrix.rows / kByteSide * kByteSide;
  const std::int64_t columns = matrix.columns / kByteSide * kByteSide;
  for (std::int64_t c = 0; c < columns; c += kByteSide) {
    for (std::int64_t r = 0; r < rows; r += kByteSide) {
      turn_byte_square(matrix, from + r * matrix.from_step + c, to + c * matrix.to_step + r);
    }
  }
  turn_one_by_one({rows, matrix.columns - columns, matrix.from_step, matrix.to_step},
                  from + columns,
                  to + columns * matrix.to_step);
  turn_one_by_one({matrix.rows - rows, matrix.columns, matrix.from_step, matrix.to_step},
                  from + rows * matrix.from_step,
                  to + rows);
}

#else

void turn(const TurnedMatrix& matrix, const Word* from, Word* to) {
  turn_one_by_one(matrix, from, to);
}

void turn_bytes(const TurnedMatrix& matrix, const std::uint8_t* from, std::uint8_t* to) {
  turn_one_by_one(matrix, from, to);
}

void thin_out(const Word* from, Word* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = from[2 * i];
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine {

HWY_EXPORT(turn);
HWY_EXPORT(turn_bytes);
HWY_EXPORT(thin_out);

void transpose_words(const TurnedMatrix& matrix, const std::uint32_t* from, std::uint32_t* to) {
  HWY_DYNAMIC_DISPATCH(turn)(matrix, from, to);
}
void transpose_bytes(const TurnedMatrix& matrix, const std::uint8_t* from, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(turn_bytes)(matrix, from, to);
}
void take_every_second(const std::uint32_t* from, std::uint32_t* to, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(thin_out)(from, to, count);
}

}  // namespace sluice::engine
#endif  // HWY_ONCE
