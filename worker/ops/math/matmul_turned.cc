// MatMulTurned (sluice.fused): made by the plan of MatMul and the Transposes around it
// (worker/engine/plan/turned_products.cc).
// C = A' times B', where A' is A with its dimensions in the order perm_a, likewise B', and the
// result is C in the order perm_c; a permutation left out is none. float32, B no constant. oneDNN
// reads and writes by strides where it has a kernel for them; elsewhere what is not in order is
// copied first, as Transpose would do. A matrix's result depends on no other matrices.

#include <algorithm>
#include <utility>

#include "worker/ops/detail/dnnl_matmul.h"
#include "worker/ops/math/matmul_blocks.h"
#include "worker/ops/math/matmul_product.h"
#include "worker/ops/math/matmul_thin.h"
#include "worker/ops/register.h"
#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct TurnedParams {
  std::vector<std::int64_t> a{};  // permutations; empty: none
  std::vector<std::int64_t> b{};
  std::vector<std::int64_t> c{};
};

Result<TurnedParams> parse_turned(const Node& node) {
  Attributes attributes(node);
  TurnedParams params;
  SLUICE_TRY_ASSIGN(params.a, attributes.integers("perm_a"));
  SLUICE_TRY_ASSIGN(params.b, attributes.integers("perm_b"));
  SLUICE_TRY_ASSIGN(params.c, attributes.integers("perm_c"));
  SLUICE_TRY(attributes.finish());
  return params;
}

// `values` in the order of a permutation.
Result<Shape> in_order(Dims values, const std::vector<std::int64_t>& permutation) {
  Shape turned(values.begin(), values.end());
  if (permutation.empty()) {
    return turned;
  }
  Shape sorted = permutation;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < turned.size(); ++i) {
    if (sorted.size() != turned.size() || sorted[i] != static_cast<std::int64_t>(i)) {
      return bad_input("perm " + to_string(permutation) + " is no order of " +
                       std::to_string(turned.size()) + " dimensions");
    }
    turned[i] = values[static_cast<std::size_t>(permutation[i])];
  }
  return turned;
}

Result<Product> product_of(const TurnedParams& params, Dims a, Dims b) {
  SLUICE_TRY_ASSIGN(const Shape a_turned, in_order(a, params.a));
  SLUICE_TRY_ASSIGN(const Shape b_turned, in_order(b, params.b));
  if (a.size() != b.size()) {
    return bad_input("shapes " + to_string(a) + " and " + to_string(b) + " have different ranks");
  }
  return product_of(GemmParams{}, a_turned, b_turned);
}

Result<OutputFacts> infer_turned(const TurnedParams& params, const InputFacts& facts) {
  for (const std::size_t i : {0U, 1U}) {
    if (facts.at(i).datatype != DataType::float32) {
      return unsupported_type(facts.at(i).datatype);
    }
  }
  SLUICE_TRY_ASSIGN(const Product product, product_of(params, facts.at(0).dims, facts.at(1).dims));
  SLUICE_TRY_ASSIGN(Shape dims, in_order(product.c, params.c));
  return one_output(DataType::float32, std::move(dims));
}

// A copy of an operand in order, at `offset` of the scratch; none where it is in order as it is.
struct OrderedCopy {
  bool is_needed = false;
  StridedCopy box{};
  std::size_t offset = 0;  // bytes
};

struct TurnedBound {
  Product product{};
  std::shared_ptr<detail::Matmul> primitive{};
  bool thin = false;
  BroadcastLoop<2> batches{};
  OrderedCopy a{};  // where there is no primitive
  OrderedCopy b{};
  OrderedCopy c{};
};

OrderedCopy copy_of(StridedCopy box, BindContext& context) {
  constexpr std::size_t kAlignment = 64;
  OrderedCopy copy{.box = merged(box)};
  copy.is_needed = copy.box.extents.size() > 1 || copy.box.from[0] != 1 || copy.box.to[0] != 1;
  if (copy.is_needed) {
    std::size_t bytes = sizeof(float);
    for (const std::int64_t extent : box.extents) {
      bytes *= static_cast<std::size_t>(extent);
    }
    copy.offset = context.scratch_size;
    context.scratch_size += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  return copy;
}

Result<TurnedBound> bind_turned(const TurnedParams& params, BindContext& context) {
  const Dims a = context.inputs[0].dims;
  const Dims b = context.inputs[1].dims;
  TurnedBound bound;
  SLUICE_TRY_ASSIGN(bound.product, product_of(params, a, b));
  const Product& product = bound.product;
  if (context.outputs[0].count == 0 || product.k == 0) {
    return bound;
  }
  SLUICE_TRY_ASSIGN(const Shape a_strides, in_order(strides_of(a), params.a));
  SLUICE_TRY_ASSIGN(const Shape b_strides, in_order(strides_of(b), params.b));
  Shape c_strides = strides_of(context.outputs[0].dims);
  if (!params.c.empty()) {
    const Shape strides = c_strides;
    for (std::size_t i = 0; i < strides.size(); ++i) {
      c_strides[static_cast<std::size_t>(params.c[i])] = strides[i];
    }
  }
  bound.thin = is_thin(GemmParams{}, product);
  if (!bound.thin) {
    bound.primitive = detail::Matmul::make({.a_dims = product.a,
                                            .b_dims = product.b,
                                            .c_dims = product.c,
                                            .a_strides = a_strides,
                                            .b_strides = b_strides,
                                            .c_strides = c_strides});
  }
  if (bound.primitive != nullptr) {
    context.scratch_size = bound.primitive->scratch_size();
    context.implementation = bound.primitive->implementation();
    return bound;
  }
  context.implementation = bound.thin ? "thin" : "blocks";
  const auto batches = [](const Shape& dims) { return Shape(dims.begin(), dims.end() - 2); };
  bound.batches = make_loop<2>(batches(product.c), {batches(product.a), batches(product.b)});
  bound.a = copy_of({product.a, a_strides, strides_of(product.a)}, context);
  bound.b = copy_of({product.b, b_strides, strides_of(product.b)}, context);
  bound.c = copy_of({product.c, strides_of(product.c), c_strides}, context);
  return bound;
}

void copy_words(const OrderedCopy& copy, const float* from, float* to) {
  // Words are moved, whatever they mean.
  copy_strided(
      copy.box, reinterpret_cast<const std::uint32_t*>(from), reinterpret_cast<std::uint32_t*>(to));
}

Result<void> run_turned(const TurnedParams&, const TurnedBound& bound, KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  const float* a = context.input(0).as<float>().data();
  const float* b = context.input(1).as<float>().data();
  float* c = y.mut<float>().data();
  if (bound.product.k == 0) {
    std::fill_n(c, y.count, 0.0F);
    return {};
  }
  std::byte* const scratch = context.scratch().data();
  if (bound.primitive != nullptr) {
    bound.primitive->run(a, b, nullptr, c, scratch);
    return {};
  }
  const auto ordered = [&](const OrderedCopy& copy, const float* from) {
    if (!copy.is_needed) {
      return from;
    }
    auto* const to = reinterpret_cast<float*>(scratch + copy.offset);
    copy_words(copy, from, to);
    return static_cast<const float*>(to);
  };
  a = ordered(bound.a, a);
  b = ordered(bound.b, b);
  float* const made = bound.c.is_needed ? reinterpret_cast<float*>(scratch + bound.c.offset) : c;
  if (bound.thin) {
    multiply_thin(GemmParams{}, bound.product, bound.batches, {a, b, made});
  } else if (!multiply_blocks(GemmParams{}, bound.product, bound.batches, {a, b, made})) {
    return Error{ErrorCode::internal, "no kernel for a product"};
  }
  if (bound.c.is_needed) {
    copy_words(bound.c, made, c);
  }
  return {};
}

}  // namespace

void register_matmul_turned(Registry& registry) {
  registry.add({.name = "MatMulTurned",
                .domain = std::string(kFusedDomain),
                .since = {1},
                .arity = {2, 2, 1},
                .kernel = bound_kernel<parse_turned, infer_turned, bind_turned, run_turned>(),
                .tame = true});
}

}  // namespace sluice::engine
