#include "worker/engine/plan/writer_types.h"

#include <algorithm>
#include <cstddef>

#include "worker/engine/graph/onnx_types.h"
#include "worker/engine/read/maps.h"

namespace sluice::engine {
namespace {

void write_tensor_type(const Declared& declared, onnx::TypeProto& type) {
  auto& tensor = *type.mutable_tensor_type();
  tensor.set_elem_type(onnx_type_of(declared.datatype));
  if (!declared.has_shape) {
    return;
  }
  auto& shape = *tensor.mutable_shape();
  for (std::size_t i = 0; i < declared.dims.size(); ++i) {
    auto& dim = *shape.add_dim();
    if (declared.dims[i] >= 0) {
      dim.set_dim_value(declared.dims[i]);
    } else if (!declared.symbols[i].empty()) {
      dim.set_dim_param(declared.symbols[i]);
    }
  }
}

// The map that the inputs `keys` and `values` are in requests.
void write_map(const Declared& keys,
               const Declared& values,
               const std::string& name,
               onnx::ValueInfoProto& proto) {
  proto.set_name(name);
  auto& map = *proto.mutable_type()->mutable_map_type();
  map.set_key_type(onnx_type_of(keys.datatype));
  map.mutable_value_type()->mutable_tensor_type()->set_elem_type(onnx_type_of(values.datatype));
}

}  // namespace

Result<void> write_declared(const Declared& declared,
                            const std::string& name,
                            onnx::ValueInfoProto& proto) {
  proto.set_name(name);
  if (declared.form == Form::maps) {
    return Error{ErrorCode::unsupported,
                 "'" + name + "' is a sequence of maps that no ZipMap makes"};
  }
  if (declared.datatype == DataType::undefined) {
    return {};  // of a graph inside another, where nothing need be said
  }
  onnx::TypeProto* type = proto.mutable_type();
  if (declared.form == Form::optional_tensor || declared.form == Form::optional_sequence) {
    type = type->mutable_optional_type()->mutable_elem_type();
  }
  if (declared.form == Form::sequence || declared.form == Form::optional_sequence) {
    type = type->mutable_sequence_type()->mutable_elem_type();
  }
  write_tensor_type(declared, *type);
  return {};
}

bool write_maps(const Plan& plan,
                const Declared& declared,
                const std::string& name,
                onnx::ValueInfoProto& proto) {
  const auto maker = std::ranges::find_if(plan.steps, [&](const Step& step) {
    return step.node.op_type == "ZipMap" && step.node.outputs[0] == declared.value;
  });
  if (declared.form != Form::maps || maker == plan.steps.end()) {
    return false;
  }
  const bool texts = std::ranges::any_of(
      maker->node.attributes, [](const Attribute& attribute) { return !attribute.texts.empty(); });
  proto.set_name(name);
  auto& map =
      *proto.mutable_type()->mutable_sequence_type()->mutable_elem_type()->mutable_map_type();
  map.set_key_type(texts ? onnx::TensorProto::STRING : onnx::TensorProto::INT64);
  map.mutable_value_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  return true;
}

Result<void> write_inputs(const Plan& plan,
                          const std::vector<std::string>& names,
                          onnx::GraphProto& graph) {
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    const Declared& input = plan.inputs[i];
    if (input.form == Form::map_keys) {
      write_map(input, plan.inputs[i + 1], map_name(names[input.value]), *graph.add_input());
    } else if (input.form != Form::map_values) {
      SLUICE_TRY(write_declared(input, names[input.value], *graph.add_input()));
    }
  }
  return {};
}

}  // namespace sluice::engine
