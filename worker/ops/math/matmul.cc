// MatMul, Gemm; com.microsoft: FusedMatMul.
// Spec: https://onnx.ai/onnx/operators/onnx__MatMul.html, onnx__Gemm.html (read 2026-11).
// MatMul: NumPy's matmul, batches broadcast. Gemm: alpha * A' * B' + beta * C, C broadcast to
// [M,N]. FusedMatMul: alpha times MatMul of A and B whose last two dimensions are exchanged by
// transA and transB (of vectors nothing is); transBatchA and transBatchB are refused. Types:
// float32 (oneDNN, a constant B packed), float64 (OpenBLAS), int32, int64, uint32, uint64 (plain
// loops). float32 multiplies and adds in float32; a row's result depends on no other rows where B
// is constant, and a matrix's on no other matrices. Opsets: Gemm before 7 broadcasts C only when
// `broadcast` is set; C is optional since 11.

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "worker/ops/broadcast.h"
#include "worker/ops/detail/dnnl_matmul.h"
#include "worker/ops/detail/gemm_call.h"
#include "worker/ops/math/activate.h"
#include "worker/ops/math/matmul_blocks.h"
#include "worker/ops/math/matmul_product.h"
#include "worker/ops/math/matmul_thin.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

Result<GemmParams> parse_matmul(const Node& node) {
  SLUICE_TRY(Attributes(node).finish());
  return GemmParams{};
}

// alpha, transA and transB.
Result<void> read_factors(Attributes& attributes, GemmParams& params) {
  SLUICE_TRY_ASSIGN(params.alpha, attributes.real("alpha", 1.0F));
  SLUICE_TRY_ASSIGN(const std::int64_t a_transposed, attributes.integer("transA", 0));
  SLUICE_TRY_ASSIGN(const std::int64_t b_transposed, attributes.integer("transB", 0));
  params.a_transposed = a_transposed != 0;
  params.b_transposed = b_transposed != 0;
  return {};
}

Result<GemmParams> parse_gemm(const Node& node) {
  Attributes attributes(node);
  GemmParams params{.is_gemm = true};
  SLUICE_TRY(read_factors(attributes, params));
  SLUICE_TRY_ASSIGN(params.beta, attributes.real("beta", 1.0F));
  if (node.since < 7) {
    attributes.ignore("broadcast");  // C that needs no broadcasting is a case of broadcasting
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<GemmParams> parse_fused(const Node& node) {
  Attributes attributes(node);
  GemmParams params;
  SLUICE_TRY(read_factors(attributes, params));
  SLUICE_TRY_ASSIGN(const std::int64_t a_batch, attributes.integer("transBatchA", 0));
  SLUICE_TRY_ASSIGN(const std::int64_t b_batch, attributes.integer("transBatchB", 0));
  SLUICE_TRY(attributes.finish());
  if (a_batch != 0 || b_batch != 0) {
    return Error{ErrorCode::unsupported, "transBatchA or transBatchB"};
  }
  return params;
}

bool is_matmul_type(DataType datatype) {
  return is_float(datatype) || datatype == DataType::int32 || datatype == DataType::int64 ||
         datatype == DataType::uint32 || datatype == DataType::uint64;
}

Result<OutputFacts> infer_gemm(const GemmParams& params, const InputFacts& facts) {
  const InputFact& a = facts.at(0);
  const InputFact& b = facts.at(1);
  if (!is_matmul_type(a.datatype)) {
    return unsupported_type(a.datatype);
  }
  if (b.datatype != a.datatype ||
      (params.is_gemm && facts.has(2) && facts.at(2).datatype != a.datatype)) {
    return bad_input("its inputs have different datatypes");
  }
  SLUICE_TRY_ASSIGN(Product product, product_of(params, a.dims, b.dims));
  Shape dims = std::move(product.c);
  if (b.dims.size() == 1) {
    dims.pop_back();
  }
  if (a.dims.size() == 1) {
    dims.erase(dims.end() - (b.dims.size() == 1 ? 1 : 2));
  }
  if (params.is_gemm && facts.has(2)) {
    SLUICE_TRY_ASSIGN(const Shape with_c, broadcast_dims(dims, facts.at(2).dims));
    if (with_c != dims) {
      return bad_input("C " + to_string(facts.at(2).dims) + " does not fit " + to_string(dims));
    }
  }
  return one_output(a.datatype, std::move(dims));
}

struct GemmState {
  bool reference = false;
  Tail tail{};
  std::shared_ptr<const detail::PanelMatrix> packed{};  // of B times alpha
  std::vector<float> bias{};  // [n]: the constant C times beta, or the fused Add's; empty: none
  bool c_is_bias = false;
};

// The constant C as one number a column, or empty when it has more rows.
std::vector<float> bias_of(const TensorView& c, std::int64_t n, float beta) {
  const bool is_row = c.rank() == 0 || (c.count == c.dims[c.rank() - 1]);
  if (c.datatype != DataType::float32 || !is_row || (c.count != n && c.count != 1)) {
    return {};
  }
  std::vector<float> bias(static_cast<std::size_t>(n));
  const auto from = c.as<float>();
  for (std::size_t i = 0; i < bias.size(); ++i) {
    bias[i] = beta * from[c.count == 1 ? 0 : i];
  }
  return bias;
}

Result<GemmState> prepare_gemm(const GemmParams& params, PrepareContext& context) {
  GemmState state{.reference = context.reference(), .tail = context.tail()};
  SLUICE_TRY_ASSIGN(const TensorView* const fused, context.tail_bias());
  if (fused != nullptr) {
    state.bias = bias_of(*fused, fused->count, 1.0F);
  }
  SLUICE_TRY_ASSIGN(const TensorView* const b, context.constant(1));
  // Batches of A whose matrices are transposed are no rows of one matrix.
  const bool rows = params.is_gemm || !params.a_transposed;
  if (state.reference || b == nullptr || b->datatype != DataType::float32 || b->rank() != 2 ||
      b->count == 0 || !rows) {
    return state;
  }
  const std::int64_t n = b->dims[params.b_transposed ? 0 : 1];
  const std::int64_t k = b->dims[params.b_transposed ? 1 : 0];
  std::vector<float> scaled;
  const float* from = b->as<float>().data();
  if (params.alpha != 1.0F) {
    scaled.assign(from, from + b->count);
    for (float& value : scaled) {
      value *= params.alpha;
    }
    from = scaled.data();
  }
  state.packed = std::make_shared<detail::PanelMatrix>(from, k, n, params.b_transposed);
  context.consume(1);
  SLUICE_TRY_ASSIGN(const TensorView* const c, context.constant(2));
  if (params.is_gemm && c != nullptr) {
    state.bias = bias_of(*c, n, params.beta);
    state.c_is_bias = !state.bias.empty();
    if (state.c_is_bias) {
      context.consume(2);
    }
  }
  return state;
}

struct GemmBound {
  Product product;
  std::shared_ptr<detail::Matmul> primitive;
  bool thin = false;         // by simd::multiply_thin; float32
  bool blocks = false;       // by matmul_blocks.h; float32
  bool adds_bias = false;    // the primitive does
  bool activates = false;    // likewise
  BroadcastLoop<1> c_loop;   // C over [m, n]
  BroadcastLoop<2> batches;  // A and B over the batches, in matrices
};

Result<GemmBound> bind_gemm(const GemmParams& params,
                            const GemmState& state,
                            BindContext& context) {
  GemmBound bound;
  SLUICE_TRY_ASSIGN(bound.product,
                    product_of(params, context.inputs[0].dims, context.inputs[1].dims));
  Product& product = bound.product;
  const bool adds_c = params.is_gemm && context.has_input(2) && !state.c_is_bias;
  if (adds_c) {
    const TensorView& c = context.inputs[2];
    bound.c_loop = make_loop<1>(product.c, {Shape(c.dims.begin(), c.dims.end())});
  }
  const Dims batch_dims = Dims(product.c).first(product.c.size() - 2);
  const auto batches = [](const Shape& dims) { return Shape(dims.begin(), dims.end() - 2); };
  bound.batches = make_loop<2>(batch_dims, {batches(product.a), batches(product.b)});
  const bool empty = context.outputs[0].count == 0 || product.k == 0;
  context.implementation = "loops";
  if (context.outputs[0].datatype != DataType::float32 || state.reference || empty) {
    return bound;
  }
  if (state.packed == nullptr && is_thin(params, product)) {
    bound.thin = true;
    context.implementation = "thin";
    return bound;
  }
  detail::MatmulSpec spec{.a_dims = product.a,
                          .b_dims = product.b,
                          .c_dims = product.c,
                          .a_transposed = params.a_transposed,
                          .b_transposed = params.b_transposed,
                          .packed = state.packed};
  // What comes after scaling by alpha or adding C cannot be in the primitive.
  const bool scaled = state.packed != nullptr || params.alpha == 1.0F;
  bound.adds_bias = scaled && !state.bias.empty();
  bound.activates = scaled && !adds_c && !(context.keep_nan && loses_nan(state.tail.activation));
  spec.has_bias = bound.adds_bias;
  if (bound.activates) {
    spec.tail.activation = state.tail.activation;
    spec.tail.low = state.tail.low;
    spec.tail.high = state.tail.high;
  }
  if (state.packed != nullptr) {
    // One matrix against all rows of all batches.
    const std::int64_t rows = context.outputs[0].count / product.n;
    spec.a_dims = {rows, product.k};
    spec.b_dims = {product.k, product.n};
    spec.c_dims = {rows, product.n};
  }
  bound.primitive = detail::Matmul::make(spec);
  if (bound.primitive == nullptr) {
    bound.adds_bias = bound.activates = false;
    bound.blocks = true;
    context.implementation = "blocks";
  }
  if (bound.primitive != nullptr) {
    context.scratch_size = bound.primitive->scratch_size();
    context.implementation = bound.primitive->implementation();
  }
  return bound;
}

// c = a * b by plain loops, in index order of k; floats accumulate in double.
template <class T>
void multiply(const GemmParams& params, const Product& product, const T* a, const T* b, T* c) {
  using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  const auto& [a_dims, b_dims, c_dims, m, n, k] = product;
  for (std::int64_t row = 0; row < m; ++row) {
    for (std::int64_t column = 0; column < n; ++column) {
      Sum sum = 0;
      for (std::int64_t i = 0; i < k; ++i) {
        const T x = a[params.a_transposed ? i * m + row : row * k + i];
        const T y = b[params.b_transposed ? column * k + i : i * n + column];
        sum += static_cast<Sum>(x) * static_cast<Sum>(y);
      }
      c[row * n + column] = static_cast<T>(sum);
    }
  }
}

template <class T>
void multiply_batches(const GemmParams& params, const GemmBound& bound, KernelContext& context) {
  const Product& product = bound.product;
  const T* a = context.input(0).as<T>().data();
  const T* b = context.input(1).as<T>().data();
  T* c = context.output(0).mut<T>().data();
  const detail::GemmShape shape{.m = product.m,
                                .n = product.n,
                                .k = product.k,
                                .a_transposed = params.a_transposed,
                                .b_transposed = params.b_transposed};
  const BroadcastLoop<2>& loop = bound.batches;
  for (std::int64_t row = 0; row < loop.rows; ++row) {
    const auto start = loop.offsets(row);
    for (std::int64_t i = 0; i < loop.inner; ++i) {
      const T* x = a + (start[0] + i * loop.inner_step[0]) * product.m * product.k;
      const T* y = b + (start[1] + i * loop.inner_step[1]) * product.k * product.n;
      T* z = c + (row * loop.inner + i) * product.m * product.n;
      if constexpr (std::is_same_v<T, double>) {
        if (product.k > 0 && detail::gemm_float64(shape, x, y, z)) {
          continue;
        }
      }
      multiply(params, product, x, y, z);
    }
  }
}

// y = alpha * y + beta * C + bias, for what no primitive did.
template <class T>
void finish_sum(const GemmParams& params,
                const GemmState& state,
                const GemmBound& bound,
                KernelContext& context) {
  TensorView& y = context.output(0);
  T* out = y.mut<T>().data();
  const auto alpha = static_cast<T>(state.packed != nullptr ? 1.0F : params.alpha);
  if (alpha != T{1}) {
    for (std::int64_t i = 0; i < y.count; ++i) {
      out[i] = static_cast<T>(out[i] * alpha);
    }
  }
  if (!state.bias.empty() && !bound.adds_bias) {
    const auto n = static_cast<std::int64_t>(state.bias.size());
    for (std::int64_t i = 0; i < y.count; ++i) {
      out[i] = static_cast<T>(out[i] + static_cast<T>(state.bias[static_cast<std::size_t>(i % n)]));
    }
  }
  if (!params.is_gemm || !context.has_input(2) || state.c_is_bias) {
    return;
  }
  const T* c = context.input(2).as<T>().data();
  const auto beta = static_cast<T>(params.beta);
  const BroadcastLoop<1>& loop = bound.c_loop;
  for (std::int64_t row = 0; row < loop.rows; ++row) {
    const std::int64_t at = loop.offsets(row)[0];
    for (std::int64_t i = 0; i < loop.inner; ++i) {
      T& to = out[row * loop.inner + i];
      to = static_cast<T>(to + beta * c[at + i * loop.inner_step[0]]);
    }
  }
}

ProductData data_of(KernelContext& context) {
  return {.a = context.input(0).as<float>().data(),
          .b = context.input(1).as<float>().data(),
          .c = context.output(0).mut<float>().data()};
}

Result<void> run_gemm(const GemmParams& params,
                      const GemmState& state,
                      const GemmBound& bound,
                      KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  if (bound.primitive != nullptr) {
    const float* b = state.packed != nullptr ? nullptr : context.input(1).as<float>().data();
    bound.primitive->run(context.input(0).as<float>().data(),
                         b,
                         state.bias.data(),
                         y.mut<float>().data(),
                         context.scratch().data());
    finish_sum<float>(params, state, bound, context);
  } else if (bound.thin) {
    multiply_thin(params, bound.product, bound.batches, data_of(context));
    finish_sum<float>(params, state, bound, context);
  } else if (bound.blocks &&
             multiply_blocks(params, bound.product, bound.batches, data_of(context))) {
    finish_sum<float>(params, state, bound, context);
  } else {
    dispatch_number(y.datatype, [&](auto tag) {
      using T = decltype(tag);
      multiply_batches<T>(params, bound, context);
      finish_sum<T>(params, state, bound, context);
    });
  }
  if (!bound.activates && state.tail.activation != Activation::none) {
    activate(state.tail, y);
  }
  return {};
}

}  // namespace

void register_matmul(Registry& registry) {
  registry.add(
      {.name = "Gemm",
       .since = {1, 6, 7, 9, 11, 13},
       .arity = {2, 3, 1},
       .kernel = prepared_kernel<parse_gemm, infer_gemm, prepare_gemm, bind_gemm, run_gemm>(),
       .fuses_tail = true,
       .tame = true});
  registry.add(
      {.name = "MatMul",
       .since = {1, 9, 13},
       .arity = {2, 2, 1},
       .kernel = prepared_kernel<parse_matmul, infer_gemm, prepare_gemm, bind_gemm, run_gemm>(),
       .fuses_tail = true,
       .tame = true});
  registry.add(
      {.name = "FusedMatMul",
       .domain = "com.microsoft",
       .since = {1},
       .arity = {2, 2, 1},
       .kernel = prepared_kernel<parse_fused, infer_gemm, prepare_gemm, bind_gemm, run_gemm>(),
       .fuses_tail = true,
       .tame = true});
}

}  // namespace sluice::engine
