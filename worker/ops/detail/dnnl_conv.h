// float32 convolutions by oneDNN, channels-last: y = act(conv(x, w) + bias + residual). Nothing of
// oneDNN in this header.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "worker/engine/graph/kernel.h"

namespace sluice::engine::detail {

struct ConvSpec {
  Shape x_dims{};  // [N, C, spatial...], 1 to 3 spatial dimensions
  Shape w_dims{};  // [M, C / group, kernel...]
  Shape y_dims{};  // [N, M, spatial...]
  Shape strides{};
  Shape dilations{};  // as in ONNX: 1 is dense
  Shape pads_begin{};
  Shape pads_end{};
  std::int64_t group = 1;
  bool has_bias = false;
  Tail tail{};
};

// Constant weights in the order that oneDNN wants for the given (typical) shapes.
class PackedFilter {
 public:
  // `w` is row-major. Null when oneDNN has no implementation, or a bad one.
  static std::shared_ptr<const PackedFilter> make(const ConvSpec& typical, const float* w);
  struct Impl;
  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

class Convolution {
 public:
  // Shapes for which the packed order does not fit get a copy of their own. Null when oneDNN has
  // no implementation.
  static std::shared_ptr<Convolution> make(const ConvSpec& spec,
                                           std::shared_ptr<const PackedFilter> filter);
  // For weights that no more than a run knows: pack() comes before run(). Null when oneDNN has no
  // implementation but the one for tests, or a product for each channel.
  static std::shared_ptr<Convolution> make_unpacked(const ConvSpec& spec);
  // `w` is row-major.
  void pack(const float* w);
  [[nodiscard]] std::size_t scratch_size() const;
  [[nodiscard]] const char* implementation() const;
  // With a residual, `y` holds it before and the sum after. Not for two threads at once.
  void run(const float* x, const float* bias, float* y, std::byte* scratch);

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace sluice::engine::detail
