// Loops over neighbouring elements that need no more than a compiler to become vectors: compiled
// once for each instruction set, chosen when the program runs.

#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/engine/values/tensor.h"

namespace sluice::engine::simd {

// to[i] = condition[i * condition_step] ? x[i * x_step] : y[i * y_step], elements of 1, 2, 4 or 8
// bytes. Steps are 0 or 1; `to` may be x or y.
struct Selection {
  const bool* condition;
  std::int64_t condition_step;
  const void* x;
  std::int64_t x_step;
  const void* y;
  std::int64_t y_step;
  void* to;
  std::size_t element;  // its size
  std::int64_t count;
};
void select(const Selection& selection);

// to[i] = !x[i]; `to` may be x.
void invert(const bool* x, std::int64_t count, bool* to);

// Whether convert() knows both, which are different: bool, int8, uint8, int32, int64, float32 and
// float64.
bool converts(DataType from, DataType to);
// Converts `count` elements as Cast does.
void convert(DataType from, const void* x, DataType to, void* y, std::int64_t count);

// The greatest or least of x, count > 0; NaN where there is one. T: float, int32, int64.
template <class T>
T extreme(const T* x, std::int64_t count, bool is_max);
// best[i] = the more extreme of best[i] and x[i]; NaN is more extreme than any number.
template <class T>
void take_extremes(const T* x, std::int64_t count, bool is_max, T* best);
// The same, and at[i] = place where x[i] is the more extreme, or as extreme and `last`. Of NaNs the
// first stays.
template <class T>
struct Places {
  const T* x;
  std::int64_t count;
  bool is_max;
  bool last;
  std::int32_t place;
};
template <class T>
void take_places(const Places<T>& from, T* best, std::int32_t* at);

}  // namespace sluice::engine::simd
