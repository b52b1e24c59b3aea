// A PNG picture as the tensor an image model wants. The only file that includes libpng is
// png_image.cc.

#pragma once

#include "common/base/result.h"
#include "common/link/infer.h"
#include "common/tensor/buffer.h"

namespace sluice::cluster {

// How an input's declared shape holds a picture.
struct ImageLayout {
  std::int64_t height = -1;  // -1: any
  std::int64_t width = -1;
  int channels = 1;            // 1: grey, 3: red, green, blue
  bool channels_last = false;  // [...,H,W,C] and not [...,C,H,W]
};

// [...,C,H,W] or [...,H,W,C] with C of 1 or 3, or [H,W] or [N,H,W] for grey; extents before these
// must be open or 1. invalid_argument for any other shape.
Result<ImageLayout> image_layout(const ValueInfo& input);

// `file` as one picture: float32 of 0..1 or uint8 of 0..255, as the model declares. Colour becomes
// grey and grey becomes colour as the model's channels want; 16 bits become 8; transparent parts
// become black. The size must be the model's. data_corrupt when it is not a PNG.
Result<NamedTensor> tensor_from_png(const Buffer& file, const ValueInfo& input);

}  // namespace sluice::cluster
