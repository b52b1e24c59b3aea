#include "worker/engine/graph/onnx_types.h"

#include <algorithm>
#include <array>
#include <string>

namespace sluice::engine {
namespace {

// Written out: our headers of ONNX end with bfloat16. Without what we do not have: the complex
// ones, float4e2m1, float8e8m0.
struct OnnxType {
  int number;
  std::string_view name;
  DataType datatype;
};
constexpr std::array<OnnxType, 20> kOnnxTypes{{{1, "FLOAT", DataType::float32},
                                               {2, "UINT8", DataType::uint8},
                                               {3, "INT8", DataType::int8},
                                               {4, "UINT16", DataType::uint16},
                                               {5, "INT16", DataType::int16},
                                               {6, "INT32", DataType::int32},
                                               {7, "INT64", DataType::int64},
                                               {8, "STRING", DataType::string},
                                               {9, "BOOL", DataType::boolean},
                                               {10, "FLOAT16", DataType::float16},
                                               {11, "DOUBLE", DataType::float64},
                                               {12, "UINT32", DataType::uint32},
                                               {13, "UINT64", DataType::uint64},
                                               {16, "BFLOAT16", DataType::bfloat16},
                                               {17, "FLOAT8E4M3FN", DataType::float8e4m3fn},
                                               {18, "FLOAT8E4M3FNUZ", DataType::float8e4m3fnuz},
                                               {19, "FLOAT8E5M2", DataType::float8e5m2},
                                               {20, "FLOAT8E5M2FNUZ", DataType::float8e5m2fnuz},
                                               {21, "UINT4", DataType::uint4},
                                               {22, "INT4", DataType::int4}}};

template <class Key>
DataType find_datatype(const Key& key, Key OnnxType::*member) {
  const auto* found = std::ranges::find(kOnnxTypes, key, member);
  return found == kOnnxTypes.end() ? DataType::undefined : found->datatype;
}

}  // namespace

DataType datatype_of(std::int64_t onnx_type) {
  const bool fits = onnx_type > 0 && onnx_type <= kOnnxTypes.back().number;
  return fits ? find_datatype(static_cast<int>(onnx_type), &OnnxType::number) : DataType::undefined;
}

DataType datatype_of(std::string_view onnx_name) {
  return find_datatype(onnx_name, &OnnxType::name);
}

int onnx_type_of(DataType datatype) {
  const auto* found = std::ranges::find(kOnnxTypes, datatype, &OnnxType::datatype);
  return found == kOnnxTypes.end() ? 0 : found->number;
}

Result<DataType> datatype_attribute(Attributes& attributes,
                                    std::string_view name,
                                    DataType fallback) {
  if (!attributes.has(name)) {
    return fallback;
  }
  SLUICE_TRY_ASSIGN(const std::int64_t number, attributes.integer(name, 0));
  const DataType datatype = datatype_of(number);
  if (datatype == DataType::undefined) {
    return Error{ErrorCode::unsupported,
                 std::string(name) + " of ONNX datatype " + std::to_string(number)};
  }
  return datatype;
}

}  // namespace sluice::engine
