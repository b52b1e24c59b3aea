#include "worker/ops/nn/conv_bound.h"

#include "worker/engine/values/finite.h"
#include "worker/ops/math/activate.h"
#include "worker/ops/nn/conv_depthwise.h"
#include "worker/ops/nn/conv_depthwise_rows.h"
#include "worker/ops/nn/conv_direct.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

void apply_tail(const Tail& tail, const TensorView* residual, TensorView& y) {
  if (residual != nullptr) {
    SLUICE_CHECK(residual->layout == y.layout);
    float* out = y.mut<float>().data();
    simd::accumulate(residual->as<float>().data(), out, y.count);
  }
  activate(tail, y);
}

Result<void> run_loops(std::int64_t group,
                       const ConvState& state,
                       const ConvBound& bound,
                       KernelContext& context) {
  TensorView& y = context.output(0);
  const bool own_bias = context.has_input(2);
  if (y.datatype == DataType::float64) {
    const double* bias = own_bias ? context.input(2).as<double>().data() : nullptr;
    conv_direct(context.input(0), context.input(1), bias, bound.window, group, y);
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
    conv_direct(context.input(0), context.input(1), bias, bound.window, group, y);
  }
  apply_tail(state.tail, residual, y);
  return {};
}

// In these, y holds the residual, where there is one.
void run_rows(const ConvState& state,
              const ConvBound& bound,
              const TensorView& x,
              std::byte* scratch,
              TensorView& y) {
  const bool adds = state.tail.residual.has_value();
  const float* const bias = state.bias.empty() ? nullptr : state.bias.data();
  bound.rows->run(x, bias, adds, bound.window, state.tail, scratch, y);
  if (bound.rows->leaves_activation()) {
    activate(state.tail, y);
  }
}

void run_direct(const ConvState& state,
                const ConvBound& bound,
                const TensorView& x,
                std::byte* scratch,
                TensorView& y) {
  if (bound.rows != nullptr) {
    return run_rows(state, bound, x, scratch, y);
  }
  if (bound.by_points) {
    return state.points->run(x,
                             state.bias.empty() ? nullptr : state.bias.data(),
                             state.tail.residual.has_value(),
                             bound.window,
                             state.tail,
                             scratch,
                             y);
  }
  bound.primitive->run(x.as<float>().data(), state.bias.data(), y.mut<float>().data(), scratch);
  if (!bound.activates) {
    activate(state.tail, y);
  }
}

// As run_direct, of weights and a bias that this run has.
void run_unpacked(const ConvState& state, const ConvBound& bound, KernelContext& context) {
  TensorView& y = context.output(0);
  const float* const bias = state.bias.empty() && context.has_input(2)
                                ? context.input(2).as<float>().data()
                                : state.bias.data();
  bound.primitive->pack(context.input(1).as<float>().data());
  bound.primitive->run(
      context.input(0).as<float>().data(), bias, y.mut<float>().data(), context.scratch().data());
  if (!bound.activates) {
    activate(state.tail, y);
  }
}

void run_winograd(const ConvState& state,
                  const ConvBound& bound,
                  const TensorView& x,
                  std::byte* scratch,
                  TensorView& y) {
  state.winograd->run(x,
                      state.bias.empty() ? nullptr : state.bias.data(),
                      state.tail.residual.has_value(),
                      bound.window,
                      state.tail,
                      *bound.blocks,
                      scratch,
                      y);
}

// One of the images of a batch. `dims` is where its own are kept.
TensorView image_of(const TensorView& images, std::int64_t n, Shape& dims) {
  dims.assign(images.dims.begin(), images.dims.end());
  dims[0] = 1;
  TensorView image = images;
  image.dims = dims;
  image.count = images.count / images.dims[0];
  image.data = static_cast<float*>(images.data) + n * image.count;
  return image;
}

// Each image by the method that is for it alone: its numbers must not hang on its company.
void run_looking(const ConvState& state,
                 const ConvBound& bound,
                 const TensorView& x,
                 std::byte* scratch,
                 TensorView& y) {
  Shape x_dims;
  Shape y_dims;
  for (std::int64_t n = 0; n < x.dims[0]; ++n) {
    const TensorView from = image_of(x, n, x_dims);
    TensorView to = image_of(y, n, y_dims);
    if (all_finite(from.datatype, from.bytes())) {
      run_winograd(state, bound, from, scratch, to);
    } else {
      run_direct(state, bound, from, scratch, to);
    }
  }
}

}  // namespace

Result<void> run_bound(std::int64_t group,
                       const ConvState& state,
                       const ConvBound& bound,
                       KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  if (bound.primitive == nullptr && bound.rows == nullptr && !bound.by_points && !bound.blocks) {
    return run_loops(group, state, bound, context);
  }
  if (state.tail.residual) {
    copy_elements(context.input(*state.tail.residual), y);  // nothing, where they share memory
  }
  if (bound.packs) {
    run_unpacked(state, bound, context);
    return {};
  }
  const auto run = !bound.blocks ? run_direct : bound.looks ? run_looking : run_winograd;
  run(state, bound, context.input(0), context.scratch().data(), y);
  return {};
}

}  // namespace sluice::engine
