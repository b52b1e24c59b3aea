#include "worker/ops/signal/fourier.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

namespace sluice::engine {
namespace {

using Complex = Fourier::Complex;

// exp(-2 pi i k / n)
Complex root(std::int64_t k, std::int64_t n) {
  const double angle = -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
  return {std::cos(angle), std::sin(angle)};
}

// Without the library's detour for infinities times zero: here both are NaN.
Complex times(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// The transform of a power of two of elements, in place.
void halve(Complex* x, const std::vector<Complex>& roots) {
  const std::size_t n = roots.size();
  for (std::size_t i = 1, j = 0; i < n; ++i) {  // elements in the order of their reversed bits
    std::size_t bit = n >> 1U;
    for (; (j & bit) != 0; bit >>= 1U) {
      j ^= bit;
    }
    j ^= bit;
    if (i < j) {
      std::swap(x[i], x[j]);
    }
  }
  for (std::size_t size = 2; size <= n; size *= 2) {
    const std::size_t step = n / size;
    for (std::size_t begin = 0; begin < n; begin += size) {
      for (std::size_t k = 0; k < size / 2; ++k) {
        const Complex even = x[begin + k];
        const Complex odd = times(x[begin + k + size / 2], roots[k * step]);
        x[begin + k] = even + odd;
        x[begin + k + size / 2] = even - odd;
      }
    }
  }
}

std::vector<Complex> roots_of(std::size_t n) {
  std::vector<Complex> roots(n);
  for (std::size_t k = 0; k < n; ++k) {
    roots[k] = root(static_cast<std::int64_t>(k), static_cast<std::int64_t>(n));
  }
  return roots;
}

}  // namespace

Fourier::Fourier(std::int64_t length) : length_(length) {
  const auto n = static_cast<std::size_t>(length);
  if (std::has_single_bit(n)) {
    roots_ = roots_of(n);
    return;
  }
  padded_ = std::bit_ceil(2 * n - 1);
  roots_ = roots_of(padded_);
  chirp_.resize(n);
  filter_.resize(padded_);
  for (std::int64_t k = 0; k < length; ++k) {
    // k^2 modulo 2n, by which the root repeats, so that large k keep their digits.
    chirp_[static_cast<std::size_t>(k)] = root(k * k % (2 * length), 2 * length);
  }
  for (std::size_t k = 0; k < n; ++k) {
    filter_[k] = std::conj(chirp_[k]);
    filter_[(padded_ - k) % padded_] = filter_[k];
  }
  halve(filter_.data(), roots_);
}

void Fourier::convolve(Complex* x, Complex* padded) const {
  const std::size_t n = chirp_.size();
  for (std::size_t k = 0; k < padded_; ++k) {
    padded[k] = k < n ? times(x[k], chirp_[k]) : Complex{};
  }
  halve(padded, roots_);
  for (std::size_t k = 0; k < padded_; ++k) {
    padded[k] = std::conj(times(padded[k], filter_[k]));  // backwards: conjugates forwards
  }
  halve(padded, roots_);
  const double scale = 1 / static_cast<double>(padded_);
  for (std::size_t k = 0; k < n; ++k) {
    x[k] = times(std::conj(padded[k]) * scale, chirp_[k]);
  }
}

void Fourier::forward(Complex* x, Complex* scratch) const {
  if (padded_ == 0) {
    halve(x, roots_);
  } else {
    convolve(x, scratch);
  }
}

void Fourier::run(std::span<Complex> x, std::span<Complex> scratch, bool inverse) const {
  if (!inverse) {
    forward(x.data(), scratch.data());
    return;
  }
  for (Complex& value : x) {
    value = std::conj(value);
  }
  forward(x.data(), scratch.data());
  for (Complex& value : x) {
    value = std::conj(value) / static_cast<double>(length_);
  }
}

}  // namespace sluice::engine
