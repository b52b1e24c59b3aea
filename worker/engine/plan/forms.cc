// note_forms: what a model's inputs and outputs are beyond tensors, and whether it can be served.

#include <algorithm>
#include <set>
#include <string>

#include "worker/engine/plan/plan.h"

namespace sluice::engine {
namespace {

std::string_view name_of(Form form) {
  switch (form) {
    case Form::sequence:
      return "a sequence";
    case Form::optional_tensor:
    case Form::optional_sequence:
      return "an optional";
    case Form::map:
      return "a map";
    case Form::maps:
      return "a sequence of maps";
    case Form::tensor:
    case Form::map_keys:
    case Form::map_values:
      break;
  }
  return "a tensor";
}

bool is_zip_map(const Step& step) {
  return step.node.op_type == "ZipMap" && step.node.domain == kMlDomain;
}

// The labels of the ZipMap that makes `value`; false when another operator does.
bool find_labels(const Plan& plan, ValueId value, ValueForm& form) {
  const auto maker = std::ranges::find_if(plan.steps, [&](const Step& step) {
    return is_zip_map(step) && step.node.outputs[0] == value;
  });
  if (maker == plan.steps.end()) {
    return false;
  }
  for (const Attribute& attribute : maker->node.attributes) {
    form.integer_labels = form.integer_labels || attribute.name == "classlabels_int64s";
    form.labels.insert(form.labels.end(), attribute.texts.begin(), attribute.texts.end());
    for (const std::int64_t label : attribute.integers) {
      form.labels.push_back(std::to_string(label));
    }
  }
  return true;
}

Error not_served(const Plan& plan, const char* what, const Declared& declared) {
  return {ErrorCode::unsupported,
          std::string(what) + " '" + plan.value_names[declared.value] + "' is " +
              std::string(name_of(declared.form)) +
              ", which no request can carry: requests and answers have tensors"};
}

// The small types of models have no name in any protocol.
Result<void> check_datatype(const Plan& plan,
                            const char* what,
                            const Declared& declared,
                            const PlanOptions& options) {
  if (options.any_forms || declared.datatype == DataType::undefined ||
      !kserve_name_of(declared.datatype).empty()) {
    return {};
  }
  return Error{ErrorCode::unsupported,
               std::string(what) + " '" + plan.value_names[declared.value] + "' is " +
                   std::string(sluice::name_of(declared.datatype)) +
                   ", which no request can carry"};
}

}  // namespace

Result<void> note_forms(Plan& plan, const PlanOptions& options) {
  for (const Declared& input : plan.inputs) {
    const bool is_tensor = input.form == Form::tensor || input.form == Form::map_keys ||
                           input.form == Form::map_values;
    if (input.form == Form::maps || (!is_tensor && !options.any_forms)) {
      return not_served(plan, "input", input);
    }
    SLUICE_TRY(check_datatype(plan, "input", input, options));
  }
  std::set<ValueId> maps;
  for (const Step& step : plan.steps) {
    if (is_zip_map(step)) {
      maps.insert(step.node.outputs[0]);
    }
  }
  for (const Step& step : plan.steps) {
    if (std::ranges::any_of(step.node.inputs, [&](ValueId v) { return maps.contains(v); })) {
      return Error{ErrorCode::unsupported,
                   describe(step.node) + " reads the maps of a ZipMap, which can only be results"};
    }
  }
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    const Declared& output = plan.outputs[i];
    ValueForm form{.form = output.form};
    const bool may_be = output.form == Form::tensor || output.form == Form::maps ||
                        (options.any_forms && output.form != Form::map);
    if (!may_be) {
      return not_served(plan, "output", output);
    }
    SLUICE_TRY(check_datatype(plan, "output", output, options));
    if (output.form == Form::maps) {
      if (!find_labels(plan, output.value, form)) {
        return not_served(plan, "output", output);
      }
      plan.info.outputs[i].datatype = DataType::float32;
      plan.info.outputs[i].shape = {-1, static_cast<std::int64_t>(form.labels.size())};
    }
    plan.output_forms.push_back(std::move(form));
  }
  return {};
}

}  // namespace sluice::engine
