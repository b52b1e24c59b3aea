// What the QLinear operators of com.microsoft share: bytes that stand for scale * (byte - zero),
// one scale and zero point a tensor.

#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/types.h"

namespace sluice::engine {

inline constexpr const char* kMicrosoftDomain = "com.microsoft";

struct Quant {
  float scale = 1;
  std::int32_t zero = 0;

  [[nodiscard]] float real(std::int32_t byte) const {
    return scale * static_cast<float>(byte - zero);
  }
  template <class T>
  [[nodiscard]] T byte(float real) const {
    return to_byte<T>(real / scale, zero);
  }
};

// Checks that input `scale` is one float32 and the one behind it, which may be left out, one
// `datatype`.
inline Result<void> check_quant(const InputFacts& facts, std::size_t scale, DataType datatype) {
  const auto is_one = [&](std::size_t i, DataType wanted) {
    const InputFact& fact = facts.at(i);
    return fact.datatype == wanted && product(fact.dims, 0, fact.dims.size()) == 1;
  };
  if (!facts.has(scale) || !is_one(scale, DataType::float32) ||
      (facts.has(scale + 1) && !is_one(scale + 1, datatype))) {
    return Error{ErrorCode::unsupported,
                 "inputs " + std::to_string(scale) + " and " + std::to_string(scale + 1) +
                     " are not one float32 and one " + std::string(name_of(datatype))};
  }
  return {};
}

inline Quant quant_of(const KernelContext& context, std::size_t scale) {
  return {.scale = context.input(scale).as<float>()[0],
          .zero = context.has_input(scale + 1) ? byte_at(context.input(scale + 1), 0) : 0};
}

// Calls f(T{}) for int8 or uint8.
template <class F>
void dispatch_byte(DataType datatype, const F& f) {
  if (datatype == DataType::int8) {
    f(std::int8_t{});
  } else {
    f(std::uint8_t{});
  }
}

}  // namespace sluice::engine
