// Convolutions as products of an image's rows. In channels-last order the taps of one row of the
// kernel lie together, so the places of a row of the result are the rows of a matrix that overlap:
// it is multiplied where it lies, and nothing is gathered. For the kernels that oneDNN has no
// vector code for and gathers (long rows, wide dilations), those it fills up to whole vectors (one
// to three filters), and kernels of one long row: oneDNN's for AVX-512 takes twice as long for
// them, and cuts them at the image's edges in pieces that hang on the number of threads, and so do
// the last bits. (3 by 39 taps it multiplies faster, and always alike.)

#pragma once

#include <cstddef>
#include <cstdint>

#include "common/tensor/buffer.h"
#include "worker/engine/graph/kernel.h"
#include "worker/ops/nn/window.h"

namespace sluice::engine {

struct RowGeometry;

class ConvRows {
 public:
  // Filters so few, over pieces so long, that vectors go along the pieces.
  static bool is_thin(Dims w);
  // Kernels that are one long row.
  static bool is_long(Dims w);

  // `w`: [M, C, kernel...], 1 to 3 dimensions, one group; float32.
  explicit ConvRows(const TensorView& w);

  // Bytes for one image with its padding.
  [[nodiscard]] std::size_t scratch_size(const Window& window, Dims x) const;

  // The caller has to apply the tail's activation.
  [[nodiscard]] bool leaves_activation() const { return thin_; }

  // y = act(conv(x, w) + bias), and what y holds when `adds`. x, y: channels-last; `bias` [M] or
  // null; of the tail the activation, NaN kept.
  void run(const TensorView& x,
           const float* bias,
           bool adds,
           const Window& window,
           const Tail& tail,
           std::byte* scratch,
           TensorView& y) const;

 private:
  struct Ends {
    const float* bias;
    bool adds;
    const Tail& tail;
  };
  void run_panels(const RowGeometry& geometry,
                  const float* image,
                  const Ends& ends,
                  float* out) const;
  void run_dots(const RowGeometry& geometry,
                const float* image,
                const Ends& ends,
                float* out) const;

  std::int64_t filters_;
  std::int64_t channels_;
  std::int64_t depth_;  // taps times channels
  bool thin_;
  Buffer weights_;  // thin: [M][taps][channels]; else simd/panels.h: [panels][taps][channels][16]
};

}  // namespace sluice::engine
