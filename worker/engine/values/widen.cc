#include "worker/engine/values/widen.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/tensor/small_float.h"
#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/halves.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kGrain = 32'768;      // elements worth a thread
constexpr std::int64_t kKnownValues = 1024;  // of a value that infer may look at: bounds, not data

template <class From, class To, class ConvertRow>
void convert_rows(const TensorView& from, TensorView& to, const ConvertRow& convert) {
  const auto* in = static_cast<const From*>(from.data);
  auto* out = static_cast<To*>(to.data);
  parallel_for(from.count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    convert(in + begin, out + begin, end - begin);
  });
}

void widen_brains(const BFloat16* from, float* to, std::int64_t count) {
  std::transform(from, from + count, to, [](BFloat16 x) { return to_float(x); });
}
void narrow_brains(const float* from, BFloat16* to, std::int64_t count) {
  std::transform(from, from + count, to, narrow<BFloat16>);
}
void round_brains(const float* from, float* to, std::int64_t count) {
  std::transform(from, from + count, to, [](float x) { return to_float(narrow<BFloat16>(x)); });
}

// What the input was before the plan widened it, if it did.
DataType original(const Step& step, std::span<const InputFact> inputs, std::size_t i) {
  if (i < step.halves.size() && step.halves[i] != DataType::undefined) {
    return step.halves[i];
  }
  return inputs[i].present ? inputs[i].datatype : DataType::undefined;
}

bool stays_wide(const OperatorEntry& entry, std::size_t output) {
  return std::ranges::find(entry.wide_outputs, output) != entry.wide_outputs.end();
}

}  // namespace

DataType rounds_to(const Step& step, std::span<const InputFact> inputs) {
  if (step.entry->halves == HalfRule::native) {
    return DataType::undefined;
  }
  bool any = false;
  DataType first = DataType::undefined;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const DataType datatype = original(step, inputs, i);
    any = any || is_half(datatype);
    if (first == DataType::undefined &&
        (is_half(datatype) || datatype == DataType::float32 || datatype == DataType::float64)) {
      first = datatype;
    }
  }
  return !any ? DataType::undefined : is_half(first) ? first : DataType::float32;
}

Result<OutputFacts> infer_outputs(const Step& step, std::span<const InputFact> inputs) {
  const auto infer = [&](std::span<const InputFact> facts) -> Result<OutputFacts> {
    SLUICE_TRY_ASSIGN(
        OutputFacts made,
        step.entry->kernel.infer(step.params,
                                 {.inputs = facts, .output_count = step.node.outputs.size()}));
    for (const OutputFact& fact : made) {
      if (!fact.data_dependent) {  // so that nobody behind multiplies dims that do not fit
        SLUICE_TRY(storage_bytes(fact.datatype, fact.dims));
      }
    }
    return made;
  };
  const DataType rounded = rounds_to(step, inputs);
  if (rounded == DataType::undefined) {
    return infer(inputs);
  }
  std::vector<InputFact> wide(inputs.begin(), inputs.end());
  std::vector<Tensor> values(inputs.size());
  std::vector<TensorView> views(inputs.size());
  for (std::size_t i = 0; i < wide.size(); ++i) {
    if (!is_half(wide[i].datatype)) {
      continue;
    }
    wide[i].datatype = DataType::float32;
    if (wide[i].value != nullptr && wide[i].value->count <= kKnownValues) {
      SLUICE_TRY_ASSIGN(values[i], converted(*wide[i].value, DataType::float32));
      views[i] = values[i].view();
      wide[i].value = &views[i];
    } else {
      wide[i].value = nullptr;
    }
  }
  SLUICE_TRY_ASSIGN(OutputFacts facts, infer(wide));
  for (std::size_t i = 0; i < facts.size(); ++i) {
    if (facts[i].datatype != DataType::float32 || !is_half(rounded) || stays_wide(*step.entry, i)) {
      continue;
    }
    facts[i].datatype = rounded;
    facts[i].rounded = true;
    if (facts[i].value != nullptr) {
      SLUICE_TRY_ASSIGN(Tensor value, converted(facts[i].value->view(), rounded));
      facts[i].value = std::make_shared<const Tensor>(std::move(value));
    }
  }
  return facts;
}

void convert_halves(const TensorView& from, TensorView& to) {
  SLUICE_CHECK(from.count == to.count);
  if (from.datatype == DataType::float16) {
    convert_rows<Float16, float>(from, to, widen_row);
  } else if (from.datatype == DataType::bfloat16) {
    convert_rows<BFloat16, float>(from, to, widen_brains);
  } else if (to.datatype == DataType::float16) {
    convert_rows<float, Float16>(from, to, narrow_row);
  } else {
    SLUICE_CHECK(to.datatype == DataType::bfloat16);
    convert_rows<float, BFloat16>(from, to, narrow_brains);
  }
}

void round_to_halves(const TensorView& from, DataType half, TensorView& to) {
  SLUICE_CHECK(from.count == to.count);
  if (half == DataType::float16) {
    convert_rows<float, float>(from, to, round_row);
  } else {
    SLUICE_CHECK(half == DataType::bfloat16);
    convert_rows<float, float>(from, to, round_brains);
  }
}

Result<Tensor> converted(const TensorView& from, DataType to) {
  SLUICE_TRY_ASSIGN(Tensor tensor, Tensor::create(to, {from.dims.begin(), from.dims.end()}));
  TensorView view = tensor.view();
  convert_halves(from, view);
  return tensor;
}

Result<void> widen_constants(Plan& plan) {
  std::map<ValueId, ValueId> wide;
  for (Step& step : plan.steps) {
    if (step.entry->halves == HalfRule::native) {
      continue;
    }
    step.halves.assign(step.node.inputs.size(), DataType::undefined);
    for (std::size_t i = 0; i < step.node.inputs.size(); ++i) {
      const ValueId value = step.node.inputs[i];
      if (!plan.is_constant(value) || !is_half(plan.constants[value]->datatype())) {
        continue;
      }
      step.halves[i] = plan.constants[value]->datatype();
      auto made = wide.find(value);
      if (made == wide.end()) {
        SLUICE_TRY_ASSIGN(const TensorView view, plan.constants[value]->view());
        SLUICE_TRY_ASSIGN(Tensor tensor, converted(view, DataType::float32));
        made = wide.emplace(value, static_cast<ValueId>(plan.value_names.size())).first;
        plan.value_names.push_back(plan.value_names[value]);
        plan.constants.push_back(std::make_shared<Constant>(std::move(tensor)));
      }
      step.node.inputs[i] = made->second;
    }
  }
  return {};
}

}  // namespace sluice::engine
