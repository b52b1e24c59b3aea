// Datatypes that attributes name by their number in ONNX's TensorProto.

#pragma once

#include <string_view>

#include "common/base/result.h"
#include "worker/engine/graph.h"

namespace sluice::engine {

// The datatype of attribute `name`, or `fallback` where it is absent. unsupported for a number that
// stands for none of ours.
Result<DataType> datatype_attribute(Attributes& attributes,
                                    std::string_view name,
                                    DataType fallback);

}  // namespace sluice::engine
