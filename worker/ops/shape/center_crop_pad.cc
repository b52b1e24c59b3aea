// CenterCropPad: the middle of a tensor, with nothing around where it is too small.
// Spec: https://onnx.ai/onnx/operators/onnx__CenterCropPad.html (read 2026-11).
// Types: all. The odd element more is cut or put at the end. `axes` may be fewer than all.

#include <algorithm>
#include <numeric>
#include <utility>

#include "worker/ops/elements.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct CenterParams {
  std::vector<std::int64_t> axes{};  // empty: all
};

Result<CenterParams> parse_center(const Node& node) {
  Attributes attributes(node);
  CenterParams params;
  SLUICE_TRY_ASSIGN(params.axes, attributes.integers("axes"));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_center(const CenterParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  SLUICE_TRY_ASSIGN(const KnownIntegers shape, known_integers(facts, 1));
  if (!shape) {
    return data_dependent(x.datatype);
  }
  std::vector<std::int64_t> axes = params.axes;
  if (axes.empty()) {
    axes.resize(x.dims.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (axes.size() != shape->size() ||
      std::ranges::any_of(*shape, [](std::int64_t extent) { return extent < 0; })) {
    return bad_input("shape " + to_string(*shape) + " is none for " + std::to_string(axes.size()) +
                     " axes");
  }
  Shape dims(x.dims.begin(), x.dims.end());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(axes[i], dims.size()));
    dims[axis] = (*shape)[i];
  }
  return one_output(x.datatype, std::move(dims));
}

struct CenterBound {
  StridedCopy box{};
  std::int64_t from = 0;
  std::int64_t to = 0;
  bool pads = false;
};

Result<CenterBound> bind_center(const CenterParams&, BindContext& context) {
  const Dims in = context.inputs[0].dims;
  const Dims out = context.outputs[0].dims;
  StridedCopy box{.from = strides_of(in), .to = strides_of(out)};
  CenterBound bound;
  for (std::size_t d = 0; d < in.size(); ++d) {
    box.extents.push_back(std::min(in[d], out[d]));
    bound.from += std::max<std::int64_t>(in[d] - out[d], 0) / 2 * box.from[d];
    bound.to += std::max<std::int64_t>(out[d] - in[d], 0) / 2 * box.to[d];
    bound.pads = bound.pads || out[d] > in[d];
  }
  bound.box = merged(box);
  return bound;
}

Result<void> run_center(const CenterParams&, const CenterBound& bound, KernelContext& context) {
  TensorView& y = context.output(0);
  dispatch_element(y.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    if (bound.pads) {
      std::fill_n(elements<T>(y), y.count, T{});
    }
    if (y.count > 0 && context.input(0).count > 0) {
      copy_strided(
          bound.box, elements<T>(context.input(0)) + bound.from, elements<T>(y) + bound.to);
    }
  });
  return {};
}

}  // namespace

void register_center_crop_pad(Registry& registry) {
  registry.add({.name = "CenterCropPad",
                .since = {18},
                .arity = {2, 2, 1},
                .kernel = bound_kernel<parse_center, infer_center, bind_center, run_center>(),
                .halves = HalfRule::native,
                .tame = true});
}

}  // namespace sluice::engine
