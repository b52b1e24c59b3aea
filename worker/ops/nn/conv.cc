// Conv.
// Spec: https://onnx.ai/onnx/operators/onnx__Conv.html (read 2026-11).
// y = act(conv(x, w) + bias + residual); the last three may come from fused neighbours.
// Types: float32 (oneDNN with constant weights packed, channels-last), float64 and everything that
// oneDNN cannot (plain loops). Any number of groups; 1 to 3 spatial dimensions by oneDNN, more by
// the loops. float32 multiplies and adds in float32.

#include <cstring>
#include <utility>

#include "worker/ops/detail/dnnl_conv.h"
#include "worker/ops/math/activate.h"
#include "worker/ops/nn/conv_depthwise.h"
#include "worker/ops/nn/conv_depthwise_rows.h"
#include "worker/ops/nn/conv_direct.h"
#include "worker/ops/nn/conv_rows.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
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
      x.dims[1] != w.dims[1] * params.group || w.dims[0] % params.group != 0) {
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

struct ConvState {
  Tail tail{};
  std::shared_ptr<const detail::PackedFilter> filter{};
  std::vector<float> bias{};               // constant: the node's own, or a fused Add's
  std::vector<float> depthwise{};          // weights of conv_depthwise.h, instead of `filter`
  bool depthwise_rows = false;             // they are for conv_depthwise_rows.h
  std::shared_ptr<const ConvRows> rows{};  // likewise
};

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
  if (context.reference() || w == nullptr || w->datatype != DataType::float32 || w->rank() < 3 ||
      w->rank() > 5 || w->count == 0 || runtime_bias) {
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
  if (params.group > 1 || (!ConvRows::is_thin(w->dims) && !ConvRows::is_long(w->dims))) {
    state.filter = detail::PackedFilter::make(spec_of(params, state, x, w->dims, *window),
                                              w->as<float>().data());
  }
  if (state.filter == nullptr && depthwise) {
    state.depthwise = depthwise_weights(*w);
  }
  if (state.filter == nullptr && params.group == 1) {
    state.rows = std::make_shared<ConvRows>(*w);
  }
  if (state.filter != nullptr || state.rows != nullptr) {
    context.consume(1);
    if (own != nullptr) {
      context.consume(2);
    }
  }
  return state;
}

struct ConvBound {
  Window window{};
  std::shared_ptr<detail::Convolution> primitive{};
  bool activates = true;  // the primitive does the tail's activation
};

Result<ConvBound> bind_conv(const ConvParams& params,
                            const ConvState& state,
                            BindContext& context) {
  const TensorView& x = context.inputs[0];
  const TensorView& w = context.inputs[1];
  ConvBound bound;
  SLUICE_TRY_ASSIGN(bound.window, window_of(params, x.dims, w.dims));
  const auto residual = state.tail.residual;
  if (residual && !std::equal(context.inputs[*residual].dims.begin(),
                              context.inputs[*residual].dims.end(),
                              context.outputs[0].dims.begin(),
                              context.outputs[0].dims.end())) {
    return bad_input("shapes " + to_string(context.outputs[0].dims) + " and " +
                     to_string(context.inputs[*residual].dims) +
                     " are added, which the model's declared shapes do not allow");
  }
  context.implementation = state.rows != nullptr      ? "rows"
                           : state.depthwise_rows     ? "depthwise rows"
                           : !state.depthwise.empty() ? "depthwise"
                                                      : "loops";
  if (state.rows != nullptr) {
    context.scratch_size = state.rows->scratch_size(bound.window, x.dims);
  }
  if (state.filter == nullptr || context.outputs[0].count == 0) {
    return bound;
  }
  detail::ConvSpec spec = spec_of(params, state, x.dims, w.dims, bound.window);
  if (context.keep_nan && loses_nan(state.tail.activation)) {
    bound.activates = false;
    spec.tail.activation = Activation::none;
  }
  bound.primitive = detail::Convolution::make(spec, state.filter);
  if (bound.primitive == nullptr) {
    return Error{ErrorCode::internal, "no kernel for its packed weights"};
  }
  context.scratch_size = bound.primitive->scratch_size();
  context.implementation = bound.primitive->implementation();
  return bound;
}

void apply_tail(const Tail& tail, const TensorView* residual, TensorView& y) {
  if (residual != nullptr) {
    SLUICE_CHECK(residual->layout == y.layout);
    float* out = y.mut<float>().data();
    simd::accumulate(residual->as<float>().data(), out, y.count);
  }
  activate(tail, y);
}

Result<void> run_loops(const ConvParams& params,
                       const ConvState& state,
                       const ConvBound& bound,
                       KernelContext& context) {
  TensorView& y = context.output(0);
  const bool own_bias = context.has_input(2);
  if (y.datatype == DataType::float64) {
    const double* bias = own_bias ? context.input(2).as<double>().data() : nullptr;
    conv_direct(context.input(0), context.input(1), bias, bound.window, params.group, y);
    return {};
  }
  const float* bias = !state.bias.empty() ? state.bias.data()
                      : own_bias          ? context.input(2).as<float>().data()
                                          : nullptr;
  const TensorView* residual = state.tail.residual ? &context.input(*state.tail.residual) : nullptr;
  Tensor saved;  // the loops overwrite y, which may be where the residual lies
  TensorView saved_view;
  if (residual != nullptr && residual->data == y.data) {
    SLUICE_TRY_ASSIGN(saved, Tensor::create(y.datatype, {y.dims.begin(), y.dims.end()}));
    saved_view = saved.view();
    copy_elements(*residual, saved_view);
    saved_view.layout = y.layout;
    residual = &saved_view;
  }
  if (state.depthwise_rows && y.layout == Layout::channels_last) {
    conv_depthwise_rows(context.input(0), state.depthwise, bias, bound.window, state.tail, y);
    return {};
  }
  if (!state.depthwise.empty() && y.layout == Layout::channels_last) {
    conv_depthwise(context.input(0), state.depthwise, bias, bound.window, y);
  } else {
    conv_direct(context.input(0), context.input(1), bias, bound.window, params.group, y);
  }
  apply_tail(state.tail, residual, y);
  return {};
}

// y holds the residual, where there is one.
void run_rows(const ConvState& state, const ConvBound& bound, KernelContext& context) {
  TensorView& y = context.output(0);
  const bool adds = state.tail.residual.has_value();
  const std::int64_t channels = y.dims[1];
  float* const out = y.mut<float>().data();
  for (std::int64_t at = 0; adds && !state.bias.empty() && at < y.count; at += channels) {
    simd::accumulate(state.bias.data(), out + at, channels);
  }
  state.rows->run(context.input(0),
                  state.bias.empty() ? nullptr : state.bias.data(),
                  adds,
                  bound.window,
                  state.tail,
                  context.scratch().data(),
                  y);
  if (state.rows->leaves_activation()) {
    activate(state.tail, y);
  }
}

Result<void> run_conv(const ConvParams& params,
                      const ConvState& state,
                      const ConvBound& bound,
                      KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  if (bound.primitive == nullptr && state.rows == nullptr) {
    return run_loops(params, state, bound, context);
  }
  if (state.tail.residual) {
    copy_elements(context.input(*state.tail.residual), y);  // nothing, where they share memory
  }
  if (state.rows != nullptr) {
    run_rows(state, bound, context);
    return {};
  }
  bound.primitive->run(context.input(0).as<float>().data(),
                       state.bias.data(),
                       y.mut<float>().data(),
                       context.scratch().data());
  if (!bound.activates) {
    activate(state.tail, y);
  }
  return {};
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
       .tame = true});
}

}  // namespace sluice::engine
