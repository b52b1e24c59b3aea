// com.microsoft: QLinearAveragePool, QLinearGlobalAveragePool.
// Spec: ContribOperators.md of ONNX Runtime (read 2026-11).
// Sums of x - x_zero are exact integers; y = round(sum / count * x_scale / y_scale) + y_zero, half
// to even, held to the range. x [N, C, places...], int8 or uint8 like y; up to three spatial
// dimensions. count: the taps inside of the input, or with count_include_pad those inside of the
// padding too. Refused: channels_last 1.

#include <algorithm>
#include <vector>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/contrib/qlinear.h"
#include "worker/ops/nn/pool_taps.h"
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
  if (x.dims.size() > 5) {
    return Error{ErrorCode::unsupported,
                 "input " + to_string(x.dims) + " has more than 5 dimensions"};
  }
  SLUICE_TRY(check_quant(facts, 1, x.datatype));
  SLUICE_TRY(check_quant(facts, 3, x.datatype));
  SLUICE_TRY_ASSIGN(const Window window, pool_window(params.window, params.is_global, x.dims));
  return one_output(x.datatype, pooled_dims(x.dims, window));
}

Result<PoolTaps> bind_pool(const PoolParams& params, BindContext& context) {
  const Dims x = context.inputs[0].dims;
  SLUICE_TRY_ASSIGN(const Window window, pool_window(params.window, params.is_global, x));
  return pool_taps(window, x.subspan(2));
}

// The rows of a window are added place by place, then the places of that row.
template <class T>
struct AverageRow {
  const PoolTaps& taps;
  const Quant& from;
  const Quant& to;
  bool count_pads;
  const T* x;
  T* y;
  std::int32_t* sums;  // [width]

  void begin() const { std::fill_n(sums, taps.in[2], 0); }
  void add(std::int64_t at) const {
    for (std::int64_t i = 0; i < taps.in[2]; ++i) {
      sums[i] += x[at + i];
    }
  }
  void finish(std::int64_t at, const TapRange& depth, const TapRange& height) const {
    const std::int64_t rows = depth.inside() * height.inside();
    for (std::int64_t i = 0; i < taps.out[2]; ++i) {
      const TapRange& width = taps.ranges[2][static_cast<std::size_t>(i)];
      std::int64_t sum = 0;
      for (std::int64_t k = width.first; k < width.last; ++k) {
        sum += sums[width.start + k * taps.dilations[2]];
      }
      const std::int64_t inside = rows * width.inside();
      const std::int64_t count =
          count_pads ? depth.counted * height.counted * width.counted : inside;
      const auto whole = static_cast<float>(sum - inside * from.zero);
      const float mean = count > 0 ? whole / static_cast<float>(count) : 0.0F;
      y[at + i] = to.template byte<T>(mean * from.scale);
    }
  }
};

template <class T>
void run_as(const PoolParams& params, const PoolTaps& taps, KernelContext& context) {
  const TensorView& view = context.input(0);
  const Quant from = quant_of(context, 1);
  const Quant to = quant_of(context, 3);
  const T* x = view.as<T>().data();
  T* y = context.output(0).mut<T>().data();
  const std::int64_t planes = view.dims[0] * view.dims[1];
  parallel_for(planes, 1 + 16'384 / (taps.area() + 1), [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int32_t> sums(static_cast<std::size_t>(taps.in[2]));
    for (std::int64_t plane = begin; plane < end; ++plane) {
      for_pool_rows(taps,
                    AverageRow<T>{.taps = taps,
                                  .from = from,
                                  .to = to,
                                  .count_pads = params.count_pads,
                                  .x = x + plane * taps.area(),
                                  .y = y + plane * taps.places(),
                                  .sums = sums.data()});
    }
  });
}

Result<void> run_pool(const PoolParams& params, const PoolTaps& taps, KernelContext& context) {
  if (context.output(0).count > 0) {
    dispatch_byte(context.output(0).datatype,
                  [&](auto tag) { run_as<decltype(tag)>(params, taps, context); });
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
