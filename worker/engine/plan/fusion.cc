// Fusions: what a convolution or matmul can do on its way out instead of a step of its own.
//
//   Conv -> BatchNormalization                scale and shift go into the weights
//   {Conv, MatMul, Gemm} -> Add(constant)     bias; likewise what integer_patterns.cc made of them
//   Conv -> Add(same shape)                   residual, added in place where it ends
//   {Conv, MatMul, Gemm} -> Relu, Clip, ...   activation
//
// Of 16-bit floats only relu and clip: whoever rounds before them rounds to the same after them.
//
// Only along values with one reader that are no graph outputs, so nobody misses what vanishes.

#include <algorithm>
#include <cmath>
#include <utility>

#include "worker/engine/plan/plan.h"

namespace sluice::engine {
namespace {

class Fuser {
 public:
  explicit Fuser(Plan& plan) : plan_(plan), readers_(plan.value_names.size()) {
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      for (const ValueId value : plan.steps[i].node.inputs) {
        if (value != kNoValue) {
          readers_[value].push_back(i);
        }
      }
    }
    for (const Declared& output : plan.outputs) {
      readers_[output.value].push_back(kOutput);
    }
    gone_.resize(plan.steps.size(), false);
    done_.resize(plan.steps.size(), false);
  }

  Result<void> run(bool with_kernels) {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (gone_[i] || done_[i] || !plan_.steps[i].entry->fuses_tail) {
        continue;
      }
      std::size_t at = i;
      if (plan_.steps[i].node.op_type == "Conv" && plan_.takes(PassFamily::batch_norm)) {
        SLUICE_TRY(take_batch_norm(at));
      }
      if (with_kernels && plan_.takes(PassFamily::bias)) {
        take_bias(at);
      }
      if (with_kernels && plan_.takes(PassFamily::residual) &&
          plan_.steps[at].entry->fuses_residual) {
        take_residual(at);
      }
      if (with_kernels && plan_.takes(PassFamily::activation)) {
        take_activation(at);
      }
      done_[at] = true;  // it moved behind `i`: what follows its activation is not its own
    }
    std::vector<Step> kept;
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (!gone_[i]) {
        kept.push_back(std::move(plan_.steps[i]));
      }
    }
    plan_.steps = std::move(kept);
    return {};
  }

 private:
  static constexpr std::size_t kOutput = ~std::size_t{0};
  static constexpr std::size_t kNone = ~std::size_t{0} - 1;

  // The only reader of the step's result; kNone when there are more, or it leaves the graph.
  [[nodiscard]] std::size_t reader_of(std::size_t step) const {
    const Node& node = plan_.steps[step].node;
    if (node.outputs.size() != 1) {
      return kNone;
    }
    const auto& readers = readers_[node.outputs[0]];
    return readers.size() == 1 && readers[0] != kOutput ? readers[0] : kNone;
  }

  [[nodiscard]] bool is(std::size_t step, std::string_view name) const {
    return step != kNone && plan_.steps[step].node.op_type == name &&
           plan_.steps[step].node.domain.empty();
  }

  // The step `by` takes the place and the result of its reader. Moving it there is safe: nobody
  // read its result in between. `at` becomes its new position.
  void absorb(std::size_t& at, std::size_t reader) {
    plan_.steps[at].node.outputs = plan_.steps[reader].node.outputs;
    std::swap(plan_.steps[at], plan_.steps[reader]);
    gone_[at] = true;
    for (const ValueId value : plan_.steps[reader].node.inputs) {
      if (value != kNoValue) {
        std::ranges::replace(readers_[value], at, reader);
      }
    }
    at = reader;
  }

  [[nodiscard]] const Shape* typical(ValueId value) const {
    return plan_.typical[value] ? &*plan_.typical[value] : nullptr;
  }

  ValueId add_constant(const std::string& name, Tensor tensor) {
    plan_.value_names.push_back(name);
    plan_.typical.emplace_back(tensor.dims());
    plan_.datatypes.push_back(tensor.datatype());
    plan_.constants.push_back(std::make_shared<Constant>(std::move(tensor)));
    readers_.emplace_back();
    return static_cast<ValueId>(plan_.value_names.size() - 1);
  }

  Result<void> take_batch_norm(std::size_t& at);
  void take_bias(std::size_t& at);
  void take_residual(std::size_t& at);
  void take_activation(std::size_t& at);
  [[nodiscard]] bool is_bias(ValueId value, const Shape& result, bool channels_first) const;

  Plan& plan_;
  std::vector<std::vector<std::size_t>> readers_;  // by value: step positions, kOutput
  std::vector<bool> gone_;
  std::vector<bool> done_;
};

Result<void> Fuser::take_batch_norm(std::size_t& at) {
  const std::size_t reader = reader_of(at);
  if (!is(reader, "BatchNormalization") || plan_.steps[reader].node.outputs.size() != 1 ||
      plan_.steps[reader].node.inputs[0] != plan_.steps[at].node.outputs[0] ||
      plan_.datatypes[plan_.steps[at].node.outputs[0]] != DataType::float32) {
    return {};
  }
  Node& conv = plan_.steps[at].node;
  const Node& norm = plan_.steps[reader].node;
  const bool has_bias = conv.has_input(2);
  std::vector<TensorView> terms;  // weight, scale, shift, mean, variance, old bias
  for (const ValueId value : {conv.inputs[1],
                              norm.inputs[1],
                              norm.inputs[2],
                              norm.inputs[3],
                              norm.inputs[4],
                              has_bias ? conv.inputs[2] : norm.inputs[1]}) {
    if (!plan_.is_constant(value) || plan_.constants[value]->datatype() != DataType::float32) {
      return {};
    }
    SLUICE_TRY_ASSIGN(const TensorView view, plan_.constants[value]->view());
    terms.push_back(view);
  }
  const auto channels = static_cast<std::size_t>(terms[0].dims[0]);
  if (!std::ranges::all_of(terms.begin() + 1, terms.end(), [&](const TensorView& term) {
        return static_cast<std::size_t>(term.count) == channels;
      })) {
    return {};  // its own infer will say what is wrong
  }
  float epsilon = 1e-5F;
  for (const Attribute& attribute : norm.attributes) {
    epsilon = attribute.name == "epsilon" ? attribute.real : epsilon;
  }
  SLUICE_TRY_ASSIGN(
      Tensor weight,
      Tensor::create(DataType::float32, {terms[0].dims.begin(), terms[0].dims.end()}));
  SLUICE_TRY_ASSIGN(Tensor bias, Tensor::create(DataType::float32, {terms[0].dims[0]}));
  const auto from = terms[0].as<float>();
  TensorView weight_view = weight.view();
  TensorView bias_view = bias.view();
  const auto to = weight_view.mut<float>();
  const std::size_t inner = channels > 0 ? from.size() / channels : 0;
  for (std::size_t c = 0; c < channels; ++c) {
    const float factor = terms[1].as<float>()[c] / std::sqrt(terms[4].as<float>()[c] + epsilon);
    const float old = has_bias ? terms[5].as<float>()[c] : 0.0F;
    bias_view.mut<float>()[c] = (old - terms[3].as<float>()[c]) * factor + terms[2].as<float>()[c];
    for (std::size_t i = 0; i < inner; ++i) {
      to[c * inner + i] = from[c * inner + i] * factor;
    }
  }
  conv.inputs.resize(3, kNoValue);
  plan_.steps[at].consumed.resize(3, false);
  plan_.steps[at].written_inputs = 3;
  conv.inputs[1] = add_constant(plan_.value_names[conv.inputs[1]] + "/scaled", std::move(weight));
  conv.inputs[2] = add_constant(conv.name + "/shift", std::move(bias));
  absorb(at, reader);
  return {};
}

// One number for each channel of `result`: [C,1,1] for [N,C,H,W], [N] for [M,N].
bool Fuser::is_bias(ValueId value, const Shape& result, bool channels_first) const {
  if (!plan_.is_constant(value) || plan_.constants[value]->datatype() != DataType::float32) {
    return false;
  }
  const Shape& dims = plan_.constants[value]->dims();
  const std::size_t axis = channels_first ? 1 : result.size() - 1;
  if (dims.size() > result.size() || result.size() < 2) {
    return false;
  }
  const std::size_t missing = result.size() - dims.size();
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != (i + missing == axis ? result[axis] : 1)) {
      return false;
    }
  }
  return axis >= missing;
}

void Fuser::take_bias(std::size_t& at) {
  const std::size_t reader = reader_of(at);
  Step& step = plan_.steps[at];
  const bool is_conv = is(at, "Conv") || step.node.op_type == "ConvIntegerToFloat";
  if (!is(reader, "Add") || plan_.steps[reader].node.since < 7 ||
      step.node.has_input(step.entry->own_bias) ||
      plan_.datatypes[step.node.outputs[0]] != DataType::float32) {
    return;
  }
  const Shape* result = typical(step.node.outputs[0]);
  const Node& add = plan_.steps[reader].node;
  const ValueId other = add.inputs[0] == step.node.outputs[0] ? add.inputs[1] : add.inputs[0];
  if (result == nullptr || !is_bias(other, *result, is_conv)) {
    return;
  }
  step.tail.bias = other;
  readers_[other].push_back(at);
  absorb(at, reader);
}

void Fuser::take_residual(std::size_t& at) {
  const std::size_t reader = reader_of(at);
  Step& step = plan_.steps[at];
  if (!is(reader, "Add") || plan_.steps[reader].node.since < 7 ||
      plan_.datatypes[step.node.outputs[0]] != DataType::float32) {
    return;
  }
  const Node& add = plan_.steps[reader].node;
  const ValueId other = add.inputs[0] == step.node.outputs[0] ? add.inputs[1] : add.inputs[0];
  const Shape* mine = typical(step.node.outputs[0]);
  const Shape* theirs = typical(other);
  if (other == step.node.outputs[0] || plan_.is_constant(other) || mine == nullptr ||
      theirs == nullptr || *mine != *theirs || mine->size() < 3) {
    return;
  }
  step.node.inputs.resize(3, kNoValue);  // x, weight, bias, then the residual
  step.node.inputs.push_back(other);
  step.consumed.resize(4, false);
  step.tail.residual = 3;
  absorb(at, reader);
  std::ranges::replace(readers_[other], reader, at);
}

void Fuser::take_activation(std::size_t& at) {
  const std::size_t reader = reader_of(at);
  Step& step = plan_.steps[at];
  const DataType made = plan_.datatypes[step.node.outputs[0]];
  if (reader == kNone || plan_.steps[reader].entry->as_activation == nullptr ||
      (made != DataType::float32 && !is_half(made)) ||
      plan_.steps[reader].node.inputs[0] != step.node.outputs[0]) {
    return;
  }
  std::vector<InputFact> facts;
  std::vector<TensorView> views(plan_.steps[reader].node.inputs.size());
  for (std::size_t i = 0; i < views.size(); ++i) {
    const ValueId value = plan_.steps[reader].node.inputs[i];
    facts.emplace_back();
    facts.back().present = value != kNoValue;
    if (plan_.is_constant(value)) {
      auto view = plan_.constants[value]->view();
      if (!view) {
        return;
      }
      views[i] = *view;
      facts.back().value = &views[i];
    }
  }
  Tail tail = step.tail;
  const InputFacts seen{.inputs = facts, .output_count = 1};
  if (plan_.steps[reader].entry->as_activation(plan_.steps[reader].params, seen, tail) &&
      (!is_half(made) || tail.activation != Activation::leaky_relu)) {
    step.tail = tail;
    absorb(at, reader);
  }
}

}  // namespace

Result<void> fuse_steps(Plan& plan) {
  return Fuser(plan).run(true);
}

Result<void> fold_batch_norms(Plan& plan) {
  return Fuser(plan).run(false);
}

}  // namespace sluice::engine
