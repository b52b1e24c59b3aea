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

// "['a','b']", as Triton prints lists.
template <class Named, class Wanted>
std::string list_of(const std::vector<Named>& all, Wanted wanted) {
  std::string text;
  for (const Named& one : all) {
    if (wanted(one)) {
      text += (text.empty() ? "" : ",") + quoted(one.name);
    }
  }
  return "[" + text + "]";
}

// The words that clients of Triton match on.
Error wrong_count(const InferRequest& request, const ModelInfo& model) {
  const auto required =
      static_cast<std::size_t>(std::ranges::count(model.inputs, false, &ValueInfo::optional));
  std::string text = "expected ";
  if (required == model.inputs.size()) {
    text += std::to_string(required) + " inputs";
  } else {
    text += "number of inputs between " + std::to_string(required) + " and " +
            std::to_string(model.inputs.size());
  }
  text += " but got " + std::to_string(request.inputs.size()) + " inputs for model " +
          quoted(model.name) + ". ";
  if (request.inputs.size() > model.inputs.size()) {
    return refuse(text + "It has " + names_of(model.inputs));
  }
  const auto is_missing = [&](const ValueInfo& declared) {
    return !declared.optional &&
           std::ranges::find(request.inputs, declared.name, &NamedTensor::name) ==
               request.inputs.end();
  };
  return refuse(text + "Got input(s) " +
                list_of(request.inputs, [](const NamedTensor&) { return true; }) +
                ", but missing required input(s) " + list_of(model.inputs, is_missing) +
                ". Please provide all required input(s).");
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
  if (tensor.datatype != declared.datatype) {
    return refuse("inference input " + quoted(tensor.name) + " data-type is '" +
                  std::string(kserve_name_of(tensor.datatype)) + "', but model " + quoted(model) +
                  " expects '" + std::string(kserve_name_of(declared.datatype)) + "'");
  }
  if (!shape_fits(tensor.shape, declared.shape)) {
    return refuse("unexpected shape for input " + quoted(tensor.name) + " for model " +
                  quoted(model) + ". Expected " + to_string(declared.shape) + ", got " +
                  to_string(tensor.shape) + ".");
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
    return refuse("input byte size mismatch for input " + quoted(tensor.name) + " for model " +
                  quoted(model) + ". Expected " + std::to_string(*size) + ", got " +
                  std::to_string(tensor.data.size()));
  }
  return {};
}

// Gives unnamed inputs the model's names by position and refuses repeated ones. There are at most
// as many as the model has.
Result<void> name_inputs(InferRequest& request, const ModelInfo& model) {
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    std::string& name = request.inputs[i].name;
    if (name.empty()) {
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
  if (request.inputs.size() > model.inputs.size()) {
    return wrong_count(request, model);
  }
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
      return wrong_count(request, model);
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
