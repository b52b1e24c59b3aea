// Convolutions of one tap: each place of a channels-last image is a row, and all of them together
// are multiplied by the filters at once (detail/panel_matrix.h). A place's numbers do not hang on
// how many others there are, nor on threads.

#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/engine/graph/kernel.h"
#include "worker/ops/detail/panel_matrix.h"
#include "worker/ops/nn/window.h"

namespace sluice::engine {

class ConvPoints {
 public:
  // Whether weights `w` [M, C, 1...] of one group are multiplied faster so than by oneDNN.
  static bool pays(Dims w, const Window& window);

  // `w`: float32.
  explicit ConvPoints(const TensorView& w);

  // Bytes for the places that are taken of x, where strides leave some out.
  [[nodiscard]] std::size_t scratch_size(const Window& window, Dims y) const;

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
  std::int64_t channels_;
  detail::PanelMatrix weights_;
};

}  // namespace sluice::engine
