#include "worker/ops/onnx_types.h"

#include <array>
#include <string>

namespace sluice::engine {
namespace {

// By TensorProto.DataType.
constexpr std::array<DataType, 17> kDatatypes{DataType::undefined,
                                              DataType::float32,
                                              DataType::uint8,
                                              DataType::int8,
                                              DataType::uint16,
                                              DataType::int16,
                                              DataType::int32,
                                              DataType::int64,
                                              DataType::string,
                                              DataType::boolean,
                                              DataType::float16,
                                              DataType::float64,
                                              DataType::uint32,
                                              DataType::uint64,
                                              DataType::undefined,  // complex64
                                              DataType::undefined,  // complex128
                                              DataType::bfloat16};

}  // namespace

Result<DataType> datatype_attribute(Attributes& attributes,
                                    std::string_view name,
                                    DataType fallback) {
  if (!attributes.has(name)) {
    return fallback;
  }
  SLUICE_TRY_ASSIGN(const std::int64_t number, attributes.integer(name, 0));
  const bool known = number > 0 && number < static_cast<std::int64_t>(kDatatypes.size());
  const DataType datatype =
      known ? kDatatypes[static_cast<std::size_t>(number)] : DataType::undefined;
  if (datatype == DataType::undefined) {
    return Error{ErrorCode::unsupported,
                 std::string(name) + " of ONNX datatype " + std::to_string(number)};
  }
  return datatype;
}

}  // namespace sluice::engine
