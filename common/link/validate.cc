// validate(): a request held against the model's declared inputs and outputs.

#include <algorithm>
#include <string>
#include <utility>

#include "common/link/infer.h"

namespace sluice {
namespace {

Error refuse(std::string detail) {
  return {ErrorCode::invalid_argument, std::move(detail)};
}

std::string quoted(const std::string& name) {
  return "'" + name + "'";
}

std::string names_of(const std::vector<ValueInfo>& values) {
  std::string text;
  for (const ValueInfo& value : values) {
    text += (text.empty() ? "" : ", ") + quoted(value.name);
  }
  return text;
}

bool shape_fits(const Shape& shape, const Shape& declared) {
  return std::ranges::equal(shape, declared, [](std::int64_t seen, std::int64_t wanted) {
    return wanted < 0 || seen == wanted;
  });
}

// Strings: each element a length word and that many bytes, nothing left over.
Result<void> check_strings(const NamedTensor& tensor, std::int64_t count) {
  const auto bytes = tensor.data.bytes();
  std::size_t at = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (bytes.size() - at < 4) {
      return refuse("input " + quoted(tensor.name) +
                    ": its data ends inside the length of element " + std::to_string(i) + " of " +
                    std::to_string(count));
    }
    std::size_t length = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      length |= std::to_integer<std::size_t>(bytes[at + k]) << (8 * k);
    }
    at += 4;
    if (length > bytes.size() - at) {
      return refuse("input " + quoted(tensor.name) + ": element " + std::to_string(i) + " claims " +
                    std::to_string(length) + " bytes, " + std::to_string(bytes.size() - at) +
                    " are left");
    }
    at += length;
  }
  if (at != bytes.size()) {
    return refuse("input " + quoted(tensor.name) + ": " + std::to_string(bytes.size() - at) +
                  " bytes are left over after its " + std::to_string(count) + " elements");
  }
  return {};
}

Result<void> check_input(const NamedTensor& tensor,
                         const ValueInfo& declared,
                         const std::string& model) {
  const std::string where = "input " + quoted(tensor.name) + ": ";
  if (tensor.datatype != declared.datatype) {
    return refuse(where + "datatype is " + std::string(kserve_name_of(tensor.datatype)) +
                  ", model " + quoted(model) + " wants " +
                  std::string(kserve_name_of(declared.datatype)));
  }
  if (!shape_fits(tensor.shape, declared.shape)) {
    return refuse(where + "shape " + to_string(tensor.shape) + ", model " + quoted(model) +
                  " wants " + to_string(declared.shape));
  }
  auto count = element_count(tensor.shape);
  if (!count) {
    return with_context(std::move(count).error(), "input " + quoted(tensor.name));
  }
  if (tensor.datatype == DataType::string) {
    return check_strings(tensor, *count);
  }
  auto size = byte_count(tensor.datatype, tensor.shape);
  if (!size) {
    return with_context(std::move(size).error(), "input " + quoted(tensor.name));
  }
  if (*size != tensor.data.size()) {
    return refuse(where + "has " + std::to_string(tensor.data.size()) + " bytes of data, shape " +
                  to_string(tensor.shape) + " of " + std::string(kserve_name_of(tensor.datatype)) +
                  " needs " + std::to_string(*size));
  }
  return {};
}

// Gives unnamed inputs the model's names by position and refuses repeated ones.
Result<void> name_inputs(InferRequest& request, const ModelInfo& model) {
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    std::string& name = request.inputs[i].name;
    if (name.empty()) {
      if (i >= model.inputs.size()) {
        return refuse("got " + std::to_string(request.inputs.size()) + " inputs, model " +
                      quoted(model.name) + " has " + std::to_string(model.inputs.size()) + ": " +
                      names_of(model.inputs));
      }
      name = model.inputs[i].name;
    }
    for (std::size_t k = 0; k < i; ++k) {
      if (request.inputs[k].name == name) {
        return refuse("input " + quoted(name) + " is given twice");
      }
    }
  }
  return {};
}

}  // namespace

Result<void> validate(InferRequest& request, const ModelInfo& model) {
  SLUICE_TRY(name_inputs(request, model));
  for (const NamedTensor& tensor : request.inputs) {
    const auto declared = std::ranges::find(model.inputs, tensor.name, &ValueInfo::name);
    if (declared == model.inputs.end()) {
      return refuse("unexpected inference input " + quoted(tensor.name) + " for model " +
                    quoted(model.name) + ", which has " + names_of(model.inputs));
    }
    SLUICE_TRY(check_input(tensor, *declared, model.name));
  }
  for (const ValueInfo& declared : model.inputs) {
    if (!declared.optional &&
        std::ranges::find(request.inputs, declared.name, &NamedTensor::name) ==
            request.inputs.end()) {
      return refuse("missing required input " + quoted(declared.name) + " of model " +
                    quoted(model.name));
    }
  }
  for (std::size_t i = 0; i < request.outputs.size(); ++i) {
    const std::string& name = request.outputs[i];
    if (std::ranges::find(model.outputs, name, &ValueInfo::name) == model.outputs.end()) {
      return refuse("unexpected inference output " + quoted(name) + " for model " +
                    quoted(model.name) + ", which has " + names_of(model.outputs));
    }
    if (std::find(request.outputs.begin(),
                  request.outputs.begin() + static_cast<std::ptrdiff_t>(i),
                  name) != request.outputs.begin() + static_cast<std::ptrdiff_t>(i)) {
      return refuse("output " + quoted(name) + " already exists in request");
    }
  }
  return {};
}

}  // namespace sluice
