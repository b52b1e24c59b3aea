// Conv.
// Spec: https://onnx.ai/onnx/operators/onnx__Conv.html (read 2026-11).
// y = act(conv(x, w) + bias + residual); the last three may come from fused neighbours.
// Types: float32 (channels-last, constant weights packed for oneDNN or a kernel of ours, conv_*.h),
// float64 and everything that those cannot (plain loops). Any number of groups; more than 3 spatial
// dimensions by the loops. float32 multiplies and adds in float32.

#include <algorithm>
#include <optional>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/detail/dnnl_conv.h"
#include "worker/ops/math/activate.h"
#include "worker/ops/nn/conv_bound.h"
#include "worker/ops/nn/conv_depthwise.h"
#include "worker/ops/nn/conv_depthwise_rows.h"
#include "worker/ops/nn/conv_rows.h"
#include "worker/ops/nn/conv_winograd.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct ConvParams {
  WindowParams window{};
  std::int64_t group = 1;
};

Result<ConvParams> parse_conv(const Node& node) {
  Attributes attributes(node);
  ConvParams params;
  SLUICE_TRY_ASSIGN(params.window, parse_window(attributes));
  SLUICE_TRY_ASSIGN(params.group, attributes.integer("group", 1));
  SLUICE_TRY(attributes.finish());
  if (params.group < 1) {
    return Error{ErrorCode::data_corrupt, "group is " + std::to_string(params.group)};
  }
  return params;
}

Result<Window> window_of(const ConvParams& params, Dims x, Dims w) {
  return resolve_window(params.window, x.subspan(2), w.subspan(2));
}

Result<OutputFacts> infer_conv(const ConvParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& w = facts.at(1);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (w.datatype != x.datatype || (facts.has(2) && facts.at(2).datatype != x.datatype)) {
    return bad_input("its inputs have different datatypes");
  }
  if (x.dims.size() < 3 || w.dims.size() != x.dims.size() ||
      !fits_groups(x.dims, w.dims, params.group)) {
    return bad_input("input " + to_string(x.dims) + " does not fit weights " + to_string(w.dims) +
                     " in " + std::to_string(params.group) + " groups");
  }
  if (facts.has(2) && (facts.at(2).dims.size() != 1 || facts.at(2).dims[0] != w.dims[0])) {
    return bad_input("bias " + to_string(facts.at(2).dims) + " does not fit " +
                     std::to_string(w.dims[0]) + " filters");
  }
  if (!params.window.kernel.empty() && !std::equal(w.dims.begin() + 2,
                                                   w.dims.end(),
                                                   params.window.kernel.begin(),
                                                   params.window.kernel.end())) {
    return bad_input("kernel_shape " + to_string(params.window.kernel) +
                     " is not that of weights " + to_string(w.dims));
  }
  SLUICE_TRY_ASSIGN(const Window window, window_of(params, x.dims, w.dims));
  Shape dims{x.dims[0], w.dims[0]};
  dims.insert(dims.end(), window.out.begin(), window.out.end());
  return one_output(x.datatype, std::move(dims));
}

detail::ConvSpec spec_of(
    const ConvParams& params, const ConvState& state, Dims x, Dims w, const Window& window) {
  detail::ConvSpec spec{.x_dims = {x.begin(), x.end()},
                        .w_dims = {w.begin(), w.end()},
                        .y_dims = {x[0], w[0]},
                        .strides = window.strides,
                        .dilations = window.dilations,
                        .pads_begin = window.pads_begin,
                        .pads_end = window.pads_end,
                        .group = params.group,
                        .has_bias = !state.bias.empty(),
                        .tail = state.tail};
  spec.y_dims.insert(spec.y_dims.end(), window.out.begin(), window.out.end());
  return spec;
}

// Dims to pack for when the model does not say: an image that the kernel fits.
Shape likely_input(const ConvParams& params, Dims w) {
  Shape dims{1, w[1] * params.group};
  for (std::size_t d = 2; d < w.size(); ++d) {
    dims.push_back(56 + w[d]);
  }
  return dims;
}

// oneDNN has no kernel for channels of their own whose taps lie apart, nor for other than two
// dimensions: it takes each for a group of a vector.
bool is_dilated(const Window& window) {
  for (std::size_t d = 0; d < window.kernel.size(); ++d) {
    if (window.kernel[d] > 1 && window.dilations[d] > 1) {
      return true;
    }
  }
  return false;
}

Result<ConvState> prepare_conv(const ConvParams& params, PrepareContext& context) {
  ConvState state{.tail = context.tail()};
  SLUICE_TRY_ASSIGN(const TensorView* const fused, context.tail_bias());
  SLUICE_TRY_ASSIGN(const TensorView* const own, context.constant(2));
  const TensorView* const bias = fused != nullptr ? fused : own;
  if (bias != nullptr && bias->datatype == DataType::float32) {
    state.bias.assign(bias->as<float>().begin(), bias->as<float>().end());
  }
  SLUICE_TRY_ASSIGN(const TensorView* const w, context.constant(1));
  const bool runtime_bias = context.node().has_input(2) && own == nullptr;
  if (context.reference()) {
    return state;
  }
  state.packs_in_runs = w == nullptr || runtime_bias;
  if (state.packs_in_runs || w->datatype != DataType::float32 || w->rank() < 3 || w->rank() > 5 ||
      w->count == 0 || w->dims[0] % params.group != 0) {
    return state;
  }
  const Shape* known = context.typical_dims(0);
  // Guessed extents may be less than the kernel's.
  const bool usable = known != nullptr && known->size() == w->rank() && known->front() > 0 &&
                      window_of(params, *known, w->dims);
  const Shape x = usable ? *known : likely_input(params, w->dims);
  auto window = window_of(params, x, w->dims);
  if (!window) {
    return state;  // the run's infer will say what is wrong
  }
  const bool depthwise = w->dims[0] == params.group && w->dims[1] == 1;
  state.depthwise_rows = depthwise && fits_depthwise_rows(params.window, state.tail, w->dims);
  if (state.depthwise_rows) {
    state.depthwise = depthwise_weights(*w);
    return state;
  }
  if (depthwise && (w->rank() != 4 || is_dilated(*window))) {
    state.depthwise = depthwise_weights(*w);
    return state;
  }
  if (params.group == 1 && ConvPoints::pays(w->dims, *window)) {
    state.points = std::make_shared<ConvPoints>(*w);
    context.consume(1);
    if (own != nullptr) {
      context.consume(2);
    }
    return state;
  }
  if (usable && params.group == 1 && ConvWinograd::pays(w->dims, *window)) {
    state.winograd = std::make_shared<ConvWinograd>(*w);
  }
  // Behind what can make NaN of finite numbers, images that have some are met in any run.
  const bool direct = state.winograd == nullptr || !context.tame();
  if (direct &&
      (params.group > 1 || (!ConvRows::is_thin(w->dims) && !ConvRows::is_long(w->dims)))) {
    state.filter = detail::PackedFilter::make(spec_of(params, state, x, w->dims, *window),
                                              w->as<float>().data());
  }
  if (state.filter == nullptr && depthwise) {
    state.depthwise = depthwise_weights(*w);
  }
  if (direct && state.filter == nullptr && params.group == 1) {
    state.rows = std::make_shared<ConvRows>(*w);
  }
  if (state.filter != nullptr || state.rows != nullptr || state.winograd != nullptr) {
    context.consume(1);
    if (own != nullptr) {
      context.consume(2);
    }
  }
  return state;
}

// Kernels that multiply directly.
struct Direct {
  std::shared_ptr<const detail::PackedFilter> filter{};
  std::shared_ptr<const ConvRows> rows{};
};

// As packed in prepare; packed for this binding alone where that did so for Winograd's method.
Direct direct_of(const ConvState& state, const detail::ConvSpec& spec, TensorView w) {
  if (state.winograd == nullptr || state.filter != nullptr || state.rows != nullptr) {
    return {.filter = state.filter, .rows = state.rows};
  }
  std::vector<float> weights = state.winograd->restored();
  w.data = weights.data();
  w.layout = Layout::plain;
  if (auto filter = detail::PackedFilter::make(spec, weights.data())) {
    return {.filter = std::move(filter)};
  }
  return {.rows = std::make_shared<ConvRows>(w)};
}

// Binds a kernel for weights, or a bias, that no more than a run knows; false: there are the loops.
bool bind_unpacked(const ConvState& state,
                   detail::ConvSpec spec,
                   BindContext& context,
                   ConvBound& bound) {
  const TensorView& w = context.inputs[1];
  if (!state.packs_in_runs || w.datatype != DataType::float32 || w.rank() < 3 || w.rank() > 5 ||
      w.count == 0) {
    return false;
  }
  spec.has_bias = spec.has_bias || context.has_input(2);
  const bool activates = !context.keep_nan || !loses_nan(state.tail.activation);
  if (!activates) {
    spec.tail.activation = Activation::none;
  }
  auto primitive = detail::Convolution::make_unpacked(spec);
  if (primitive == nullptr) {
    return false;
  }
  bound.packs = true;
  bound.activates = activates;
  bound.primitive = std::move(primitive);
  context.scratch_size = bound.primitive->scratch_size();
  context.implementation = bound.primitive->implementation();
  return true;
}

Result<void> bind_direct(const ConvParams& params,
                         const ConvState& state,
                         Dims x,
                         BindContext& context,
                         ConvBound& bound) {
  const TensorView& w = context.inputs[1];
  detail::ConvSpec spec = spec_of(params, state, x, w.dims, bound.window);
  if (bind_unpacked(state, spec, context, bound)) {
    return {};
  }
  if (state.points != nullptr) {
    bound.by_points = true;
    context.scratch_size = state.points->scratch_size(bound.window, context.outputs[0].dims);
    context.implementation = "points";
    return {};
  }
  Direct direct = direct_of(state, spec, w);
  bound.rows = std::move(direct.rows);
  if (direct.filter == nullptr) {
    context.implementation = bound.rows != nullptr      ? "rows"
                             : state.depthwise_rows     ? "depthwise rows"
                             : !state.depthwise.empty() ? "depthwise"
                                                        : "loops";
    context.scratch_size = bound.rows != nullptr ? bound.rows->scratch_size(bound.window, x) : 0;
    return {};
  }
  if (context.keep_nan && loses_nan(state.tail.activation)) {
    bound.activates = false;
    spec.tail.activation = Activation::none;
  }
  bound.primitive = detail::Convolution::make(spec, std::move(direct.filter));
  if (bound.primitive == nullptr) {
    return Error{ErrorCode::internal, "no kernel for its packed weights"};
  }
  context.scratch_size = bound.primitive->scratch_size();
  context.implementation = bound.primitive->implementation();
  return {};
}

Result<ConvBound> bind_conv(const ConvParams& params,
                            const ConvState& state,
                            BindContext& context) {
  const TensorView& x = context.inputs[0];
  const TensorView& w = context.inputs[1];
  const TensorView& y = context.outputs[0];
  ConvBound bound;
  SLUICE_TRY_ASSIGN(bound.window, window_of(params, x.dims, w.dims));
  const auto residual = state.tail.residual;
  if (residual && !std::ranges::equal(context.inputs[*residual].dims, y.dims)) {
    return bad_input("shapes " + to_string(y.dims) + " and " +
                     to_string(context.inputs[*residual].dims) +
                     " are added, which the model's declared shapes do not allow");
  }
  if (y.count == 0) {
    return bound;
  }
  if (state.winograd == nullptr) {
    SLUICE_TRY(bind_direct(params, state, x.dims, context, bound));
    return bound;
  }
  bound.looks = context.keep_nan;
  if (bound.looks) {
    Shape one(x.dims.begin(), x.dims.end());
    one[0] = 1;
    SLUICE_TRY(bind_direct(params, state, one, context, bound));
  }
  bound.blocks = state.winograd->blocks_for(y.dims, team_size());
  context.scratch_size =
      std::max(context.scratch_size, state.winograd->scratch_size(*bound.blocks));
  context.implementation = "winograd 4x4";
  return bound;
}

Result<void> run_conv(const ConvParams& params,
                      const ConvState& state,
                      const ConvBound& bound,
                      KernelContext& context) {
  return run_bound(params.group, state, bound, context);
}

}  // namespace

void register_conv(Registry& registry) {
  registry.add(
      {.name = "Conv",
       .since = {1, 11, 22},
       .arity = {2, 3, 1},
       .kernel = prepared_kernel<parse_conv, infer_conv, prepare_conv, bind_conv, run_conv>(),
       .layout = LayoutRule::channels_last,
       .fuses_tail = true,
       .fuses_residual = true,
       .tame = true,
       .spreads_nan = true});
}

}  // namespace sluice::engine
