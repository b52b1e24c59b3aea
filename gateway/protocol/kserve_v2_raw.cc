#include "gateway/protocol/kserve_v2_raw.h"

#include <algorithm>
#include <string>
#include <utility>

#include "gateway/protocol/tensor_bytes.h"

namespace sluice::gateway::kserve_v2 {
namespace {

Error refuse(const ModelRef& target, const std::string& why) {
  return {ErrorCode::invalid_argument,
          "a raw binary request (Inference-Header-Content-Length: 0) is not possible for model '" +
              target.model + "': " + why};
}

// The declared shape with its one open extent worked out from the number of elements.
Result<Shape> fill_shape(const ValueInfo& input, std::size_t elements, const ModelRef& target) {
  Shape shape = input.shape;
  auto open = std::ranges::count_if(shape, [](std::int64_t extent) { return extent < 0; });
  if (open == 2 && shape.front() < 0) {
    shape.front() = 1;
    open = 1;
  }
  if (open > 1) {
    return refuse(target,
                  "input '" + input.name + "' has the shape " + to_string(input.shape) +
                      ", of which only one extent can follow from the size of the body");
  }
  const auto place = std::ranges::find_if(shape, [](std::int64_t extent) { return extent < 0; });
  if (place == shape.end()) {
    return shape;  // validate() compares the sizes
  }
  *place = 1;
  SLUICE_TRY_ASSIGN(const std::int64_t each, element_count(shape));
  if (each == 0 || elements % static_cast<std::size_t>(each) != 0) {
    return refuse(target,
                  std::to_string(elements) + " elements do not fill the shape " +
                      to_string(input.shape) + " of input '" + input.name + "'");
  }
  *place = static_cast<std::int64_t>(elements / static_cast<std::size_t>(each));
  return shape;
}

Result<NamedTensor> string_tensor(const Buffer& body,
                                  const ValueInfo& input,
                                  const ModelRef& target) {
  NamedTensor tensor{
      .name = input.name, .datatype = DataType::string, .shape = input.shape, .data = {}};
  std::ranges::replace_if(
      tensor.shape, [](std::int64_t extent) { return extent < 0; }, 1);
  const auto count = element_count(tensor.shape);
  if (!count || *count != 1) {
    return refuse(target,
                  "input '" + input.name + "' of type BYTES must have one element, its shape is " +
                      to_string(input.shape));
  }
  std::string bytes;
  append_string_element(bytes, body.text());
  tensor.data = Buffer::from_string(std::move(bytes));
  return tensor;
}

}  // namespace

Result<InferRequest> raw_request(const Buffer& body,
                                 const ModelRef& target,
                                 const ModelInfo* model) {
  if (model == nullptr) {
    return Error{ErrorCode::unavailable,
                 "a raw binary request needs the metadata of model '" + target.model +
                     "', of which no version is ready"};
  }
  if (model->inputs.size() != 1) {
    return refuse(target, "it has " + std::to_string(model->inputs.size()) + " inputs");
  }
  const ValueInfo& input = model->inputs.front();
  InferRequest request;
  if (input.datatype == DataType::string) {
    SLUICE_TRY_ASSIGN(NamedTensor tensor, string_tensor(body, input, target));
    request.inputs.push_back(std::move(tensor));
    return request;
  }
  const std::size_t size = element_size(input.datatype);
  if (size == 0 || body.size() % size != 0) {
    return refuse(target,
                  std::to_string(body.size()) + " bytes are not a whole number of elements of " +
                      std::string(kserve_name_of(input.datatype)));
  }
  SLUICE_TRY_ASSIGN(Shape shape, fill_shape(input, body.size() / size, target));
  request.inputs.push_back(
      {.name = input.name, .datatype = input.datatype, .shape = std::move(shape), .data = body});
  return request;
}

}  // namespace sluice::gateway::kserve_v2
