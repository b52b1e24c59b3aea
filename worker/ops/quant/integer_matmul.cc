// MatMulInteger, QLinearMatMul.
// Spec: https://onnx.ai/onnx/operators/onnx__MatMulInteger.html, onnx__QLinearMatMul.html
// (read 2026-11).
// MatMulInteger: int32 of (A - a_zero) * (B - b_zero). QLinearMatMul: the same, times a_scale *
// b_scale / y_scale, rounded half to even, plus y_zero, held to the range of y's datatype.
// A, B: int8 or uint8 in any mixture. Zero points and scales: one, or one for each row of A or
// column of B. Refused: more dimensions of them than one, scales of y for each row; the float8
// types of QLinearMatMul 21.

#include "worker/ops/quant/integer_matmul.h"

#include <algorithm>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/quant/integer_core.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {

Result<IntegerProduct> integer_product(Dims a_dims, Dims b_dims) {
  const Error mismatch = bad_input("shapes " + to_string(a_dims) + " and " + to_string(b_dims) +
                                   " cannot be multiplied");
  if (a_dims.empty() || b_dims.empty()) {
    return mismatch;
  }
  Shape a(a_dims.begin(), a_dims.end());
  Shape b(b_dims.begin(), b_dims.end());
  if (a.size() == 1) {
    a.insert(a.begin(), 1);
  }
  if (b.size() == 1) {
    b.push_back(1);
  }
  const Shape a_batch(a.begin(), a.end() - 2);
  const Shape b_batch(b.begin(), b.end() - 2);
  auto batch = broadcast_dims(a_batch, b_batch);
  IntegerProduct product{.m = a[a.size() - 2], .n = b.back(), .k = a.back()};
  if (!batch || b[b.size() - 2] != product.k) {
    return mismatch;
  }
  product.batches = make_loop<2>(*batch, {a_batch, b_batch});
  product.batch_count = engine::product(*batch, 0, batch->size());
  product.c_dims = *std::move(batch);
  if (a_dims.size() > 1) {
    product.c_dims.push_back(product.m);
  }
  if (b_dims.size() > 1) {
    product.c_dims.push_back(product.n);
  }
  return product;
}

Result<void> check_per_row(const InputFacts& facts,
                           std::size_t input,
                           DataType datatype,
                           std::int64_t many) {
  if (!facts.has(input)) {
    return {};
  }
  const InputFact& fact = facts.at(input);
  const std::int64_t count = product(fact.dims, 0, fact.dims.size());
  if (fact.datatype != datatype || fact.dims.size() > 1 || (count != 1 && count != many)) {
    return Error{fact.dims.size() > 1 ? ErrorCode::unsupported : ErrorCode::invalid_argument,
                 "input " + std::to_string(input) + " is " + std::string(name_of(fact.datatype)) +
                     to_string(fact.dims) + ", not one " + std::string(name_of(datatype)) + " or " +
                     std::to_string(many)};
  }
  return {};
}

Result<PackedFactor> pack_factor(PrepareContext& context, std::size_t input, std::size_t zeros) {
  SLUICE_TRY_ASSIGN(const TensorView* b, context.constant(input));
  SLUICE_TRY_ASSIGN(const TensorView* zero, context.constant(zeros));
  PackedFactor packed;
  if (b == nullptr || b->dims.size() != 2 || !is_byte(b->datatype) ||
      (zero == nullptr && context.node().has_input(zeros)) || !fits_as_zeros(zero, b->dims[1])) {
    return packed;
  }
  const BytePanels sizes{.k = b->dims[0], .n = b->dims[1]};
  packed.bytes.resize(sizes.size());
  packed.columns.resize(sizes.columns_size());
  packed.panels =
      pack_bytes(*b, 0, sizes.k, sizes.n, zero, packed.bytes.data(), packed.columns.data());
  context.consume(input);
  return packed;
}

namespace {

// Where the inputs of either operator are.
struct MatmulParams {
  std::size_t b = 1;
  std::size_t a_zero = 2;
  std::size_t b_zero = 3;
  bool quantizes = false;
};

template <bool kQuantizes>
Result<MatmulParams> parse_matmul(const Node& node) {
  SLUICE_TRY(Attributes(node).finish());
  return kQuantizes ? MatmulParams{.b = 3, .a_zero = 2, .b_zero = 5, .quantizes = true}
                    : MatmulParams{};
}

Result<OutputFacts> infer_matmul(const MatmulParams& params, const InputFacts& facts) {
  const InputFact& a = facts.at(0);
  const InputFact& b = facts.at(params.b);
  if (!is_byte(a.datatype) || !is_byte(b.datatype)) {
    return unsupported_type(is_byte(a.datatype) ? b.datatype : a.datatype);
  }
  SLUICE_TRY_ASSIGN(IntegerProduct product, integer_product(a.dims, b.dims));
  SLUICE_TRY(check_per_row(facts, params.a_zero, a.datatype, product.m));
  SLUICE_TRY(check_per_row(facts, params.b_zero, b.datatype, product.n));
  if (!params.quantizes) {
    return one_output(DataType::int32, std::move(product.c_dims));
  }
  SLUICE_TRY(check_per_row(facts, 1, DataType::float32, product.m));
  SLUICE_TRY(check_per_row(facts, 4, DataType::float32, product.n));
  SLUICE_TRY(check_per_row(facts, 6, DataType::float32, 1));
  const DataType y = facts.at(7).datatype;
  if (!is_byte(y)) {
    return unsupported_type(y);
  }
  SLUICE_TRY(check_per_row(facts, 7, y, 1));
  return one_output(y, std::move(product.c_dims));
}

// --- B, packed -----------------------------------------------------------------------------------

Result<PackedFactor> prepare_matmul(const MatmulParams& params, PrepareContext& context) {
  return pack_factor(context, params.b, params.b_zero);
}

// Parts of scratch, each aligned to 64.
struct MatmulBound {
  IntegerProduct product{};
  std::size_t bytes = 0;  // B's panels, where they are made in each run
  std::size_t columns = 0;
  std::size_t sums = 0;    // of QLinearMatMul, before they become bytes
  std::size_t scales = 0;  // likewise
};

Result<MatmulBound> bind_matmul(const MatmulParams& params,
                                const PackedFactor& state,
                                BindContext& context) {
  MatmulBound bound;
  SLUICE_TRY_ASSIGN(bound.product,
                    integer_product(context.inputs[0].dims, context.inputs[params.b].dims));
  bound.bytes = aligned(bound.product.rows_size());
  bound.columns = bound.bytes;
  bound.sums = bound.bytes;
  if (state.panels.bytes == nullptr) {
    const BytePanels sizes{.k = bound.product.k, .n = bound.product.n};
    bound.columns = bound.bytes + aligned(sizes.size());
    bound.sums = bound.columns + aligned(sizes.columns_size() * sizeof(std::int32_t));
  }
  bound.scales = bound.sums;
  if (params.quantizes) {
    bound.scales +=
        aligned(static_cast<std::size_t>(context.outputs[0].count) * sizeof(std::int32_t));
  }
  context.scratch_size = bound.scales + static_cast<std::size_t>(bound.product.n) * sizeof(float);
  return bound;
}

// --- the product ---------------------------------------------------------------------------------

// `scales` has room for as many numbers as there are scales of B.
template <class T>
void quantize(const IntegerProduct& product,
              const std::int32_t* sums,
              float* scales,
              KernelContext& context) {
  const auto a_scale = context.input(1).as<float>();
  const auto b_scale = context.input(4).as<float>();
  const float y_scale = context.input(6).as<float>()[0];
  const std::int32_t zero = byte_at(context.input(7), 0);
  T* y = context.output(0).mut<T>().data();
  const auto set_scales = [&](std::int64_t row) {
    const float left = a_scale[a_scale.size() == 1 ? 0 : static_cast<std::size_t>(row % product.m)];
    std::ranges::transform(b_scale, scales, [&](float right) { return left * right / y_scale; });
  };
  const auto quantize_row = [&](std::int64_t row) {
    simd::requantize({.sums = sums + row * product.n,
                      .bias = 0,
                      .scale = scales,
                      .scale_step = b_scale.size() == 1 ? 0 : 1,
                      .zero = zero,
                      .count = product.n},
                     y + row * product.n);
  };
  const std::int64_t rows = product.batch_count * product.m;
  if (a_scale.size() > 1) {  // each row has its own
    for (std::int64_t row = 0; row < rows; ++row) {
      set_scales(row);
      quantize_row(row);
    }
    return;
  }
  set_scales(0);
  parallel_for(rows, 1 + 65'536 / (product.n + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      quantize_row(row);
    }
  });
}

Result<void> run_matmul(const MatmulParams& params,
                        const PackedFactor& state,
                        const MatmulBound& bound,
                        KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  const auto optional = [&](std::size_t i) {
    return context.has_input(i) ? &context.input(i) : nullptr;
  };
  const IntegerProduct& product = bound.product;
  std::byte* const scratch = context.scratch().data();
  auto* const sums =
      params.quantizes ? part_of<std::int32_t>(scratch, bound.sums) : y.mut<std::int32_t>().data();
  for (std::int64_t batch = 0; batch < product.batch_count; ++batch) {
    const auto start = product.batches.offsets(batch / product.batches.inner);
    const std::int64_t at = batch % product.batches.inner;
    const auto first = [&](std::size_t side) {
      return start[side] + at * product.batches.inner_step[side];
    };
    const BytePanels b = state.panels.bytes != nullptr
                             ? state.panels
                             : pack_bytes(context.input(params.b),
                                          first(1) * product.k * product.n,
                                          product.k,
                                          product.n,
                                          optional(params.b_zero),
                                          part_of<std::int8_t>(scratch, bound.bytes),
                                          part_of<std::int32_t>(scratch, bound.columns));
    multiply(product,
             {.a = context.input(0),
              .first = first(0) * product.m * product.k,
              .a_zero = optional(params.a_zero),
              .b = b},
             scratch,
             {.sums = sums + batch * product.m * product.n});
  }
  if (params.quantizes && y.datatype == DataType::int8) {
    quantize<std::int8_t>(product, sums, part_of<float>(scratch, bound.scales), context);
  } else if (params.quantizes) {
    quantize<std::uint8_t>(product, sums, part_of<float>(scratch, bound.scales), context);
  }
  return {};
}

}  // namespace

void register_integer_matmul(Registry& registry) {
  registry.add({.name = "MatMulInteger",
                .since = {10},
                .arity = {2, 4, 1},
                .kernel = prepared_kernel<parse_matmul<false>,
                                          infer_matmul,
                                          prepare_matmul,
                                          bind_matmul,
                                          run_matmul>()});
  registry.add({.name = "QLinearMatMul",
                .since = {10, 21},
                .arity = {8, 8, 1},
                .kernel = prepared_kernel<parse_matmul<true>,
                                          infer_matmul,
                                          prepare_matmul,
                                          bind_matmul,
                                          run_matmul>()});
}

}  // namespace sluice::engine
