// Binder::start: the inputs of a run against what the model declares, and the constants.

#include "worker/engine/bind/binder.h"

namespace sluice::engine {
namespace {

Result<void> check_input(const InputView& input, const Declared& declared, const ValueInfo& info) {
  const std::string where = "input '" + info.name + "'";
  if (!input.is_tensor) {
    const bool takes = declared.hint || (input.items && declared.form == Form::sequence) ||
                       declared.form == Form::optional_sequence ||
                       (!input.items && declared.form == Form::optional_tensor);
    return takes ? Result<void>()
                 : Error{ErrorCode::invalid_argument,
                         where + (input.items ? " is a sequence" : " holds nothing") +
                             ", which the model does not want"};
  }
  if (declared.hint) {
    const auto count = element_count(input.shape);
    return count ? Result<void>() : with_context(Error(count.error()), where);
  }
  if (declared.form == Form::sequence || declared.form == Form::optional_sequence) {
    return Error{ErrorCode::invalid_argument, where + " is a tensor, the model wants a sequence"};
  }
  if (input.datatype == DataType::undefined) {
    return Error{ErrorCode::invalid_argument, where + " is missing"};
  }
  if (input.datatype != declared.datatype) {
    return Error{ErrorCode::invalid_argument,
                 where + " is " + std::string(name_of(input.datatype)) + ", the model wants " +
                     std::string(name_of(declared.datatype))};
  }
  bool fits = !declared.has_shape || input.shape.size() == declared.dims.size();
  for (std::size_t i = 0; fits && declared.has_shape && i < input.shape.size(); ++i) {
    fits = declared.dims[i] < 0 || declared.dims[i] == input.shape[i];
  }
  if (!fits) {
    return Error{ErrorCode::invalid_argument,
                 where + ": shape " + to_string(input.shape) + ", the model wants " +
                     to_string(declared.dims)};
  }
  if (auto count = element_count(input.shape); !count) {
    return with_context(std::move(count).error(), where);
  }
  return {};
}

// The values of a map, which are as many as its keys: the input in front of them.
Result<void> check_map(const InputView& keys, const InputView& values, const ValueInfo& info) {
  if (keys.shape[0] == values.shape[0]) {
    return {};
  }
  return Error{ErrorCode::invalid_argument,
               "input '" + info.name + "': " + std::to_string(values.shape[0]) + " values for " +
                   std::to_string(keys.shape[0]) + " keys"};
}

}  // namespace

Result<void> Binder::start(const RunArguments& arguments) {
  Binding& binding = *binding_;
  binding.plan_ = &plan_;
  binding.slots_.resize(plan_.value_names.size());
  binding.views_.resize(plan_.value_names.size());
  for (std::uint32_t i = 0; i < binding.slots_.size(); ++i) {
    Slot& slot = binding.slots_[i];
    slot.root = i;
    if (plan_.constants[i] == nullptr) {
      continue;
    }
    Constant& constant = *plan_.constants[i];
    slot.datatype = constant.datatype();
    slot.known = true;
    slot.dims = constant.dims();
    slot.storage = Storage::constant;
    make_view(i);
    if (!constant.released()) {
      SLUICE_TRY_ASSIGN(binding.views_[i], constant.view());
    }
    if (before_ != nullptr) {
      same_[i] = true;
    }
  }
  if (arguments.inputs.size() != plan_.inputs.size()) {
    return Error{ErrorCode::invalid_argument,
                 "got " + std::to_string(arguments.inputs.size()) + " inputs, the model has " +
                     std::to_string(plan_.inputs.size())};
  }
  for (std::size_t i = 0; i < plan_.inputs.size(); ++i) {
    const InputView& input = arguments.inputs[i];
    SLUICE_TRY(check_input(input, plan_.inputs[i], plan_.info.inputs[i]));
    if (plan_.inputs[i].form == Form::map_values) {
      SLUICE_TRY(check_map(arguments.inputs[i - 1], input, plan_.info.inputs[i]));
    }
    const ValueId value = plan_.inputs[i].value;
    Slot& slot = binding.slots_[value];
    if (!input.is_tensor) {
      slot.storage = Storage::dynamic;
      binding.input_slots_.push_back(value);
      binding.input_sizes_.push_back(0);
      continue;
    }
    slot.datatype = input.datatype;
    slot.known = true;
    slot.dims = input.shape;
    slot.storage = Storage::input;
    slot.index = i;
    make_view(value);
    compare(value);
    binding.input_slots_.push_back(value);
    binding.input_sizes_.push_back(static_cast<std::size_t>(binding.views_[value].count) *
                                   element_size(slot.datatype));
  }
  for (const std::size_t output : arguments.outputs) {
    if (output >= plan_.outputs.size()) {
      return Error{ErrorCode::invalid_argument,
                   "output number " + std::to_string(output) + " does not exist"};
    }
    binding.wanted_.push_back(output);
  }
  return {};
}

}  // namespace sluice::engine
