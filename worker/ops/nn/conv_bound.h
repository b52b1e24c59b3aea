// What a convolution's weights were packed for, which of its kernels is bound, and its runs.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"
#include "worker/ops/detail/dnnl_conv.h"
#include "worker/ops/nn/conv_points.h"
#include "worker/ops/nn/conv_rows.h"
#include "worker/ops/nn/conv_winograd.h"
#include "worker/ops/nn/window.h"

namespace sluice::engine {

struct ConvState {
  Tail tail{};
  std::shared_ptr<const detail::PackedFilter> filter{};
  std::vector<float> bias{};               // constant: the node's own, or a fused Add's
  std::vector<float> depthwise{};          // weights of conv_depthwise.h, instead of `filter`
  bool depthwise_rows = false;             // they are for conv_depthwise_rows.h
  bool packs_in_runs = false;              // weights or bias may be for a run alone to know
  std::shared_ptr<const ConvRows> rows{};  // likewise
  std::shared_ptr<const ConvPoints> points{};
  // Where it pays; what multiplies directly is not there then, but where any run may need it.
  std::shared_ptr<const ConvWinograd> winograd{};
};

struct ConvBound {
  Window window{};
  std::shared_ptr<detail::Convolution> primitive{};
  bool packs = false;                      // in each run, for the primitive
  bool activates = true;                   // the primitive does the tail's activation
  std::shared_ptr<const ConvRows> rows{};  // in its place
  bool by_points = false;                  // likewise: those of the state
  // By Winograd's method, but for images that are not finite where `looks`: the two above are for
  // one image then.
  std::optional<ConvWinograd::Blocks> blocks{};
  bool looks = false;
};

// y = act(conv(x, w) + bias + residual), by what is bound; by loops where nothing is.
Result<void> run_bound(std::int64_t group,
                       const ConvState& state,
                       const ConvBound& bound,
                       KernelContext& context);

}  // namespace sluice::engine
