// Resize and Upsample before a run: attributes of every version, and the extents they ask for.
// Spec: https://onnx.ai/onnx/operators/onnx__Resize.html, onnx__Upsample.html (read 2026-11).

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/graph.h"
#include "worker/engine/values/tensor.h"
#include "worker/ops/nn/resize_axis.h"

namespace sluice::engine {

// How sizes are changed so that all axes have one scale.
enum class AspectPolicy : std::uint8_t { stretch, not_larger, not_smaller };

inline constexpr std::size_t kNoInput = ~std::size_t{0};

struct ResizeParams {
  ResizeRule rule{};
  std::vector<float> scales{};  // Upsample 1 and 7
  std::vector<std::int64_t> axes{};
  AspectPolicy policy = AspectPolicy::stretch;
  // Which inputs hold what; roi only where it matters.
  std::size_t roi_input = kNoInput;
  std::size_t scales_input = kNoInput;
  std::size_t sizes_input = kNoInput;
};

Result<ResizeParams> parse_upsample(const Node& node);
Result<ResizeParams> parse_resize(const Node& node);

// What the inputs beside the data say; null or empty: nothing.
struct ResizeInputs {
  const TensorView* roi = nullptr;
  const TensorView* scales = nullptr;
  const TensorView* sizes = nullptr;
};

// One for each dimension of `dims`. invalid_argument when the inputs do not fit it, or an extent
// is more than tables are made for.
Result<std::vector<ResizeAxis>> resize_axes(const ResizeParams& params,
                                            const ResizeInputs& inputs,
                                            Dims dims);

}  // namespace sluice::engine
