// Transposed convolutions of channels-last images, as one product and many additions. A row of the
// image times all taps at once, [places, C] x [C, taps * M], is what each place gives to the places
// around its own; along the last dimension these lie together, [kernel, M], in the result too. Rows
// are multiplied as many at a time as stay in the second cache until they are added.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "worker/engine/graph/kernel.h"
#include "worker/ops/detail/dnnl_conv.h"
#include "worker/ops/nn/window.h"

namespace sluice::engine {

class ConvSpread {
 public:
  // `w`: [C, M, kernel...], 1 to 3 dimensions, one group; float32. Null where there is no kernel
  // for the product.
  static std::shared_ptr<const ConvSpread> make(const TensorView& w);

  // For images of one shape. Not for two threads at once.
  class Bound {
   public:
    [[nodiscard]] std::size_t scratch_size() const;
    [[nodiscard]] const char* implementation() const { return rows_->implementation(); }
    // x [N, C, in...], y [N, M, out...], channels-last; `bias` [M] or null.
    void run(const TensorView& x, const float* bias, std::byte* scratch, TensorView& y) const;

   private:
    friend class ConvSpread;
    void add_rows(std::int64_t begin, std::int64_t end, const float* columns, float* y) const;
    void add_row(std::int64_t place,
                 std::int64_t begin,
                 std::int64_t end,
                 const float* columns,
                 float* y) const;
    void add_line(const float* columns, float* line) const;

    Window window_{};
    Shape in_{};
    std::int64_t channels_ = 0;
    std::int64_t filters_ = 0;
    std::int64_t in_rows_ = 1;   // lines along the last dimension
    std::int64_t out_rows_ = 1;  // likewise
    std::int64_t taps_ = 1;
    std::int64_t block_ = 1;  // rows at a time
    std::shared_ptr<detail::Convolution> rows_{};
    std::shared_ptr<detail::Convolution> rest_{};  // for the last rows, where they are fewer
  };

  // Null where there is no kernel. `in`: the image's extents.
  [[nodiscard]] std::shared_ptr<const Bound> bind(const Window& window, Dims in) const;

 private:
  std::int64_t channels_ = 0;
  std::int64_t filters_ = 0;
  std::int64_t taps_ = 1;
  std::shared_ptr<const detail::PackedFilter> filter_{};
};

}  // namespace sluice::engine
