// The names and numbers of datatypes in ONNX's TensorProto: tensors and declarations have the
// numbers, attributes of operators both.

#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/result.h"
#include "common/tensor/datatype.h"
#include "worker/engine/graph/graph.h"

namespace sluice::engine {

// undefined for what we do not have.
DataType datatype_of(std::int64_t onnx_type);
// The same by name, as attributes of old opsets have it: "FLOAT".
DataType datatype_of(std::string_view onnx_name);
int onnx_type_of(DataType datatype);  // 0 (UNDEFINED) for undefined

// The datatype that attribute `name` has the number of, or `fallback` where it is absent.
// unsupported for a number that stands for none of ours.
Result<DataType> datatype_attribute(Attributes& attributes,
                                    std::string_view name,
                                    DataType fallback);

}  // namespace sluice::engine
