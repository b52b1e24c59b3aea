// MatMulInteger, QLinearMatMul.
// Spec: https://onnx.ai/onnx/operators/onnx__MatMulInteger.html, onnx__QLinearMatMul.html
// (read 2026-11).
// MatMulInteger: int32 of (A - a_zero) * (B - b_zero). QLinearMatMul: the same, times a_scale *
// b_scale / y_scale, rounded half to even, plus y_zero, held to the range of y's datatype.
// A, B: int8 or uint8 in any mixture. Zero points and scales: one, or one for each row of A or
// column of B. Refused: more dimensions of them than one, scales of y for each row; the float8
// types of QLinearMatMul 21.

#include "worker/ops/quant/integer_matmul.h"

#include "worker/engine/parallel.h"
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

void multiply_bytes(const IntegerProduct& product,
                    const TensorView& a,
                    const TensorView* a_zero,
                    const TensorView& b,
                    const TensorView* b_zero,
                    std::int32_t* c,
                    std::byte* scratch) {
  const auto& [dims, m, n, k, batches, batch_count] = product;
  // NOLINTNEXTLINE: scratch is aligned to 64.
  auto* const wide_b = reinterpret_cast<std::int16_t*>(scratch);
  std::int16_t* const wide_a = wide_b + (k * n + 31) / 32 * 32;
  for (std::int64_t batch = 0; batch < batch_count; ++batch) {
    const auto start = batches.offsets(batch / batches.inner);
    const std::int64_t at = batch % batches.inner;
    const std::int64_t a_first = (start[0] + at * batches.inner_step[0]) * m * k;
    const std::int64_t b_first = (start[1] + at * batches.inner_step[1]) * k * n;
    const bool by_column = b_zero != nullptr && b_zero->count > 1;
    widen(b, b_first, k * n, by_column ? 0 : zero_at(b_zero, 0), wide_b);
    for (std::int64_t i = 0; by_column && i < k * n; ++i) {
      wide_b[i] = static_cast<std::int16_t>(wide_b[i] - zero_at(b_zero, i % n));
    }
    std::int32_t* const to = c + batch * m * n;
    const std::int64_t columns = n;
    const std::int64_t depth = k;
    parallel_for(m, 1 + 32'768 / (k * n + 1), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        widen(a, a_first + row * depth, depth, zero_at(a_zero, row), wide_a + row * depth);
      }
      multiply_integers(
          wide_a + begin * depth, wide_b, to + begin * columns, end - begin, columns, depth);
    });
  }
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

Result<IntegerProduct> bind_matmul(const MatmulParams& params, BindContext& context) {
  SLUICE_TRY_ASSIGN(IntegerProduct product,
                    integer_product(context.inputs[0].dims, context.inputs[params.b].dims));
  context.scratch_size = product.scratch_size();
  if (params.quantizes) {
    context.scratch_size =
        (context.scratch_size + 63) / 64 * 64 +
        static_cast<std::size_t>(context.outputs[0].count) * sizeof(std::int32_t);
  }
  return product;
}

template <class T>
void quantize(const IntegerProduct& product, const std::int32_t* sums, KernelContext& context) {
  const auto a_scale = context.input(1).as<float>();
  const auto b_scale = context.input(4).as<float>();
  const float y_scale = context.input(6).as<float>()[0];
  const std::int32_t zero = byte_at(context.input(7), 0);
  T* y = context.output(0).mut<T>().data();
  const std::int64_t rows = product.batch_count * product.m;
  parallel_for(rows, 1 + 8'192 / (product.n + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float left =
          a_scale[a_scale.size() == 1 ? 0 : static_cast<std::size_t>(row % product.m)];
      for (std::int64_t j = 0; j < product.n; ++j) {
        const float right = b_scale[b_scale.size() == 1 ? 0 : static_cast<std::size_t>(j)];
        const auto sum = static_cast<float>(sums[row * product.n + j]);
        y[row * product.n + j] = to_byte<T>(sum * (left * right / y_scale), zero);
      }
    }
  });
}

Result<void> run_matmul(const MatmulParams& params,
                        const IntegerProduct& product,
                        KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  const auto zero = [&](std::size_t i) {
    return context.has_input(i) ? &context.input(i) : nullptr;
  };
  std::byte* const scratch = context.scratch().data();
  // NOLINTNEXTLINE: whole cache lines behind what is aligned to 64.
  auto* const sums =
      params.quantizes
          ? reinterpret_cast<std::int32_t*>(scratch + (product.scratch_size() + 63) / 64 * 64)
          : y.mut<std::int32_t>().data();
  multiply_bytes(product,
                 context.input(0),
                 zero(params.a_zero),
                 context.input(params.b),
                 zero(params.b_zero),
                 sums,
                 scratch);
  if (params.quantizes && y.datatype == DataType::int8) {
    quantize<std::int8_t>(product, sums, context);
  } else if (params.quantizes) {
    quantize<std::uint8_t>(product, sums, context);
  }
  return {};
}

}  // namespace

void register_integer_matmul(Registry& registry) {
  registry.add(
      {.name = "MatMulInteger",
       .since = {10},
       .arity = {2, 4, 1},
       .kernel = bound_kernel<parse_matmul<false>, infer_matmul, bind_matmul, run_matmul>()});
  registry.add(
      {.name = "QLinearMatMul",
       .since = {10, 21},
       .arity = {8, 8, 1},
       .kernel = bound_kernel<parse_matmul<true>, infer_matmul, bind_matmul, run_matmul>()});
}

}  // namespace sluice::engine
