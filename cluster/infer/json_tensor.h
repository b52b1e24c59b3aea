// Tensors as JSON: a number, a string, or nested arrays of them, in the model's datatype; or whole
// v2 requests. Pure. Safe on hostile text.

#pragma once

#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"

namespace sluice::cluster {

// The value for input `wanted`: its datatype, its name, and its shape where the nesting leaves it
// open (see complete_shape). "NaN", "Infinity" and "-Infinity" are accepted for floats.
// invalid_argument with what is wrong and where.
Result<NamedTensor> tensor_from_json(std::string_view json, const ValueInfo& wanted);

// True for a JSON object, which is then a v2 request and not one tensor.
bool is_json_object(std::string_view json) noexcept;

// The inputs of a v2 request: {"inputs": [{"name", "shape", "datatype", "data"}, ...]}.
Result<std::vector<NamedTensor>> tensors_from_request(std::string_view json);

// The shape to send for data that came as `given` ([4] for [1,2,3,4]) to an input declared as
// `wanted`, where -1 is open. Missing leading extents that are open or 1 become 1; a flat list is
// cut to the declared extents when only one of them is open. Otherwise `given` itself: the server
// will say what is wrong with it.
Shape complete_shape(const Shape& given, const Shape& wanted);

}  // namespace sluice::cluster
