// Choosing code by datatype, and the words for refusing one.

#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"
#include "worker/engine/values/tensor.h"

namespace sluice::engine {

inline Error unsupported_type(DataType datatype) {
  return {ErrorCode::unsupported, "datatype " + std::string(name_of(datatype))};
}

inline Error bad_input(std::string detail) {
  return {ErrorCode::invalid_argument, std::move(detail)};
}

// Calls f(T{}) for the number type of `datatype` and returns true; false for what is_number() is
// false of.
template <class F>
bool dispatch_number(DataType datatype, const F& f) {
  switch (datatype) {
    using enum DataType;
    case uint8:
      f(std::uint8_t{});
      return true;
    case uint16:
      f(std::uint16_t{});
      return true;
    case uint32:
      f(std::uint32_t{});
      return true;
    case uint64:
      f(std::uint64_t{});
      return true;
    case int8:
      f(std::int8_t{});
      return true;
    case int16:
      f(std::int16_t{});
      return true;
    case int32:
      f(std::int32_t{});
      return true;
    case int64:
      f(std::int64_t{});
      return true;
    case float32:
      f(float{});
      return true;
    case float64:
      f(double{});
      return true;
    default:
      return false;
  }
}

constexpr bool is_float(DataType datatype) {
  return datatype == DataType::float32 || datatype == DataType::float64;
}
constexpr bool is_signed(DataType datatype) {
  return is_float(datatype) || datatype == DataType::int8 || datatype == DataType::int16 ||
         datatype == DataType::int32 || datatype == DataType::int64;
}
// What arithmetic is done with: no bool, no string, and no float or integer that is only a form of
// storage (16-bit floats are float32 by then, 8-bit floats and 4-bit integers no operand).
constexpr bool is_number(DataType datatype) {
  return is_signed(datatype) || datatype == DataType::uint8 || datatype == DataType::uint16 ||
         datatype == DataType::uint32 || datatype == DataType::uint64;
}

// `axis` counted from the front; invalid_argument when it is outside [-rank, rank).
inline Result<std::size_t> resolve_axis(std::int64_t axis, std::size_t rank) {
  const auto extent = static_cast<std::int64_t>(rank);
  if (axis < -extent || axis >= extent) {
    return bad_input("axis " + std::to_string(axis) + " is outside of a rank of " +
                     std::to_string(rank));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + extent : axis);
}

// Product of dims [begin, end).
inline std::int64_t product(Dims dims, std::size_t begin, std::size_t end) {
  std::int64_t result = 1;
  for (std::size_t i = begin; i < end; ++i) {
    result *= dims[i];
  }
  return result;
}

// An operator without attributes.
struct NoParams {};
inline Result<NoParams> parse_nothing(const Node& node) {
  SLUICE_TRY(Attributes(node).finish());
  return NoParams{};
}

// The output is like input 0.
template <class Params>
Result<OutputFacts> infer_same(const Params&, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  return one_output(x.datatype, {x.dims.begin(), x.dims.end()});
}

}  // namespace sluice::engine
