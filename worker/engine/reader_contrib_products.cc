#include "worker/engine/reader_contrib_products.h"

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

// The fourth input is added before the activation.

// (A - a_zero) (B - b_zero) in integers, times a_scale * b_scale, plus bias. The inputs' numbers in

// the order of MatMulIntegerToFloat.

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

// Two numbers of 4 bits a byte, the low half first, become [rows, blocks, count] bytes.

std::string unpacked(Rewrite& to,
                     const std::string& bytes,
                     std::int64_t rows,
                     std::int64_t blocks,
                     std::int64_t count) {
  const auto byte = [&](std::int64_t value) {
    const std::string wide = to.integers({value});
    const std::string narrow = to.add("Cast", {wide});
    to.with("to", std::int64_t{onnx::TensorProto::UINT8});
    return narrow;
  };
  const std::string last = to.integers({-1});
  const std::string low = to.add("BitwiseAnd", {bytes, byte(15)});
  const std::string high = to.add("BitShift", {bytes, byte(4)});
  to.with("direction", "RIGHT");
  const std::string both =
      to.add("Concat", {to.add("Unsqueeze", {low, last}), to.add("Unsqueeze", {high, last})});
  to.with("axis", std::int64_t{-1});
  return to.add("Reshape", {both, to.integers({rows, blocks, count})});
}

// y = A W', W [N, K] = (B - zero) * scale in blocks of block_size along K. W is made when the model

// is loaded, in the datatype of the scales.

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

Result<void> write_matmul_n_bits(Rewrite& to) {
  SLUICE_TRY(to.only({"K", "N", "bits", "block_size", "accuracy_level"}));
  const std::int64_t k = to.integer("K", 0);
  const std::int64_t n = to.integer("N", 0);
  const std::int64_t bits = to.integer("bits", 4);
  const std::int64_t block = to.integer("block_size", 0);
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (k < 1 || n < 1 || k > kMost || n > kMost || block < 16 || block > kMost ||
      (block & (block - 1)) != 0) {
    return Error{ErrorCode::data_corrupt,
                 "K " + std::to_string(k) + ", N " + std::to_string(n) + " or block_size " +
                     std::to_string(block) + " is not possible"};
  }
  if ((bits != 4 && bits != 8) || to.has_in(4)) {
    return Error{ErrorCode::unsupported,
                 to.has_in(4) ? "g_idx" : "weights of " + std::to_string(bits) + " bits"};
  }
  const std::int64_t blocks = (k + block - 1) / block;
  const std::string scales = to.add("Reshape", {to.in(2), to.integers({n, blocks, 1})});
  const std::string numbers = bits == 8 ? to.in(1) : unpacked(to, to.in(1), n, blocks, block);
  std::string zero;
  if (!to.has_in(3)) {
    zero = to.number(bits == 4 ? 8.0F : 128.0F, scales);
  } else {
    const std::int64_t packed = (blocks + 1) / 2;
    const std::string rows =
        bits == 8 ? to.in(3)
                  : to.add("Slice",
                           {unpacked(to,
                                     to.add("Reshape", {to.in(3), to.integers({n, packed})}),
                                     n,
                                     2 * packed,
                                     1),
                            to.integers({0}),
                            to.integers({blocks}),
                            to.integers({1})});
    zero = to.add("CastLike", {to.add("Reshape", {rows, to.integers({n, blocks, 1})}), scales});
  }
  const std::string exact = to.add("Sub", {to.add("CastLike", {numbers, scales}), zero});
  const std::string padded =
      to.add("Reshape", {to.add("Mul", {exact, scales}), to.integers({n, blocks * block})});
  const std::string rows =
      to.add("Slice", {padded, to.integers({0}), to.integers({k}), to.integers({1})});
  const std::string weights = to.add("Transpose", {rows});
  if (to.has_in(5)) {
    to.add("Add", {to.add("MatMul", {to.in(0), weights}), to.in(5)}, {to.out(0)});
  } else {
    to.add("MatMul", {to.in(0), weights}, {to.out(0)});
  }
  return {};
}

}  // namespace sluice::engine
