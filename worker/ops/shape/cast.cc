// Cast, CastLike.
// Spec: https://onnx.ai/onnx/operators/onnx__Cast.html (read 2026-11).
// Types: all numbers, bool and strings, both ways. Floats to integers truncate; what does not fit
// wraps as NumPy's astype does on x86 (through int64). To bool: everything but zero is true, NaN
// too. Floats to floats round to nearest, ties to even, once. Strings: cast_string.h. Opsets: `to`
// is a string before 6. saturate concerns the 8-bit floats, round_mode float8e8m0 alone. Refused:
// float8e8m0 and what is newer.

#include <cstddef>
#include <type_traits>

#include "worker/engine/graph/onnx_types.h"
#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/widen.h"
#include "worker/ops/elements.h"
#include "worker/ops/register.h"
#include "worker/ops/shape/cast_convert.h"
#include "worker/ops/shape/cast_string.h"
#include "worker/ops/simd/plain.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct CastParams {
  DataType to = DataType::undefined;  // undefined: CastLike's, which has it from its second input
  bool saturate = true;
};

Result<void> parse_saturate(const Node& node, Attributes& attributes, CastParams& params) {
  if (node.since >= 19) {
    SLUICE_TRY_ASSIGN(const std::int64_t saturate, attributes.integer("saturate", 1));
    params.saturate = saturate != 0;
  }
  if (node.since >= 24) {
    attributes.ignore("round_mode");  // of casts to float8e8m0, which `to` refuses
  }
  return {};
}

Result<CastParams> parse_cast(const Node& node) {
  Attributes attributes(node);
  CastParams params;
  std::string shown;
  if (node.since < 6) {
    SLUICE_TRY_ASSIGN(shown, attributes.text("to", ""));
    params.to = datatype_of(shown);
  } else {
    SLUICE_TRY_ASSIGN(const std::int64_t number, attributes.integer("to", 0));
    shown = std::to_string(number);
    params.to = datatype_of(number);
  }
  SLUICE_TRY(parse_saturate(node, attributes, params));
  SLUICE_TRY(attributes.finish());
  if (params.to == DataType::undefined) {
    return Error{ErrorCode::unsupported, "a cast to ONNX datatype " + shown};
  }
  return params;
}

Result<CastParams> parse_cast_like(const Node& node) {
  Attributes attributes(node);
  CastParams params;
  SLUICE_TRY(parse_saturate(node, attributes, params));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_cast(const CastParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const DataType to = params.to == DataType::undefined ? facts.at(1).datatype : params.to;
  return one_output(to, {x.dims.begin(), x.dims.end()});
}

void cast_to_strings(const CastRule& rule, const TensorView& x, TensorView& y) {
  const auto to = y.mut<std::string>();
  dispatch_stored(x.datatype, [&](auto tag) {
    const auto* from = elements<decltype(tag)>(x);
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = number_text(number_of(from[i], rule));
    }
  });
}

Result<void> cast_from_strings(const CastRule& rule, const TensorView& x, TensorView& y) {
  Result<void> done;
  const auto from = x.as<std::string>();
  dispatch_stored(y.datatype, [&](auto tag) {
    using To = decltype(tag);
    To* to = elements<To>(y);
    for (std::size_t i = 0; i < from.size() && done; ++i) {
      if constexpr ((std::is_integral_v<To> && !std::is_same_v<To, bool>) || kNibble<To>) {
        auto value = integer_of_text(from[i], !std::is_same_v<To, std::uint64_t>);
        done = value ? Result<void>() : Result<void>(std::move(value).error());
        to[i] = value ? convert_number<To>(*value, rule) : To{};
      } else {
        auto value = real_of_text(from[i]);
        done = value ? Result<void>() : Result<void>(std::move(value).error());
        to[i] = value ? convert_number<To>(*value, rule) : To{};
      }
    }
  });
  return done;
}

Result<void> run_cast(const CastParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  if (x.datatype == y.datatype) {
    copy_elements(x, y);
    return {};
  }
  const CastRule rule = CastRule::of(x.datatype, y.datatype, params.saturate);
  if (y.datatype == DataType::string) {
    cast_to_strings(rule, x, y);
    return {};
  }
  if (x.datatype == DataType::string) {
    return cast_from_strings(rule, x, y);
  }
  if ((is_half(x.datatype) && y.datatype == DataType::float32) ||
      (x.datatype == DataType::float32 && is_half(y.datatype))) {
    convert_halves(x, y);
    return {};
  }
  if (simd::converts(x.datatype, y.datatype)) {
    const auto* const from = static_cast<const std::byte*>(x.data);
    auto* const to = static_cast<std::byte*>(y.data);
    parallel_for(x.count, 32'768, [&](std::int64_t begin, std::int64_t end) {
      const auto at = static_cast<std::size_t>(begin);
      simd::convert(x.datatype,
                    from + at * element_size(x.datatype),
                    y.datatype,
                    to + at * element_size(y.datatype),
                    end - begin);
    });
    return {};
  }
  dispatch_stored(x.datatype, [&](auto from_tag) {
    const auto* from = elements<decltype(from_tag)>(x);
    dispatch_stored(y.datatype, [&](auto to_tag) {
      using To = decltype(to_tag);
      To* to = elements<To>(y);
      parallel_for(x.count, 32'768, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          to[i] = convert_number<To>(number_of(from[i], rule), rule);
        }
      });
    });
  });
  return {};
}

}  // namespace

void register_cast(Registry& registry) {
  registry.add({.name = "Cast",
                .since = {1, 6, 9, 13, 19, 21, 23, 24},
                .kernel = kernel<parse_cast, infer_cast, run_cast>(),
                .layout = LayoutRule::follow,
                .halves = HalfRule::native,
                .passes_on = always_passes_on});
  registry.add({.name = "CastLike",
                .since = {15, 19, 21, 23, 24},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_cast_like, infer_cast, run_cast>(),
                .halves = HalfRule::native,
                .passes_on = always_passes_on});
}

}  // namespace sluice::engine
