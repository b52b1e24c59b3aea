// GlobalLpPool, LpPool.
// Spec: https://onnx.ai/onnx/operators/onnx__LpPool.html, onnx__GlobalLpPool.html (read 2026-11).
// y = (sum over the window of |x|^p)^(1/p); padding adds nothing. x [N, C, places...], any number
// of dimensions. Types: float32, float64; sums in double. Opsets: p is a float in version 1, an
// integer since 2; ceil_mode and dilations since 18.

#include <algorithm>
#include <cmath>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct LpParams {
  WindowParams window{};
  bool is_global = false;
  double p = 2;
};

Result<void> parse_power(const Node& node, Attributes& attributes, LpParams& params) {
  if (node.since < 2) {
    SLUICE_TRY_ASSIGN(const float p, attributes.real("p", 2.0F));
    params.p = static_cast<double>(p);
  } else {
    SLUICE_TRY_ASSIGN(const std::int64_t p, attributes.integer("p", 2));
    params.p = static_cast<double>(p);
  }
  if (!(params.p > 0)) {
    return Error{ErrorCode::data_corrupt, "p is " + std::to_string(params.p)};
  }
  return {};
}

Result<LpParams> parse_pool(const Node& node) {
  Attributes attributes(node);
  LpParams params;
  SLUICE_TRY_ASSIGN(params.window, parse_window(attributes));
  SLUICE_TRY(parse_power(node, attributes, params));
  if (!params.window.dilations.empty() && node.since < 18) {
    return Error{ErrorCode::unsupported, "has dilations, which its version does not know"};
  }
  if (node.since >= 18) {
    SLUICE_TRY_ASSIGN(const std::int64_t ceil, attributes.integer("ceil_mode", 0));
    params.window.ceil_mode = ceil != 0;
  }
  SLUICE_TRY(attributes.finish());
  if (params.window.kernel.empty()) {
    return Error{ErrorCode::data_corrupt, "has no kernel_shape"};
  }
  return params;
}

Result<LpParams> parse_global(const Node& node) {
  Attributes attributes(node);
  LpParams params{.is_global = true};
  SLUICE_TRY(parse_power(node, attributes, params));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_pool(const LpParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() < 3) {
    return bad_input("input " + to_string(x.dims) + " has no places");
  }
  SLUICE_TRY_ASSIGN(const Window window, pool_window(params.window, params.is_global, x.dims));
  return one_output(x.datatype, pooled_dims(x.dims, window));
}

Result<Window> bind_pool(const LpParams& params, BindContext& context) {
  return pool_window(params.window, params.is_global, context.inputs[0].dims);
}

// Sum of |x|^p over the taps of one place that lie inside, from dimension `d` on.
template <class T>
double sum_taps(const LpParams& params,
                const Window& window,
                Dims in,
                std::span<const std::int64_t> place,
                std::size_t d,
                const T* x) {
  if (d == in.size()) {
    const double value = std::abs(static_cast<double>(*x));
    return params.p == 2 ? value * value : params.p == 1 ? value : std::pow(value, params.p);
  }
  const std::int64_t step = product(in, d + 1, in.size());
  const std::int64_t start = place[d] * window.strides[d] - window.pads_begin[d];
  double sum = 0;
  for (std::int64_t k = 0; k < window.kernel[d]; ++k) {
    const std::int64_t at = start + k * window.dilations[d];
    if (at >= 0 && at < in[d]) {
      sum += sum_taps(params, window, in, place, d + 1, x + at * step);
    }
  }
  return sum;
}

template <class T>
void run_as(const LpParams& params, const Window& window, KernelContext& context) {
  const TensorView& view = context.input(0);
  const Dims in = view.dims.subspan(2);
  const T* x = view.as<T>().data();
  T* y = context.output(0).mut<T>().data();
  const std::int64_t area = product(in, 0, in.size());
  const std::int64_t places = product(window.out, 0, window.out.size());
  const std::int64_t cost = places * product(window.kernel, 0, window.kernel.size()) + 1;
  parallel_for(
      view.dims[0] * view.dims[1], 1 + 8'192 / cost, [&](std::int64_t begin, std::int64_t end) {
        Shape place(in.size());
        for (std::int64_t plane = begin; plane < end; ++plane) {
          for (std::int64_t i = 0; i < places; ++i) {
            std::int64_t rest = i;
            for (std::size_t d = in.size(); d > 0; --d) {
              place[d - 1] = rest % window.out[d - 1];
              rest /= window.out[d - 1];
            }
            const double sum = sum_taps(params, window, in, place, 0, x + plane * area);
            y[plane * places + i] = static_cast<T>(params.p == 2   ? std::sqrt(sum)
                                                   : params.p == 1 ? sum
                                                                   : std::pow(sum, 1 / params.p));
          }
        }
      });
}

Result<void> run_pool(const LpParams& params, const Window& window, KernelContext& context) {
  if (context.output(0).count == 0) {
    return {};
  }
  if (context.input(0).datatype == DataType::float32) {
    run_as<float>(params, window, context);
  } else {
    run_as<double>(params, window, context);
  }
  return {};
}

}  // namespace

void register_lp_pool(Registry& registry) {
  registry.add({.name = "GlobalLpPool",
                .since = {1, 2, 22},
                .kernel = bound_kernel<parse_global, infer_pool, bind_pool, run_pool>(),
                .tame = true});
  registry.add({.name = "LpPool",
                .since = {1, 2, 11, 18, 22},
                .kernel = bound_kernel<parse_pool, infer_pool, bind_pool, run_pool>(),
                .tame = true});
}

}  // namespace sluice::engine
