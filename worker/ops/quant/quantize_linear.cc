// DequantizeLinear, QuantizeLinear.
// Spec: https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html and its neighbour (read 2026-11).
//   quantised = saturate(round_half_even(x / scale) + zero point)   (float8: rounded to the format)
//   x = (quantised - zero point) * scale
// Types: float32, float16, bfloat16 and (to be quantised) int32; uint8, int8, and since 19 float8,
// since 21 16-bit and 4-bit integers. The quotient has the precision of the scale unless
// `precision` (23) says another; a NaN becomes the lowest integer. Scales: one for all; since 13
// one for each position of `axis`; since 21 one for each block of `block_size` positions
// (spread.h). Refused: float4e2m1, float8e8m0.

#include <algorithm>
#include <array>
#include <limits>

#include "worker/engine/graph/onnx_types.h"
#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/layout.h"
#include "worker/ops/elements.h"
#include "worker/ops/quant/spread.h"
#include "worker/ops/register.h"
#include "worker/ops/shape/cast_convert.h"
#include "worker/ops/simd/bytes.h"
#include "worker/ops/simd/products.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kGrain = 16'384;  // elements worth a thread

struct LinearParams {
  std::int64_t axis = 1;
  std::int64_t block = 0;  // 0: none
  bool per_axis = true;    // since 13
  bool saturate = true;
  DataType output = DataType::undefined;     // where the attribute names it
  DataType precision = DataType::undefined;  // of the quotient
  int since = 0;
};

// 0 is "not given", as where it is absent.
Result<DataType> type_named(Attributes& attributes, std::string_view name) {
  SLUICE_TRY_ASSIGN(const std::int64_t number, attributes.integer(name, 0));
  return number == 0 ? DataType::undefined
                     : datatype_attribute(attributes, name, DataType::undefined);
}

constexpr bool is_scale(DataType datatype) {
  return datatype == DataType::float32 || is_half(datatype);
}

template <bool kQuantize>
Result<LinearParams> parse_linear(const Node& node) {
  Attributes attributes(node);
  LinearParams params{.per_axis = node.since >= 13, .since = node.since};
  if (node.since >= 13) {
    SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 1));
  }
  if (kQuantize && node.since >= 19) {
    SLUICE_TRY_ASSIGN(const std::int64_t saturate, attributes.integer("saturate", 1));
    params.saturate = saturate != 0;
  }
  if (node.since >= 21) {
    SLUICE_TRY_ASSIGN(params.block, attributes.integer("block_size", 0));
  }
  if (node.since >= (kQuantize ? 21 : 23)) {
    SLUICE_TRY_ASSIGN(params.output, type_named(attributes, "output_dtype"));
  }
  if (kQuantize && node.since >= 23) {
    SLUICE_TRY_ASSIGN(params.precision, type_named(attributes, "precision"));
  }
  SLUICE_TRY(attributes.finish());
  if (params.precision != DataType::undefined && !is_scale(params.precision)) {
    return unsupported_type(params.precision);
  }
  if (params.block < 0) {
    return Error{ErrorCode::data_corrupt, "block_size is " + std::to_string(params.block)};
  }
  return params;
}

bool is_quantized(DataType datatype, int since) {
  const bool small = datatype == DataType::uint8 || datatype == DataType::int8;
  const bool later = datatype == DataType::uint16 || datatype == DataType::int16 ||
                     datatype == DataType::uint4 || datatype == DataType::int4;
  return small || (since >= 19 && is_float8(datatype)) || (since >= 21 && later);
}

Result<Spread> spread_of(const LinearParams& params, Dims x, Dims scale) {
  return Spread::of(x, scale, params.per_axis ? params.axis : 0, params.block, params.per_axis);
}

Result<void> check_zero_point(const InputFacts& facts, DataType datatype) {
  if (!facts.has(2)) {
    return {};
  }
  const InputFact& zero = facts.at(2);
  const auto count = element_count(zero.dims);
  const auto scales = element_count(facts.at(1).dims);
  if (zero.datatype != datatype || !count || !scales || *count != *scales) {
    return bad_input("its zero point is " + std::string(name_of(zero.datatype)) + " of shape " +
                     to_string(zero.dims) + ", its scale has shape " + to_string(facts.at(1).dims));
  }
  return {};
}

Result<OutputFacts> infer_quantize(const LinearParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const DataType to = facts.has(2)                           ? facts.at(2).datatype
                      : params.output != DataType::undefined ? params.output
                                                             : DataType::uint8;
  if (!is_scale(x.datatype) && x.datatype != DataType::int32) {
    return unsupported_type(x.datatype);
  }
  if (!is_scale(facts.at(1).datatype) && facts.at(1).datatype != DataType::int32) {
    return unsupported_type(facts.at(1).datatype);
  }
  if (!is_quantized(to, params.since) ||
      (params.output != DataType::undefined && params.output != to)) {
    return unsupported_type(to);
  }
  SLUICE_TRY(check_zero_point(facts, to));
  SLUICE_TRY(spread_of(params, x.dims, facts.at(1).dims));
  return one_output(to, {x.dims.begin(), x.dims.end()});
}

Result<OutputFacts> infer_dequantize(const LinearParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const DataType to = params.output != DataType::undefined ? params.output : facts.at(1).datatype;
  if (!is_quantized(x.datatype, params.since) && x.datatype != DataType::int32) {
    return unsupported_type(x.datatype);
  }
  if (!is_scale(facts.at(1).datatype) || !is_scale(to)) {
    return unsupported_type(is_scale(to) ? facts.at(1).datatype : to);
  }
  SLUICE_TRY(check_zero_point(facts, x.datatype));
  SLUICE_TRY(spread_of(params, x.dims, facts.at(1).dims));
  return one_output(to, {x.dims.begin(), x.dims.end()});
}

struct LinearBound {
  Spread spread;
  std::int64_t scales = 0;
};

// In the order of memory.
Result<Spread> spread_at_bind(const LinearParams& params,
                              const TensorView& x,
                              const TensorView& scale) {
  if (x.layout == Layout::plain || scale.count == 1) {
    return spread_of(params, x.dims, scale.dims);
  }
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, x.rank()));
  LinearParams moved = params;
  moved.axis = static_cast<std::int64_t>(axis == 0 ? 0 : axis == 1 ? x.rank() - 1 : axis - 1);
  const Layout scales = scale.rank() == x.rank() ? x.layout : Layout::plain;
  return spread_of(moved, physical_dims(x.dims, x.layout), physical_dims(scale.dims, scales));
}

Result<LinearBound> bind_linear(const LinearParams& params, BindContext& context) {
  SLUICE_TRY_ASSIGN(const Spread spread,
                    spread_at_bind(params, context.inputs[0], context.inputs[1]));
  const std::int64_t scales = context.inputs[1].count;
  context.scratch_size = static_cast<std::size_t>(scales) * 2 * sizeof(float);
  return LinearBound{.spread = spread, .scales = scales};
}

// The scales and zero points as floats, which hold all of them.
struct Terms {
  const float* scales = nullptr;
  const float* zeros = nullptr;
};

void as_floats(const TensorView& from, float* to) {
  const CastRule rule = CastRule::of(from.datatype, DataType::float32, true);
  dispatch_stored(from.datatype, [&](auto tag) {
    const auto* in = elements<decltype(tag)>(from);
    for (std::int64_t i = 0; i < from.count; ++i) {
      to[i] = static_cast<float>(number_of(in[i], rule));
    }
  });
}

Terms terms_of(const LinearBound& bound, const KernelContext& context) {
  auto* const scales = static_cast<float*>(static_cast<void*>(context.scratch().data()));
  float* const zeros = scales + bound.scales;
  as_floats(context.input(1), scales);
  if (context.has_input(2)) {
    as_floats(context.input(2), zeros);
  } else {
    std::fill_n(zeros, bound.scales, 0.0F);
  }
  return {.scales = scales, .zeros = zeros};
}

float in_precision(float quotient, DataType precision) {
  return precision == DataType::float16    ? to_float(narrow<Float16>(quotient))
         : precision == DataType::bfloat16 ? to_float(narrow<BFloat16>(quotient))
                                           : quotient;
}

struct Range {
  float low = 0;
  float high = 0;
};
Range range_of(DataType datatype) {
  switch (datatype) {
    case DataType::uint8:
      return {0, 255};
    case DataType::int8:
      return {-128, 127};
    case DataType::uint16:
      return {0, 65'535};
    case DataType::int16:
      return {-32'768, 32'767};
    case DataType::uint4:
      return {0, 15};
    default:
      return {-8, 7};
  }
}

// To the nearest, ties to even, for |x| < 2^22: behind the addition no bits are left for a
// fraction. Plain arithmetic, so that the loop around it is vectorised.
float rounded(float x) {
  constexpr float kShift = 0x1.8p23F;
  return (x + kShift) - kShift;
}

template <class To>
To quantized(float quotient, float zero, const Range& range) {
  constexpr float kFar = 1 << 18;  // beyond every range and zero point
  const float held = quotient > -kFar ? (quotient < kFar ? quotient : kFar) : -kFar;
  const float moved = rounded(held) + zero;
  const float kept = moved > range.low ? (moved < range.high ? moved : range.high) : range.low;
  if constexpr (kNibble<To>) {
    return {static_cast<decltype(To::value)>(static_cast<int>(kept))};
  } else {
    return static_cast<To>(static_cast<int>(kept));
  }
}

// float32 to bytes, in vectors.
template <class To>
void quantize_bytes(const LinearBound& bound, const Terms& terms, const TensorView& x, To* to) {
  const float* const from = x.as<float>().data();
  bound.spread.for_runs(x.count, kGrain, [&](std::int64_t begin, std::int64_t end, auto at) {
    simd::quantize(from + begin,
                   {.scale = terms.scales[at],
                    .zero = static_cast<std::int32_t>(terms.zeros[at]),
                    .of_nan = std::numeric_limits<To>::lowest()},
                   end - begin,
                   to + begin);
  });
}

Result<void> run_quantize(const LinearParams& params,
                          const LinearBound& bound,
                          KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  const Terms terms = terms_of(bound, context);
  const DataType precision =
      params.precision != DataType::undefined ? params.precision : context.input(1).datatype;
  if (x.datatype == DataType::float32 && precision == DataType::float32 &&
      (y.datatype == DataType::int8 || y.datatype == DataType::uint8)) {
    y.datatype == DataType::int8 ? quantize_bytes(bound, terms, x, y.mut<std::int8_t>().data())
                                 : quantize_bytes(bound, terms, x, y.mut<std::uint8_t>().data());
    return {};
  }
  const Range range = range_of(y.datatype);
  const CastRule rule = CastRule::of(x.datatype, y.datatype, params.saturate);
  dispatch_stored(x.datatype, [&](auto from_tag) {
    const auto* from = elements<decltype(from_tag)>(x);
    dispatch_stored(y.datatype, [&](auto to_tag) {
      using To = decltype(to_tag);
      To* to = elements<To>(y);
      bound.spread.for_runs(x.count, kGrain, [&](std::int64_t begin, std::int64_t end, auto at) {
        const float scale = terms.scales[at];
        const float zero = terms.zeros[at];
        for (std::int64_t i = begin; i < end; ++i) {
          const auto value = static_cast<float>(number_of(from[i], rule));
          const float quotient = in_precision(value / scale, precision);
          if constexpr (std::is_same_v<To, Float8>) {
            to[i] = {float8_code(y.datatype, quotient + zero, params.saturate)};
          } else if constexpr (std::is_integral_v<To> || kNibble<To>) {
            to[i] = quantized<To>(quotient, zero, range);
          }
        }
      });
    });
  });
  return {};
}

Result<void> run_dequantize(const LinearParams&, const LinearBound& bound, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  const Terms terms = terms_of(bound, context);
  const CastRule rule = CastRule::of(x.datatype, y.datatype, true);
  dispatch_stored(x.datatype, [&](auto from_tag) {
    using From = decltype(from_tag);
    const From* from = elements<From>(x);
    const auto write = [&](auto* to) {
      using To = std::remove_pointer_t<decltype(to)>;
      bound.spread.for_runs(x.count, kGrain, [&](std::int64_t begin, std::int64_t end, auto at) {
        const float scale = terms.scales[at];
        const float zero = terms.zeros[at];
        constexpr bool kByte =
            std::is_same_v<From, std::int8_t> || std::is_same_v<From, std::uint8_t>;
        if constexpr (kByte && std::is_same_v<To, float>) {
          simd::dequantize(simd::ByteRow<From>{.data = from + begin,
                                               .step = 1,
                                               .scale = scale,
                                               .zero = static_cast<std::int32_t>(zero)},
                           end - begin,
                           to + begin);
          return;
        }
        for (std::int64_t i = begin; i < end; ++i) {
          const auto distance = static_cast<float>(number_of(from[i], rule)) - zero;
          to[i] = convert_number<To>(distance * scale, rule);
        }
      });
    };
    if (y.datatype == DataType::float32) {
      write(elements<float>(y));
    } else if (y.datatype == DataType::float16) {
      write(elements<Float16>(y));
    } else {
      write(elements<BFloat16>(y));
    }
  });
  return {};
}

}  // namespace

void register_quantize_linear(Registry& registry) {
  registry.add(
      {.name = "DequantizeLinear",
       .since = {10, 13, 19, 21, 23, 24, 25},
       .arity = {2, 3, 1},
       .kernel = bound_kernel<parse_linear<false>, infer_dequantize, bind_linear, run_dequantize>(),
       .layout = LayoutRule::follow,
       .halves = HalfRule::native,
       .tame = true});
  registry.add(
      {.name = "QuantizeLinear",
       .since = {10, 13, 19, 21, 23, 24, 25},
       .arity = {2, 3, 1},
       .kernel = bound_kernel<parse_linear<true>, infer_quantize, bind_linear, run_quantize>(),
       .layout = LayoutRule::follow,
       .halves = HalfRule::native,
       .tame = true});
}

}  // namespace sluice::engine
