// MatMulIntegerToFloat and ConvIntegerToFloat of the domain for fused steps: MatMulInteger or
// ConvInteger, Cast, Mul and, as their tail, Add and an activation, for the pattern that finds them
// (worker/engine/plan/integer_patterns.cc).
//
//   y = float32((A - a_zero) * (B - b_zero)) * scale + bias
//
// with the roundings of the steps that it replaces. Inputs: A, B, none, a_zero, b_zero, scale;
// a_zero is one number. Of a product B is one constant matrix, its zero points constants, scale one
// number or one for each column. So all of A's rows, of all batches, meet the same matrix. A
// convolution (integer_conv.cc) has one scale, and a bias by filter.

#include <algorithm>
#include <utility>
#include <vector>

#include "worker/ops/math/activate.h"
#include "worker/ops/quant/integer_conv.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/quant/integer_matmul.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr std::size_t kZeroOfA = 3;
constexpr std::size_t kZerosOfB = 4;
constexpr std::size_t kScale = 5;

Result<OutputFacts> infer_scaled(const NoParams&, const InputFacts& facts) {
  const InputFact& a = facts.at(0);
  const InputFact& b = facts.at(1);
  if (!is_byte(a.datatype) || !is_byte(b.datatype)) {
    return unsupported_type(is_byte(a.datatype) ? b.datatype : a.datatype);
  }
  SLUICE_TRY_ASSIGN(IntegerProduct product, integer_product(a.dims, b.dims));
  SLUICE_TRY(check_per_row(facts, kZeroOfA, a.datatype, 1));
  SLUICE_TRY(check_per_row(facts, kZerosOfB, b.datatype, product.n));
  SLUICE_TRY(check_per_row(facts, kScale, DataType::float32, product.n));
  return one_output(DataType::float32, std::move(product.c_dims));
}

struct ScaledState {
  PackedFactor b{};
  std::vector<float> bias{};  // to whole panels; empty: none
  Tail tail{};
};

Result<ScaledState> prepare_scaled(const NoParams&, PrepareContext& context) {
  ScaledState state{.tail = context.tail()};
  SLUICE_TRY_ASSIGN(state.b, pack_factor(context, 1, kZerosOfB));
  if (state.b.panels.bytes == nullptr) {
    return Error{ErrorCode::internal, "its B is not one constant matrix"};
  }
  SLUICE_TRY_ASSIGN(const TensorView* const bias, context.tail_bias());
  if (bias != nullptr) {
    const auto from = bias->as<float>();
    state.bias.assign(from.begin(), from.end());
    state.bias.resize(static_cast<std::size_t>(state.b.panels.panels() * simd::kPanel));
  }
  return state;
}

struct ScaledBound {
  IntegerProduct product{};
  std::size_t scales = 0;  // where they begin in scratch
};

Result<ScaledBound> bind_scaled(const NoParams&, const ScaledState& state, BindContext& context) {
  const BytePanels& b = state.b.panels;
  ScaledBound bound;
  bound.product = {
      .m = context.outputs[0].count / std::max<std::int64_t>(b.n, 1), .n = b.n, .k = b.k};
  bound.scales = aligned(bound.product.floats_size());
  context.scratch_size =
      bound.scales + static_cast<std::size_t>(b.panels() * simd::kPanel) * sizeof(float);
  context.implementation = b.group == 4 ? "quads" : "pairs";
  return bound;
}

Result<void> run_scaled(const NoParams&,
                        const ScaledState& state,
                        const ScaledBound& bound,
                        KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  std::byte* const scratch = context.scratch().data();
  auto* const scales = part_of<float>(scratch, bound.scales);
  const auto given = context.input(kScale).as<float>();
  const std::int64_t columns = state.b.panels.panels() * simd::kPanel;
  std::fill_n(scales, columns, given[0]);
  std::ranges::copy(given, scales);
  multiply(
      bound.product,
      {.a = context.input(0),
       .first = 0,
       .a_zero = context.has_input(kZeroOfA) ? &context.input(kZeroOfA) : nullptr,
       .b = state.b.panels},
      scratch,
      {.y = y.mut<float>().data(),
       .scaling = {.scales = scales, .bias = state.bias.empty() ? nullptr : state.bias.data()}});
  activate(state.tail, y);
  return {};
}

}  // namespace

void register_integer_float(Registry& registry) {
  registry.add(
      {.name = "MatMulIntegerToFloat",
       .domain = std::string(kFusedDomain),
       .since = {1},
       .arity = {2, 6, 1},
       .kernel =
           prepared_kernel<parse_nothing, infer_scaled, prepare_scaled, bind_scaled, run_scaled>(),
       .fuses_tail = true,
       .tame = true});
  registry.add({.name = "ConvIntegerToFloat",
                .domain = std::string(kFusedDomain),
                .since = {1},
                .arity = {2, 6, 1},
                .kernel = conv_to_float_kernel(),
                .fuses_tail = true,
                .tame = true});
}

}  // namespace sluice::engine
