#include "worker/ops/known.h"

#include <string>
#include <type_traits>

#include "worker/ops/types.h"

namespace sluice::engine {

Result<KnownIntegers> known_integers(const InputFacts& facts, std::size_t i) {
  if (!facts.has(i)) {
    return bad_input("input number " + std::to_string(i) + " is missing");
  }
  if (facts.at(i).value == nullptr) {
    return KnownIntegers{};
  }
  SLUICE_TRY_ASSIGN(std::vector<std::int64_t> values, integers_of(*facts.at(i).value));
  return KnownIntegers(std::move(values));
}

std::vector<InputFact> facts_at_bind(const BindContext& context) {
  std::vector<InputFact> facts;
  facts.reserve(context.inputs.size());
  for (const TensorView& input : context.inputs) {
    const bool known = input.data != nullptr || input.count == 0;
    facts.push_back({.present = input.datatype != DataType::undefined,
                     .datatype = input.datatype,
                     .dims = input.dims,
                     .value = known ? &input : nullptr});
  }
  return facts;
}

Result<std::int64_t> integer_in(const TensorView& tensor) {
  Result<std::int64_t> found = bad_input("wants one number, not " + to_string(tensor.dims) +
                                         " of " + std::string(name_of(tensor.datatype)));
  if (tensor.count == 1) {
    dispatch_number(tensor.datatype, [&](auto tag) {
      using T = decltype(tag);
      const T value = tensor.as<T>()[0];
      if constexpr (std::is_floating_point_v<T>) {
        constexpr T kEnd = 9223372036854775808.0F;  // 2^63
        if (!(value >= -kEnd && value < kEnd)) {
          return;
        }
      }
      found = static_cast<std::int64_t>(value);
    });
  }
  return found;
}

}  // namespace sluice::engine
