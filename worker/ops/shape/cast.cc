// Cast, CastLike.
// Spec: https://onnx.ai/onnx/operators/onnx__Cast.html (read 2026-11).
// Types: all numbers, bool and strings, both ways. Floats to integers truncate; what does not fit
// wraps as NumPy's astype does on x86 (through int64). To bool: everything but zero is true, NaN
// too. Floats to floats round to nearest, ties to even, once. Strings: cast_string.h. Opsets: `to`
// is a string before 6. saturate and round_mode concern float8 alone, which we lack. Refused: the
// 8-bit floats and the 4-bit types.

#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

#include "worker/engine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/shape/cast_string.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct CastParams {
  DataType to = DataType::undefined;  // undefined: CastLike's, which has it from its second input
};

struct TypeName {
  const char* name;
  std::int64_t number;  // TensorProto.DataType
  DataType datatype;
};
constexpr std::array<TypeName, 14> kTypes{{{"FLOAT", 1, DataType::float32},
                                           {"UINT8", 2, DataType::uint8},
                                           {"INT8", 3, DataType::int8},
                                           {"UINT16", 4, DataType::uint16},
                                           {"INT16", 5, DataType::int16},
                                           {"INT32", 6, DataType::int32},
                                           {"INT64", 7, DataType::int64},
                                           {"STRING", 8, DataType::string},
                                           {"BOOL", 9, DataType::boolean},
                                           {"FLOAT16", 10, DataType::float16},
                                           {"DOUBLE", 11, DataType::float64},
                                           {"UINT32", 12, DataType::uint32},
                                           {"UINT64", 13, DataType::uint64},
                                           {"BFLOAT16", 16, DataType::bfloat16}}};

Result<CastParams> parse_cast(const Node& node) {
  Attributes attributes(node);
  CastParams params;
  std::string shown;
  if (node.since < 6) {
    SLUICE_TRY_ASSIGN(shown, attributes.text("to", ""));
  } else {
    SLUICE_TRY_ASSIGN(const std::int64_t number, attributes.integer("to", 0));
    shown = std::to_string(number);
  }
  if (node.since >= 19) {
    attributes.ignore("saturate");
  }
  if (node.since >= 24) {
    attributes.ignore("round_mode");
  }
  SLUICE_TRY(attributes.finish());
  for (const TypeName& type : kTypes) {
    if (shown == (node.since < 6 ? std::string(type.name) : std::to_string(type.number))) {
      params.to = type.datatype;
    }
  }
  if (params.to == DataType::undefined) {
    return Error{ErrorCode::unsupported, "a cast to ONNX datatype " + shown};
  }
  return params;
}

Result<CastParams> parse_cast_like(const Node& node) {
  Attributes attributes(node);
  if (node.since >= 19) {
    attributes.ignore("saturate");
  }
  if (node.since >= 24) {
    attributes.ignore("round_mode");
  }
  SLUICE_TRY(attributes.finish());
  return CastParams{};
}

Result<OutputFacts> infer_cast(const CastParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const DataType to = params.to == DataType::undefined ? facts.at(1).datatype : params.to;
  return one_output(to, {x.dims.begin(), x.dims.end()});
}

template <class T>
constexpr bool kSmallFloat = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

template <class To, class From>
To convert(From value) {
  if constexpr (kSmallFloat<From>) {
    if constexpr (std::is_same_v<To, From>) {
      return value;
    } else {
      return convert<To>(to_float(value));
    }
  } else if constexpr (kSmallFloat<To>) {
    return narrow<To>(to_odd(static_cast<double>(value)));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != From{0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // A cast of what int64 cannot hold is undefined; x86 gives its lowest number.
    constexpr double kEnd = 9223372036854775808.0;  // 2^63
    const auto wide = static_cast<double>(value);
    if (std::is_same_v<To, std::uint64_t> && wide >= kEnd && wide < 2 * kEnd) {
      return static_cast<To>(wide);
    }
    const bool fits = wide >= -kEnd && wide < kEnd;
    return static_cast<To>(fits ? static_cast<std::int64_t>(wide)
                                : std::numeric_limits<std::int64_t>::min());
  } else {
    return static_cast<To>(value);
  }
}

// Also for bool and half precision, which the dispatch over numbers leaves out.
template <class F>
void dispatch_castable(DataType datatype, const F& f) {
  if (datatype == DataType::boolean) {
    f(bool{});
  } else if (datatype == DataType::float16) {
    f(Float16{});
  } else if (datatype == DataType::bfloat16) {
    f(BFloat16{});
  } else {
    const bool known = dispatch_number(datatype, f);
    SLUICE_CHECK(known);
  }
}

void cast_to_strings(const TensorView& x, TensorView& y) {
  const auto to = y.mut<std::string>();
  dispatch_castable(x.datatype, [&](auto tag) {
    const auto from = x.as<decltype(tag)>();
    for (std::size_t i = 0; i < to.size(); ++i) {
      if constexpr (kSmallFloat<decltype(tag)>) {
        to[i] = number_text(to_float(from[i]));
      } else {
        to[i] = number_text(from[i]);
      }
    }
  });
}

Result<void> cast_from_strings(const TensorView& x, TensorView& y) {
  Result<void> done;
  const auto from = x.as<std::string>();
  dispatch_castable(y.datatype, [&](auto tag) {
    using To = decltype(tag);
    const auto to = y.mut<To>();
    for (std::size_t i = 0; i < from.size() && done; ++i) {
      if constexpr (std::is_integral_v<To> && !std::is_same_v<To, bool>) {
        auto value = integer_of_text(from[i], std::is_signed_v<To>);
        done = value ? Result<void>() : Result<void>(std::move(value).error());
        to[i] = value ? static_cast<To>(*value) : To{};
      } else {
        auto value = real_of_text(from[i]);
        done = value ? Result<void>() : Result<void>(std::move(value).error());
        to[i] = value ? convert<To>(*value) : To{};
      }
    }
  });
  return done;
}

Result<void> run_cast(const CastParams&, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  if (x.datatype == y.datatype) {
    copy_elements(x, y);
    return {};
  }
  if (y.datatype == DataType::string) {
    cast_to_strings(x, y);
    return {};
  }
  if (x.datatype == DataType::string) {
    return cast_from_strings(x, y);
  }
  dispatch_castable(x.datatype, [&](auto from_tag) {
    using From = decltype(from_tag);
    dispatch_castable(y.datatype, [&](auto to_tag) {
      using To = decltype(to_tag);
      const From* from = x.as<From>().data();
      To* to = y.mut<To>().data();
      parallel_for(x.count, 32'768, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          to[i] = convert<To>(from[i]);
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
                .halves = HalfRule::native});
  registry.add({.name = "CastLike",
                .since = {15, 19, 21, 23, 24},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_cast_like, infer_cast, run_cast>(),
                .halves = HalfRule::native});
}

}  // namespace sluice::engine
