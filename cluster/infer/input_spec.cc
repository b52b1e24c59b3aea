#include "cluster/infer/input_spec.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster/infer/json_tensor.h"
#include "cluster/infer/npy.h"
#include "cluster/infer/png_image.h"
#include "common/base/limits.h"
#include "common/process/unique_fd.h"
#include "worker/model/tensor_file.h"

namespace sluice::cluster {

namespace {

Error invalid(std::string detail) {
  return Error{ErrorCode::invalid_argument, std::move(detail)};
}

std::string input_names(const ModelInfo& model) {
  std::string names;
  for (const ValueInfo& input : model.inputs) {
    names += (names.empty() ? "'" : ", '") + input.name + "'";
  }
  return names;
}

// A word before the first '=' that could be meant as a name, if there is one.
std::string_view likely_name(std::string_view argument) {
  const std::size_t end = argument.find('=');
  if (end == std::string_view::npos || end == 0) {
    return {};
  }
  const std::string_view word = argument.substr(0, end);
  constexpr std::string_view kValueStarts = "@[{\"-0123456789";
  return kValueStarts.find(word.front()) == std::string_view::npos ? word : std::string_view();
}

Result<Buffer> read_file(const std::string& path) {
  const auto failed = [](int code) {
    return Error{code == ENOENT ? ErrorCode::not_found : ErrorCode::invalid_argument,
                 std::error_code(code, std::generic_category()).message()};
  };
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) < 0) {
    return failed(errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return invalid("not a regular file");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > limits::kHttpBodyBytes) {
    return Error{ErrorCode::resource_exhausted, "larger than a request may be"};
  }
  MutableBuffer bytes(size);
  for (std::size_t at = 0; at < size;) {
    const ssize_t n = ::read(file.get(), bytes.data() + at, size - at);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return n < 0 ? failed(errno) : invalid("became shorter while it was read");
    }
    at += static_cast<std::size_t>(n);
  }
  return std::move(bytes).freeze();
}

// The input that an unnamed value is for.
Result<const ValueInfo*> only_input(const ModelInfo& model) {
  if (model.inputs.size() != 1) {
    return invalid("the model has " + std::to_string(model.inputs.size()) +
                   " inputs, say which: NAME=VALUE with one of " + input_names(model));
  }
  return &model.inputs.front();
}

Result<NamedTensor> read_binary(const Buffer& file, std::string_view path, const ValueInfo& input) {
  if (path.ends_with(".png")) {
    return tensor_from_png(file, input);
  }
  return path.ends_with(".npy") ? read_npy(file) : model::read_tensor(file.bytes());
}

Result<std::vector<NamedTensor>> read_one(const InputSpec& spec, const ModelInfo& model) {
  Buffer bytes;
  if (spec.is_file) {
    SLUICE_TRY_ASSIGN(bytes, read_file(spec.text));
  }
  const bool json = !spec.is_file || spec.text.ends_with(".json");
  const std::string_view text = spec.is_file ? bytes.text() : std::string_view(spec.text);
  if (json && spec.input == nullptr && is_json_object(text)) {
    return tensors_from_request(text);
  }
  const ValueInfo* input = spec.input;
  if (input == nullptr) {
    SLUICE_TRY_ASSIGN(input, only_input(model));
  }
  if (json) {
    SLUICE_TRY_ASSIGN(NamedTensor tensor, tensor_from_json(text, *input));
    return std::vector<NamedTensor>{std::move(tensor)};
  }
  if (!spec.text.ends_with(".png") && !spec.text.ends_with(".npy") && !spec.text.ends_with(".pb")) {
    return invalid("the name of an input file ends with .json, .npy, .pb or .png");
  }
  SLUICE_TRY_ASSIGN(NamedTensor tensor, read_binary(bytes, spec.text, *input));
  tensor.name = input->name;
  return std::vector<NamedTensor>{std::move(tensor)};
}

}  // namespace

Result<InputSpec> parse_input_spec(std::string_view argument, const ModelInfo& model) {
  InputSpec spec;
  std::string_view value = argument;
  std::size_t longest = 0;  // of two names, one may be the other's beginning
  for (const ValueInfo& input : model.inputs) {
    const std::size_t size = input.name.size();
    if (size >= longest && argument.size() > size && argument.starts_with(input.name) &&
        argument[size] == '=') {
      spec.input = &input;
      longest = size;
      value = argument.substr(size + 1);
    }
  }
  if (spec.input == nullptr && !likely_name(argument).empty()) {
    return invalid("the model has no input '" + std::string(likely_name(argument)) +
                   "'; its inputs are " + input_names(model));
  }
  spec.is_file = value.starts_with('@');
  spec.text = spec.is_file ? value.substr(1) : value;
  return spec;
}

Result<std::vector<NamedTensor>> read_inputs(std::span<const std::string> arguments,
                                             const ModelInfo& model) {
  std::vector<NamedTensor> tensors;
  for (const std::string& argument : arguments) {
    SLUICE_TRY_ASSIGN(const InputSpec spec, parse_input_spec(argument, model));
    Result<std::vector<NamedTensor>> read = read_one(spec, model);
    if (!read) {
      return spec.is_file ? with_context(std::move(read).error(), spec.text)
                          : std::move(read).error();
    }
    for (NamedTensor& tensor : *read) {
      if (std::ranges::count(tensors, tensor.name, &NamedTensor::name) > 0) {
        return invalid("input '" + tensor.name + "' is given twice");
      }
      tensors.push_back(std::move(tensor));
    }
  }
  return tensors;
}

}  // namespace sluice::cluster
