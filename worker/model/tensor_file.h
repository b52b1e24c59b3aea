// Tensors in ONNX's own file form (a serialized TensorProto, `input_0.pb`), read and written
// without protobuf. Pure; safe on hostile bytes. Field numbers: onnx.proto of ONNX 1.12.

#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "common/base/result.h"
#include "common/link/infer.h"

namespace sluice::model {

// data_corrupt for broken bytes, or data that does not fill the shape; unsupported for datatypes
// that Sluice does not have and for external or segmented data. An absent name is "".
Result<NamedTensor> read_tensor(std::span<const std::byte> file);

// raw_data for numbers, string_data for strings. `tensor` must be consistent (see NamedTensor);
// invalid_argument when its bytes do not fill its shape.
Result<std::string> write_tensor(const NamedTensor& tensor);

}  // namespace sluice::model
