#include "worker/engine/read/contrib_products.h"

#include <string>
#include <vector>

namespace sluice::engine {
namespace {

using ValueNames = Rewrite::Names;

// The activation that a fused operator ends with, with its numbers by their usual names.
Result<void> activate(Rewrite& to,
                      const std::string& name,
                      const std::vector<float>& numbers,
                      const std::string& x) {
  const std::string y = to.out(0);
  if (name.empty()) {
    to.add("Identity", {x}, {y});
  } else if (name == "Relu" || name == "Tanh" || name == "Sigmoid" || name == "Softplus" ||
             name == "Softsign") {
    to.add(name, {x}, {y});
  } else if ((name == "LeakyRelu" || name == "Elu" || name == "ThresholdedRelu") &&
             numbers.size() == 1) {
    to.add(name, {x}, {y});
    to.with("alpha", numbers[0]);
  } else if (name == "HardSigmoid" && numbers.size() == 2) {
    to.add(name, {x}, {y});
    to.with("alpha", numbers[0]).with("beta", numbers[1]);
  } else if (name == "Clip" && numbers.size() == 2) {
    to.add("Clip", {x, to.number(numbers[0], x), to.number(numbers[1], x)}, {y});
  } else {
    return Error{ErrorCode::unsupported,
                 "activation '" + name + "' with " + std::to_string(numbers.size()) + " numbers"};
  }
  return {};
}

// (A - a_zero) (B - b_zero) in integers, times a_scale * b_scale, plus bias.
void scaled_product(Rewrite& to,
                    const ValueNames& integers,
                    const std::string& a_scale,
                    const std::string& b_scale,
                    const std::string& bias) {
  const std::string exact = to.add("MatMulInteger", integers);
  const std::string sum = to.add("CastLike", {exact, a_scale});
  const std::string scale = to.add("Mul", {a_scale, b_scale});
  if (bias.empty()) {
    to.add("Mul", {sum, scale}, {to.out(0)});
  } else {
    to.add("Add", {to.add("Mul", {sum, scale}), bias}, {to.out(0)});
  }
}

}  // namespace

Result<void> write_fused_gemm(Rewrite& to) {
  const ValueNames of_activation = {
      "activation", "activation_alpha", "activation_beta", "activation_gamma"};
  const std::string product = to.add(
      "Gemm",
      to.has_in(2) ? ValueNames{to.in(0), to.in(1), to.in(2)} : ValueNames{to.in(0), to.in(1)});
  to.with_calls_but(of_activation);
  std::vector<float> numbers;
  for (std::size_t i = 1; i < of_activation.size(); ++i) {
    if (const auto* given = to.find(of_activation[i])) {
      numbers.push_back(given->f());
    }
  }
  return activate(to, to.text("activation"), numbers, product);
}

// The fourth input is added before the activation.
Result<void> write_fused_conv(Rewrite& to) {
  std::string y = to.add(
      "Conv",
      to.has_in(2) ? ValueNames{to.in(0), to.in(1), to.in(2)} : ValueNames{to.in(0), to.in(1)});
  to.with_calls_but({"activation", "activation_params"});
  y = to.has_in(3) ? to.add("Add", {y, to.in(3)}) : y;
  std::vector<float> numbers;
  if (const auto* given = to.find("activation_params")) {
    numbers.assign(given->floats().begin(), given->floats().end());
  }
  return activate(to, to.text("activation"), numbers, y);
}

Result<void> write_matmul_integer_to_float(Rewrite& to) {
  SLUICE_TRY(to.only({}));
  scaled_product(to, {to.in(0), to.in(1), to.in(4), to.in(5)}, to.in(2), to.in(3), to.in(6));
  return {};
}

Result<void> write_dynamic_quantize_matmul(Rewrite& to) {
  SLUICE_TRY(to.only({}));
  const ValueNames parts = {to.fresh("bytes"), to.fresh("scale"), to.fresh("zero")};
  to.add("DynamicQuantizeLinear", {to.in(0)}, parts);
  scaled_product(to, {parts[0], to.in(1), parts[2], to.in(3)}, parts[1], to.in(2), to.in(4));
  return {};
}

}  // namespace sluice::engine
