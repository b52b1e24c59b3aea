#include "worker/engine/read/declared.h"

#include "common/base/limits.h"
#include "worker/engine/graph/onnx_types.h"
#include "worker/engine/read/tensors.h"

namespace sluice::engine {
namespace {

Result<Declared> read_tensor_type(const std::string& name, const onnx::TypeProto::Tensor& type) {
  Declared declared;
  declared.datatype = datatype_of(type.elem_type());
  if (declared.datatype == DataType::undefined) {
    return Error{ErrorCode::unsupported,
                 "'" + name + "' has ONNX datatype " + std::to_string(type.elem_type()) +
                     ", which is not supported"};
  }
  declared.has_shape = type.has_shape();
  for (const auto& dim : type.shape().dim()) {
    // Exporters write extents that are open as a name, as nothing, or as -1 (0: PaddlePaddle, MXNet
    // for a batch): only a positive number is one.
    const bool fixed = dim.has_dim_value() && dim.dim_value() > 0;
    declared.dims.push_back(fixed ? dim.dim_value() : -1);
    declared.symbols.push_back(dim.has_dim_param() ? dim.dim_param() : "");
  }
  if (declared.dims.size() > limits::kTensorRank) {
    return corrupt("'" + name + "' has " + std::to_string(declared.dims.size()) + " dimensions");
  }
  return declared;
}

Result<Declared> read_map_type(const std::string& name, const onnx::TypeProto::Map& type) {
  Declared declared;
  if (type.value_type().has_tensor_type()) {
    SLUICE_TRY_ASSIGN(declared, read_tensor_type(name, type.value_type().tensor_type()));
  }
  declared.form = Form::map;
  declared.key = datatype_of(type.key_type());
  return declared;
}

Result<Declared> read_form(const std::string& name, const onnx::TypeProto& type) {
  Declared declared;
  if (type.has_tensor_type()) {
    return read_tensor_type(name, type.tensor_type());
  }
  if (type.has_map_type()) {
    return read_map_type(name, type.map_type());
  }
  if (type.has_sequence_type()) {
    const onnx::TypeProto& element = type.sequence_type().elem_type();
    if (element.has_tensor_type()) {
      SLUICE_TRY_ASSIGN(declared, read_tensor_type(name, element.tensor_type()));
      declared.form = Form::sequence;
      return declared;
    }
    if (element.has_map_type()) {
      declared.form = Form::maps;
      return declared;
    }
  }
  if (type.has_optional_type()) {
    const onnx::TypeProto& element = type.optional_type().elem_type();
    SLUICE_TRY_ASSIGN(declared, read_form(name, element));
    if (declared.form == Form::tensor || declared.form == Form::sequence) {
      declared.form =
          declared.form == Form::tensor ? Form::optional_tensor : Form::optional_sequence;
      return declared;
    }
  }
  return Error{ErrorCode::unsupported,
               "'" + name + "' is neither a tensor nor a sequence or optional of tensors"};
}

}  // namespace

Result<Declared> read_declared(const onnx::ValueInfoProto& proto) {
  return read_form(proto.name(), proto.type());
}

Result<Declared> read_hint(const onnx::ValueInfoProto& proto) {
  Declared declared;
  auto read = read_form(proto.name(), proto.type());
  if (read && read->form == Form::tensor) {
    declared = *std::move(read);
  }
  declared.hint = true;
  return declared;
}

}  // namespace sluice::engine
