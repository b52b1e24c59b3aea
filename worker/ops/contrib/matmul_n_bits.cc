// com.microsoft: MatMulNBits.
// Spec: ContribOperators.md of ONNX Runtime (read 2026-11).
// y = A [..., K] * W' + bias [N], W [N, K] = (B - zero_points) * scales, each of the codes in B
// with the scale and zero point of its group: g_idx [K] says which, else they are block_size codes
// of a row after one another, `blocks` = K / block_size, rounded up, in a row.
//
//   B            uint8 [N, blocks, block_size * bits / 8], the low code of a byte first
//   scales       [N, blocks]
//   zero_points  of A's datatype [N, blocks], or uint8 [N, blocks * bits / 8 rounded up], packed
//                like B; left out, half of all codes
//
// Types: float32; codes of 2, 4 or 8 bits. Where all but A and the bias are constants they stay
// packed (2 bits as 4). accuracy_level allows less than we do. Refused: weight_prepacked other than
// 0, and codes of other bits.

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

#include "worker/ops/detail/few_bits_matrix.h"
#include "worker/ops/math/activate.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum NBitsInput : std::uint8_t { kA, kCodes, kScales, kZeros, kGroups, kBias };

struct NBitsParams {
  std::int64_t k = 0;
  std::int64_t n = 0;
  std::int64_t bits = 4;
  std::int64_t block = 0;

  [[nodiscard]] std::int64_t blocks() const { return (k + block - 1) / block; }
  [[nodiscard]] std::int64_t row_bytes() const { return blocks() * block * bits / 8; }
  [[nodiscard]] std::int64_t zero_bytes() const { return (blocks() * bits + 7) / 8; }
};

Result<NBitsParams> parse_n_bits(const Node& node) {
  Attributes attributes(node);
  NBitsParams params;
  SLUICE_TRY_ASSIGN(params.k, attributes.integer("K", 0));
  SLUICE_TRY_ASSIGN(params.n, attributes.integer("N", 0));
  SLUICE_TRY_ASSIGN(params.bits, attributes.integer("bits", 4));
  SLUICE_TRY_ASSIGN(params.block, attributes.integer("block_size", 0));
  SLUICE_TRY_ASSIGN(const std::int64_t prepacked, attributes.integer("weight_prepacked", 0));
  attributes.ignore("accuracy_level");
  SLUICE_TRY(attributes.finish());
  const auto [k, n, bits, block] = params;
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (k < 1 || n < 1 || k >= kMost || n >= kMost || block < 16 || block > kMost ||
      !std::has_single_bit(static_cast<std::uint64_t>(block))) {
    return Error{ErrorCode::data_corrupt,
                 "K " + std::to_string(k) + ", N " + std::to_string(n) + " or block_size " +
                     std::to_string(block) + " is not possible"};
  }
  if (bits != 2 && bits != 4 && bits != 8) {
    return Error{ErrorCode::unsupported, "weights of " + std::to_string(bits) + " bits"};
  }
  if (prepacked != 0) {
    return Error{ErrorCode::unsupported, "weights packed for one kernel (weight_prepacked)"};
  }
  return params;
}

Result<void> expect_count(const InputFact& fact, const char* what, std::int64_t count) {
  SLUICE_TRY_ASSIGN(const std::int64_t found, element_count(fact.dims));
  if (found != count) {
    return bad_input(std::string(what) + " " + to_string(fact.dims) + " has not " +
                     std::to_string(count) + " elements");
  }
  return {};
}

// All inputs but A, as far as they are in `facts`.
Result<void> check_weights(const NBitsParams& params, const InputFacts& facts) {
  const auto expect = [&](std::size_t i, const char* what, DataType wanted, std::int64_t count) {
    if (!facts.has(i)) {
      return Result<void>{};
    }
    return facts.at(i).datatype == wanted ? expect_count(facts.at(i), what, count)
                                          : Result<void>(unsupported_type(facts.at(i).datatype));
  };
  const bool packed = facts.has(kZeros) && facts.at(kZeros).datatype == DataType::uint8;
  const std::int64_t padded = params.blocks() * params.block;
  const bool is_padded = facts.has(kGroups) && facts.at(kGroups).dims.size() == 1 &&
                         facts.at(kGroups).dims[0] == padded;
  SLUICE_TRY(expect(kCodes, "B", DataType::uint8, params.n * params.row_bytes()));
  SLUICE_TRY(expect(kScales, "scales", DataType::float32, params.n * params.blocks()));
  SLUICE_TRY(expect(kZeros,
                    "zero_points",
                    packed ? DataType::uint8 : DataType::float32,
                    params.n * (packed ? params.zero_bytes() : params.blocks())));
  SLUICE_TRY(expect(kGroups, "g_idx", DataType::int32, is_padded ? padded : params.k));
  return expect(kBias, "bias", DataType::float32, params.n);
}

Result<OutputFacts> infer_n_bits(const NBitsParams& params, const InputFacts& facts) {
  const InputFact& a = facts.at(kA);
  if (a.datatype != DataType::float32) {
    return unsupported_type(a.datatype);
  }
  SLUICE_TRY(check_weights(params, facts));
  if (a.dims.empty() || a.dims.back() != params.k) {
    return bad_input("A " + to_string(a.dims) + " does not end with K " + std::to_string(params.k));
  }
  Shape dims(a.dims.begin(), a.dims.end());
  dims.back() = params.n;
  return one_output(DataType::float32, std::move(dims));
}

// `input(i)` is null where it is left out.
template <class Input>
Result<detail::FewBits> few_bits(const NBitsParams& params, const Input& input) {
  detail::FewBits b{.n = params.n,
                    .k = params.k,
                    .bits = static_cast<int>(params.bits),
                    .row_bytes = params.row_bytes(),
                    .row_groups = params.blocks(),
                    .codes = input(kCodes)->template as<std::uint8_t>().data(),
                    .scales = input(kScales)->template as<float>().data(),
                    .block = params.block};
  if (const TensorView* const zeros = input(kZeros); zeros != nullptr) {
    if (zeros->datatype == DataType::uint8) {
      b.zero_codes = zeros->as<std::uint8_t>().data();
    } else {
      b.zeros = zeros->as<float>().data();
    }
  }
  if (const TensorView* const groups = input(kGroups); groups != nullptr) {
    const auto all = groups->as<std::int32_t>().first(static_cast<std::size_t>(params.k));
    for (const std::int32_t group : all) {
      if (group < 0 || group >= params.blocks()) {
        return bad_input("g_idx has " + std::to_string(group) + " for " +
                         std::to_string(params.blocks()) + " groups");
      }
    }
    b.groups = all.data();
  }
  return b;
}

struct NBitsState {
  Tail tail{};
  std::shared_ptr<const detail::FewBitsMatrix> matrix{};  // null: by loops
  std::vector<float> bias{};                              // of the fused Add; empty: none
};

Result<NBitsState> prepare_n_bits(const NBitsParams& params, PrepareContext& context) {
  NBitsState state{.tail = context.tail()};
  SLUICE_TRY_ASSIGN(const TensorView* const fused, context.tail_bias());
  if (fused != nullptr) {
    state.bias.assign(fused->as<float>().begin(), fused->as<float>().end());
  }
  const TensorView* constants[kBias] = {};
  InputFact facts[kBias] = {};
  bool known = !context.reference();
  for (const std::size_t i : {kCodes, kScales, kZeros, kGroups}) {
    SLUICE_TRY_ASSIGN(constants[i], context.constant(i));
    known = known && (constants[i] != nullptr || !context.node().has_input(i));
    if (constants[i] != nullptr) {
      facts[i] = {.present = true, .datatype = constants[i]->datatype, .dims = constants[i]->dims};
    }
  }
  SLUICE_TRY(check_weights(params, {.inputs = facts, .output_count = 1}));
  if (!known) {
    return state;
  }
  SLUICE_TRY_ASSIGN(const detail::FewBits b,
                    few_bits(params, [&](std::size_t i) { return constants[i]; }));
  state.matrix = std::make_shared<detail::FewBitsMatrix>(b);
  for (const std::size_t i : {kCodes, kScales, kZeros, kGroups}) {
    if (constants[i] != nullptr) {
      context.consume(i);
    }
  }
  return state;
}

struct NBitsBound {};

Result<NBitsBound> bind_n_bits(const NBitsParams& params,
                               const NBitsState& state,
                               BindContext& context) {
  context.implementation = state.matrix != nullptr ? "few bits" : "loops";
  if (state.matrix == nullptr) {
    context.scratch_size = static_cast<std::size_t>(params.k) * sizeof(float);  // a row of W
  }
  return NBitsBound{};
}

void multiply_by_loops(
    const detail::FewBits& b, const float* a, std::int64_t rows, float* w, float* y) {
  for (std::int64_t column = 0; column < b.n; ++column) {
    for (std::int64_t i = 0; i < b.k; ++i) {
      const std::int64_t group = b.group(i);
      w[i] = (static_cast<float>(b.code(column, i)) - b.zero(column, group)) *
             b.scales[column * b.row_groups + group];
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (std::int64_t i = 0; i < b.k; ++i) {
        sum += static_cast<double>(a[row * b.k + i]) * static_cast<double>(w[i]);
      }
      y[row * b.n + column] = static_cast<float>(sum);
    }
  }
}

Result<void> run_n_bits(const NBitsParams& params,
                        const NBitsState& state,
                        const NBitsBound&,
                        KernelContext& context) {
  const float* const a = context.input(kA).as<float>().data();
  TensorView& y = context.output(0);
  float* const to = y.mut<float>().data();
  const std::int64_t rows = y.count / params.n;
  const float* bias = state.bias.empty() ? nullptr : state.bias.data();
  if (context.has_input(kBias)) {
    bias = context.input(kBias).as<float>().data();
  }
  if (state.matrix != nullptr) {
    state.matrix->multiply(a, rows, bias, state.tail, to);
    return {};
  }
  SLUICE_TRY_ASSIGN(const detail::FewBits b, few_bits(params, [&](std::size_t i) {
                      return context.has_input(i) ? &context.input(i) : nullptr;
                    }));
  void* const scratch = context.scratch().data();
  multiply_by_loops(b, a, rows, static_cast<float*>(scratch), to);
  for (std::int64_t i = 0; bias != nullptr && i < y.count; ++i) {
    to[i] += bias[i % params.n];
  }
  activate(state.tail, y);
  return {};
}

}  // namespace

void register_matmul_n_bits(Registry& registry) {
  registry.add(
      {.name = "MatMulNBits",
       .domain = "com.microsoft",
       .since = {1},
       .arity = {3, 6, 1},
       .kernel =
           prepared_kernel<parse_n_bits, infer_n_bits, prepare_n_bits, bind_n_bits, run_n_bits>(),
       .fuses_tail = true,
       .own_bias = kBias,
       .tame = true});
}

}  // namespace sluice::engine
