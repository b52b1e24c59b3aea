// Matrices of elements of four bytes, or of bytes, transposed; compiled for several instruction
// sets and chosen when the program runs.

#pragma once

#include <cstdint>

namespace sluice::engine {

// to[c][r] = from[r][c]; rows of `from` and of `to` are steps apart, in elements.
struct TurnedMatrix {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t from_step;
  std::int64_t to_step;
};

// `from` and `to` do not meet; any alignment of whole elements.
void transpose_words(const TurnedMatrix& matrix, const std::uint32_t* from, std::uint32_t* to);

void transpose_bytes(const TurnedMatrix& matrix, const std::uint8_t* from, std::uint8_t* to);

// to[i] = from[2 * i].
void take_every_second(const std::uint32_t* from, std::uint32_t* to, std::int64_t count);

}  // namespace sluice::engine
