// The discrete Fourier transform of one signal, in double: by halving where the length is a power
// of two, by a convolution of such a length elsewhere (Bluestein, 1970), so that no length is slow.

#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::engine {

class Fourier {
 public:
  using Complex = std::complex<double>;

  // For signals of `length` elements, at least one.
  explicit Fourier(std::int64_t length);

  [[nodiscard]] std::int64_t length() const { return length_; }
  // Elements of scratch that run wants.
  [[nodiscard]] std::size_t scratch_count() const { return padded_; }

  // x[k] = sum over j of x[j] exp(-2 pi i j k / n); inverse: with the other sign, divided by n.
  void run(std::span<Complex> x, std::span<Complex> scratch, bool inverse) const;

 private:
  void forward(Complex* x, Complex* scratch) const;
  void convolve(Complex* x, Complex* padded) const;

  std::int64_t length_;
  std::size_t padded_ = 0;       // length of the convolution; 0: none is needed
  std::vector<Complex> roots_;   // exp(-2 pi i k / n) of the length that is halved
  std::vector<Complex> chirp_;   // exp(-pi i k^2 / n)
  std::vector<Complex> filter_;  // the transform of its conjugate
};

}  // namespace sluice::engine
