// Bytes that stand for scale * (byte - zero), a row of them at a time.

#pragma once

#include <cstdint>

#include "worker/ops/simd/products.h"

namespace sluice::engine::simd {

// T: int8 or uint8, here and below.
template <class T>
struct ByteRow {
  const T* data;
  std::int64_t step;  // 0: one byte for the whole row; or 1
  float scale;
  std::int32_t zero;
};

enum class PairOp : std::uint8_t { add, multiply };

// to[i] = a[i] + b[i], or a[i] * b[i], quantized by `result`. In float32, the same bits everywhere.
template <class T>
struct BytePair {
  PairOp op;
  ByteRow<T> a;
  ByteRow<T> b;
  Quantization result;
  std::int64_t count;
  T* to;
};
void combine(const BytePair<std::int8_t>& pair);
void combine(const BytePair<std::uint8_t>& pair);

// to[i] = scale * (x[i] - zero).
void dequantize(const ByteRow<std::int8_t>& x, std::int64_t count, float* to);
void dequantize(const ByteRow<std::uint8_t>& x, std::int64_t count, float* to);

// to[i] = the greatest of x[places[k] + i] for all `places_count` k, and of itself if it `joins`;
// of none it is the least byte.
template <class T>
struct BytesOfPlaces {
  const T* x;
  const std::int64_t* places;
  std::int64_t places_count;
  std::int64_t count;
  bool joins;
};
void take_greatest(const BytesOfPlaces<std::int8_t>& from, std::int8_t* to);
void take_greatest(const BytesOfPlaces<std::uint8_t>& from, std::uint8_t* to);

}  // namespace sluice::engine::simd
