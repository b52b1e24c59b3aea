// com.microsoft: QLinearAveragePool, QLinearGlobalAveragePool.
// Spec: ContribOperators.md of ONNX Runtime (read 2026-11).
// Sums of x - x_zero are exact integers; y = round(sum / count * x_scale / y_scale) + y_zero, half
// to even, held to the range. x [N, C, places...], int8 or uint8 like y; any number of dimensions.
// count: the taps inside of the input, or with count_include_pad those inside of the padding too.
// Refused: channels_last 1.

#include <algorithm>
#include <utility>

#include "worker/engine/parallel.h"
#include "worker/ops/contrib/qlinear.h"
#include "worker/ops/nn/window.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

struct PoolParams {
  WindowParams window{};
  bool is_global = false;
  bool count_pads = false;
};

Result<void> refuse_channels_last(Attributes& attributes) {
  SLUICE_TRY_ASSIGN(const std::int64_t last, attributes.integer("channels_last", 0));
  return last == 0 ? Result<void>{} : Error{ErrorCode::unsupported, "channels_last 1"};
}

Result<PoolParams> parse_pool(const Node& node) {
  Attributes attributes(node);
  PoolParams params;
  SLUICE_TRY_ASSIGN(params.window, parse_window(attributes));
  SLUICE_TRY_ASSIGN(const std::int64_t ceil, attributes.integer("ceil_mode", 0));
  SLUICE_TRY_ASSIGN(const std::int64_t count, attributes.integer("count_include_pad", 0));
  SLUICE_TRY(refuse_channels_last(attributes));
  SLUICE_TRY(attributes.finish());
  params.window.ceil_mode = ceil != 0;
  params.count_pads = count != 0;
  if (params.window.kernel.empty()) {
    return Error{ErrorCode::data_corrupt, "has no kernel_shape"};
  }
  return params;
}

Result<PoolParams> parse_global(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY(refuse_channels_last(attributes));
  SLUICE_TRY(attributes.finish());
  return PoolParams{.is_global = true};
}

// Inputs: X, scale, zero, scale of Y, zero.
Result<OutputFacts> infer_pool(const PoolParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_byte(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() < 3) {
    return bad_input("input " + to_string(x.dims) + " has no places");
  }
  SLUICE_TRY(check_quant(facts, 1, x.datatype));
  SLUICE_TRY(check_quant(facts, 3, x.datatype));
  SLUICE_TRY_ASSIGN(const Window window, pool_window(params.window, params.is_global, x.dims));
  return one_output(x.datatype, pooled_dims(x.dims, window));
}

Result<Window> bind_pool(const PoolParams& params, BindContext& context) {
  return pool_window(params.window, params.is_global, context.inputs[0].dims);
}

struct Tally {
  std::int64_t sum = 0;      // of the bytes inside
  std::int64_t inside = 0;   // taps in the input
  std::int64_t counted = 0;  // taps in the input or its padding
};

// The taps of one output place, dimension by dimension.
template <class T>
void tally_taps(const Window& window,
                Dims in,
                std::span<const std::int64_t> place,
                std::size_t d,
                bool is_inside,
                const T* x,
                Tally& tally) {
  if (d == in.size()) {
    ++tally.counted;
    if (is_inside) {
      ++tally.inside;
      tally.sum += *x;
    }
    return;
  }
  const std::int64_t step = product(in, d + 1, in.size());
  const std::int64_t start = place[d] * window.strides[d] - window.pads_begin[d];
  for (std::int64_t k = 0; k < window.kernel[d]; ++k) {
    const std::int64_t at = start + k * window.dilations[d];
    const bool inside = at >= 0 && at < in[d];
    if (at < in[d] + window.pads_end[d]) {  // what hangs over the padding never counts
      tally_taps(window, in, place, d + 1, is_inside && inside, inside ? x + at * step : x, tally);
    }
  }
}

template <class T>
void run_as(const PoolParams& params, const Window& window, KernelContext& context) {
  const TensorView& view = context.input(0);
  TensorView& result = context.output(0);
  const Dims in = view.dims.subspan(2);
  const Quant from = quant_of(context, 1);
  const Quant to = quant_of(context, 3);
  const T* x = view.as<T>().data();
  T* y = result.mut<T>().data();
  const std::int64_t area = product(in, 0, in.size());
  const std::int64_t places = product(window.out, 0, window.out.size());
  const std::int64_t cost = places * product(window.kernel, 0, window.kernel.size()) + 1;
  const std::int64_t planes = view.dims[0] * view.dims[1];
  parallel_for(planes, 1 + 8'192 / cost, [&](std::int64_t begin, std::int64_t end) {
    Shape place(in.size());
    for (std::int64_t plane = begin; plane < end; ++plane) {
      for (std::int64_t i = 0; i < places; ++i) {
        std::int64_t rest = i;
        for (std::size_t d = in.size(); d > 0; --d) {
          place[d - 1] = rest % window.out[d - 1];
          rest /= window.out[d - 1];
        }
        Tally tally;
        tally_taps(window, in, place, 0, true, x + plane * area, tally);
        const std::int64_t count = params.count_pads ? tally.counted : tally.inside;
        const auto sum = static_cast<float>(tally.sum - tally.inside * from.zero);
        const float mean = count > 0 ? sum / static_cast<float>(count) : 0.0F;
        y[plane * places + i] = to.byte<T>(mean * from.scale);
      }
    }
  });
}

Result<void> run_pool(const PoolParams& params, const Window& window, KernelContext& context) {
  if (context.output(0).count > 0) {
    dispatch_byte(context.output(0).datatype,
                  [&](auto tag) { run_as<decltype(tag)>(params, window, context); });
  }
  return {};
}

template <auto Parse>
OperatorEntry pool_entry(const char* name) {
  return {.name = name,
          .domain = kMicrosoftDomain,
          .since = {1},
          .arity = {2, 5, 1},  // zero points may be left out
          .kernel = bound_kernel<Parse, infer_pool, bind_pool, run_pool>()};
}

}  // namespace

void register_qlinear_pool(Registry& registry) {
  registry.add(pool_entry<parse_pool>("QLinearAveragePool"));
  registry.add(pool_entry<parse_global>("QLinearGlobalAveragePool"));
}

}  // namespace sluice::engine
