// What the operators of ai.onnx.ml have in common: rows of numbers of four datatypes in, labels
// that are integers or strings out.

#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"
#include "worker/ops/types.h"

namespace sluice::engine {

constexpr bool is_ml_input(DataType datatype) {
  return is_float(datatype) || datatype == DataType::int32 || datatype == DataType::int64;
}

// Calls f(T{}) for the datatype of an input that is_ml_input.
template <class F>
void dispatch_ml(DataType datatype, const F& f) {
  switch (datatype) {
    case DataType::float32:
      f(float{});
      return;
    case DataType::float64:
      f(double{});
      return;
    case DataType::int32:
      f(std::int32_t{});
      return;
    case DataType::int64:
      f(std::int64_t{});
      return;
    default:
      SLUICE_CHECK(false);
  }
}

// Rows [N, features]; one row may come as [features].
struct MlRows {
  std::int64_t count = 0;
  std::int64_t features = 0;
};

inline Result<MlRows> ml_rows(const InputFact& x) {
  if (!is_ml_input(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.empty() || x.dims.size() > 2) {
    return bad_input("input " + to_string(x.dims) + " is neither a row nor rows");
  }
  return MlRows{x.dims.size() == 2 ? x.dims[0] : 1, x.dims.back()};
}

inline MlRows ml_rows(const TensorView& x) {
  return {x.rank() == 2 ? x.dims[0] : 1, x.dims.back()};
}

// The classes of a classifier: integers or strings, never both.
struct ClassLabels {
  std::vector<std::int64_t> numbers{};
  std::vector<std::string> words{};

  [[nodiscard]] std::size_t size() const { return words.empty() ? numbers.size() : words.size(); }
  [[nodiscard]] DataType datatype() const {
    return words.empty() ? DataType::int64 : DataType::string;
  }
  void give(std::size_t label, std::size_t row, TensorView& to) const {
    if (words.empty()) {
      to.mut<std::int64_t>()[row] = numbers[label];
    } else {
      to.mut<std::string>()[row] = words[label];
    }
  }
};

inline Result<ClassLabels> parse_labels(Attributes& attributes, const char* numbers) {
  ClassLabels labels;
  SLUICE_TRY_ASSIGN(labels.numbers, attributes.integers(numbers));
  SLUICE_TRY_ASSIGN(labels.words, attributes.texts("classlabels_strings"));
  if (labels.numbers.empty() == labels.words.empty()) {
    return Error{ErrorCode::data_corrupt,
                 labels.words.empty() ? "has no labels" : "has labels of two kinds"};
  }
  return labels;
}

}  // namespace sluice::engine
