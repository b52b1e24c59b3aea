// Spec of all: ContribOperators.md of ONNX Runtime (read 2026-11).

#include "worker/engine/read/contrib.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "worker/engine/read/contrib_attention.h"
#include "worker/engine/read/contrib_products.h"
#include "worker/engine/read/contrib_quantized.h"
#include "worker/engine/read/rewrite.h"

namespace sluice::engine {
namespace {

using Nodes = Rewrite::Nodes;
using ValueNames = Rewrite::Names;

// --- activations ---------------------------------------------------------------------------------

Result<void> gelu(Rewrite& to) {
  SLUICE_TRY(to.only({}));
  to.add("Gelu", {to.in(0)}, {to.out(0)});
  return {};
}

Result<void> bias_gelu(Rewrite& to) {
  SLUICE_TRY(to.only({}));
  to.add("Gelu", {to.add("Add", {to.in(0), to.in(1)})}, {to.out(0)});
  return {};
}

Result<void> fast_gelu(Rewrite& to) {
  SLUICE_TRY(to.only({}));
  const std::string x = to.has_in(1) ? to.add("Add", {to.in(0), to.in(1)}) : to.in(0);
  to.add("Gelu", {x}, {to.out(0)});
  to.with("approximate", "tanh");
  return {};
}

// x * sigmoid(alpha * x).
Result<void> quick_gelu(Rewrite& to) {
  SLUICE_TRY(to.only({"alpha"}));
  const std::string scaled =
      to.add("Mul", {to.in(0), to.number(to.real("alpha", 1.702F), to.in(0))});
  to.add("Mul", {to.in(0), to.add("Sigmoid", {scaled})}, {to.out(0)});
  return {};
}

// --- normalisation -------------------------------------------------------------------------------

Result<void> simplified_layer_norm(Rewrite& to) {
  SLUICE_TRY(to.only({"axis", "epsilon", "stash_type"}));
  if (to.has_out(1)) {
    return Error{ErrorCode::unsupported, "its second output"};
  }
  to.add("RMSNormalization", {to.in(0), to.in(1)}, {to.out(0)});
  to.with_calls_but({"stash_type"});
  return {};
}

// sum = input + skip (+ bias); its last inputs and outputs differ with the kind of norm.
Result<void> skip_layer_norm(Rewrite& to) {
  SLUICE_TRY(to.only({"epsilon"}));
  std::string sum = to.add("Add", {to.in(0), to.in(1)});
  sum = to.has_in(4) ? to.add("Add", {sum, to.in(4)}) : sum;
  to.add("LayerNormalization",
         to.has_in(3) ? ValueNames{sum, to.in(2), to.in(3)} : ValueNames{sum, to.in(2)},
         {to.out(0), to.out(1), to.out(2)});
  to.with("epsilon", to.real("epsilon", 1e-12F));
  to.copy_out(sum, 3);
  return {};
}

Result<void> skip_simplified_layer_norm(Rewrite& to) {
  SLUICE_TRY(to.only({"epsilon"}));
  if (to.has_out(1) || to.has_out(2)) {
    return Error{ErrorCode::unsupported, "its outputs of statistics"};
  }
  std::string sum = to.add("Add", {to.in(0), to.in(1)});
  sum = to.has_in(3) ? to.add("Add", {sum, to.in(3)}) : sum;
  to.add("RMSNormalization", {sum, to.in(2)}, {to.out(0)});
  to.with("epsilon", to.real("epsilon", 1e-12F));
  to.copy_out(sum, 3);
  return {};
}

// Inputs: ids, segments, tables of words, positions, segments, gamma, beta, mask, positions.
Result<void> embed_layer_norm(Rewrite& to) {
  SLUICE_TRY(to.only({"epsilon", "mask_index_type"}));
  std::string positions = to.in(3);
  if (to.has_in(8)) {
    positions = to.add("Gather", {positions, to.in(8)});
  } else {
    const std::string length = to.add("Shape", {to.in(0)});
    to.with("start", std::int64_t{1}).with("end", std::int64_t{2});
    positions = to.add("Slice", {positions, to.integers({0}), length, to.integers({0})});
  }
  std::string sum = to.add("Add", {to.add("Gather", {to.in(2), to.in(0)}), positions});
  if (to.has_in(1) && to.has_in(4)) {
    sum = to.add("Add", {sum, to.add("Gather", {to.in(4), to.in(1)})});
  }
  to.add("LayerNormalization", {sum, to.in(5), to.in(6)}, {to.out(0)});
  to.with("axis", std::int64_t{-1}).with("epsilon", to.real("epsilon", 1e-12F));
  if (to.has_out(1) && to.has_in(7)) {
    // How many are 1, in each row.
    const std::string one = to.add("CastLike", {to.integers({1}), to.in(7)});
    const std::string ones = to.add("Cast", {to.add("Equal", {to.in(7), one})});
    to.with("to", std::int64_t{onnx::TensorProto::INT32});
    to.add("ReduceSum", {ones, to.integers({1})}, {to.out(1)});
    to.with("keepdims", std::int64_t{0});
  } else if (to.has_out(1)) {
    const std::string batch = to.add("Shape", {to.in(0)});
    to.with("start", std::int64_t{0}).with("end", std::int64_t{1});
    const std::string zero = to.add("Cast", {to.integers({0})});
    to.with("to", std::int64_t{onnx::TensorProto::INT32});
    to.add("Expand", {zero, batch}, {to.out(1)});
  }
  to.copy_out(sum, 2);
  return {};
}

// The same operator of ai.onnx, which came later.
template <const char* kName>
Result<void> same(Rewrite& to) {
  ValueNames inputs;
  for (int i = 0; i < 3 && (i < 2 || to.has_in(i)); ++i) {
    inputs.push_back(to.in(i));
  }
  to.add(kName, inputs, {to.out(0)});
  to.with_calls_but({});
  return {};
}
constexpr char kQuantize[] = "QuantizeLinear";
constexpr char kDequantize[] = "DequantizeLinear";

struct Definition {
  const char* name;
  Result<void> (*write)(Rewrite&);
};

constexpr Definition kDefinitions[] = {
    {"Attention", write_attention},
    {"BiasGelu", bias_gelu},
    {"DequantizeLinear", same<kDequantize>},
    {"DynamicQuantizeLSTM", write_dynamic_quantize_lstm},
    {"DynamicQuantizeMatMul", write_dynamic_quantize_matmul},
    {"EmbedLayerNormalization", embed_layer_norm},
    {"FastGelu", fast_gelu},
    {"FusedConv", write_fused_conv},
    {"FusedGemm", write_fused_gemm},
    {"Gelu", gelu},
    {"MatMulIntegerToFloat", write_matmul_integer_to_float},
    {"MultiHeadAttention", write_multi_head_attention},
    {"QAttention", write_q_attention},
    {"QGemm", write_q_gemm},
    {"QLinearWhere", write_qlinear_where},
    {"QuantizeLinear", same<kQuantize>},
    {"QuickGelu", quick_gelu},
    {"SimplifiedLayerNormalization", simplified_layer_norm},
    {"SkipLayerNormalization", skip_layer_norm},
    {"SkipSimplifiedLayerNormalization", skip_simplified_layer_norm},
};

}  // namespace

Result<bool> write_out_contrib(const onnx::NodeProto& call,
                               const std::string& prefix,
                               Nodes& body) {
  const auto found = std::ranges::find_if(
      kDefinitions, [&](const Definition& each) { return call.op_type() == each.name; });
  if (found == std::end(kDefinitions)) {
    return false;
  }
  Rewrite rewrite(call, prefix, body);
  if (auto done = found->write(rewrite); !done) {
    return with_context(std::move(done).error(),
                        "node '" + call.name() + "' (" + call.op_type() + ")");
  }
  return true;
}

}  // namespace sluice::engine
