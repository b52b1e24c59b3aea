// BlackmanWindow, HammingWindow, HannWindow: weights that fade a piece of a signal in and out.
// Spec: https://onnx.ai/onnx/operators/onnx__HannWindow.html and its neighbours (read 2026-11).
// With n elements, m = n where periodic (the default), n - 1 where symmetric, t = 2 pi i / m:
//
//   Hann      0.5 - 0.5 cos t
//   Hamming   25/46 - 21/46 cos t
//   Blackman  0.42 - 0.5 cos t + 0.08 cos 2t
//
// Types: the size is int32 or int64; the result any number (float32 by default), computed in
// double; integers are truncated. A window of one element is 1, also a symmetric one.

#include <array>
#include <cmath>
#include <numbers>

#include "common/tensor/small_float.h"
#include "worker/engine/graph/onnx_types.h"
#include "worker/engine/machine/parallel.h"
#include "worker/ops/known.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// Factors of 1, cos t and cos 2t.
using Cosines = std::array<double, 3>;

constexpr Cosines kBlackman{0.42, -0.5, 0.08};
constexpr Cosines kHamming{25.0 / 46.0, -21.0 / 46.0, 0};
constexpr Cosines kHann{0.5, -0.5, 0};

struct WindowParams {
  Cosines cosines{};
  bool periodic = true;
  DataType datatype = DataType::float32;
};

template <const Cosines& kCosines>
Result<WindowParams> parse_window(const Node& node) {
  Attributes attributes(node);
  WindowParams params{.cosines = kCosines};
  SLUICE_TRY_ASSIGN(const std::int64_t periodic, attributes.integer("periodic", 1));
  params.periodic = periodic != 0;
  SLUICE_TRY_ASSIGN(params.datatype,
                    datatype_attribute(attributes, "output_datatype", DataType::float32));
  SLUICE_TRY(attributes.finish());
  if (!is_number(params.datatype) && !is_half(params.datatype)) {
    return unsupported_type(params.datatype);
  }
  return params;
}

Result<OutputFacts> infer_window(const WindowParams& params, const InputFacts& facts) {
  SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(facts.at(0).dims));
  if (count != 1) {
    return bad_input("its size is " + to_string(facts.at(0).dims) + ", not one number");
  }
  SLUICE_TRY_ASSIGN(const KnownIntegers size, known_integers(facts, 0));
  if (!size) {
    return data_dependent(params.datatype);
  }
  if (size->front() < 0) {
    return bad_input("a window of " + std::to_string(size->front()));
  }
  return one_output(params.datatype, {size->front()});
}

double weight(const WindowParams& params, std::int64_t i, std::int64_t count) {
  const std::int64_t period = params.periodic ? count : count - 1;
  if (count == 1) {
    return 1;
  }
  const double t = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(period);
  return params.cosines[0] + params.cosines[1] * std::cos(t) + params.cosines[2] * std::cos(2 * t);
}

Result<void> run_window(const WindowParams& params, KernelContext& context) {
  TensorView& y = context.output(0);
  const auto fill = [&](auto* to, const auto& convert) {
    parallel_for(y.count, 1'024, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        to[i] = convert(weight(params, i, y.count));
      }
    });
  };
  if (y.datatype == DataType::float16) {
    fill(y.mut<Float16>().data(), [](double w) { return narrow<Float16>(to_odd(w)); });
  } else if (y.datatype == DataType::bfloat16) {
    fill(y.mut<BFloat16>().data(), [](double w) { return narrow<BFloat16>(to_odd(w)); });
  } else {
    dispatch_number(y.datatype, [&](auto tag) {
      using T = decltype(tag);
      // Blackman's ends are a rounding error below 0, which no unsigned integer holds.
      fill(y.mut<T>().data(),
           [](double w) { return std::is_integral_v<T> && w < 0 ? T{0} : static_cast<T>(w); });
    });
  }
  return {};
}

template <const Cosines& kCosines>
OperatorEntry window_entry(const char* name) {
  return {.name = name,
          .since = {17},
          .kernel = kernel<parse_window<kCosines>, infer_window, run_window>(),
          .halves = HalfRule::native,
          .tame = true};
}

}  // namespace

void register_signal_window(Registry& registry) {
  registry.add(window_entry<kBlackman>("BlackmanWindow"));
  registry.add(window_entry<kHamming>("HammingWindow"));
  registry.add(window_entry<kHann>("HannWindow"));
}

}  // namespace sluice::engine
