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

}  // namespace

std::string write_scaled_product(Rewrite& to,
                                 const ValueNames& integers,
                                 const std::string& scale,
                                 const std::string& bias,
                                 const std::string& result) {
  const std::string exact = to.add("MatMulInteger", integers);
  const std::string sum = to.add("CastLike", {exact, scale});
  return bias.empty() ? to.add("Mul", {sum, scale}, {result})
                      : to.add("Add", {to.add("Mul", {sum, scale}), bias}, {result});
}

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
  write_scaled_product(to,
                       {to.in(0), to.in(1), to.in(4), to.in(5)},
                       to.add("Mul", {to.in(2), to.in(3)}),
                       to.in(6),
                       to.out(0));
  return {};
}

Result<void> write_dynamic_quantize_matmul(Rewrite& to) {
  SLUICE_TRY(to.only({}));
  const ValueNames parts = {to.fresh("bytes"), to.fresh("scale"), to.fresh("zero")};
  to.add("DynamicQuantizeLinear", {to.in(0)}, parts);
  write_scaled_product(to,
                       {parts[0], to.in(1), parts[2], to.in(3)},
                       to.add("Mul", {parts[1], to.in(2)}),
                       to.in(4),
                       to.out(0));
  return {};
}

// Inputs: A, B, each with its scale and zero point; C in the product's own integers; scale and zero
// point of the result, which is float32 without.
Result<void> write_q_gemm(Rewrite& to) {
  SLUICE_TRY(to.only({"alpha", "transA", "transB"}));
  const auto operand = [&](int i, const char* turns) {
    if (to.integer(turns, 0) == 0) {
      return to.in(i);
    }
    const std::string turned = to.add("Transpose", {to.in(i)});
    to.with("perm", {1, 0});
    return turned;
  };
  std::string scale = to.add("Mul", {to.in(1), to.in(4)});
  if (const float alpha = to.real("alpha", 1); alpha != 1) {
    scale = to.add("Mul", {scale, to.number(alpha, scale)});
  }
  const std::string bias =
      to.has_in(6) ? to.add("Mul", {to.add("CastLike", {to.in(6), scale}), scale}) : "";
  const bool bytes = to.has_in(7);
  const std::string y =
      write_scaled_product(to,
                           {operand(0, "transA"), operand(3, "transB"), to.in(2), to.in(5)},
                           scale,
                           bias,
                           bytes ? to.fresh("sum") : to.out(0));
  if (bytes) {
    to.add("QuantizeLinear",
           to.has_in(8) ? ValueNames{y, to.in(7), to.in(8)} : ValueNames{y, to.in(7)},
           {to.out(0)});
  }
  return {};
}

}  // namespace sluice::engine
