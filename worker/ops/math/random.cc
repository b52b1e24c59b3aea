// Bernoulli, Multinomial, RandomNormal, RandomNormalLike, RandomUniform, RandomUniformLike: numbers
// drawn from a distribution.
// Spec: https://onnx.ai/onnx/operators/onnx__RandomNormal.html and its neighbours (read 2026-11).
// Types: results float32, float64, float16, bfloat16; of Bernoulli any number or bool; of
// Multinomial int32 or int64.
//
// With `seed` every run draws the same numbers, whatever the threads: number i is made from the
// seed and i alone. Without, each run asks the system for a seed of its own.
//
//   Uniform      low <= x < high, up to rounding to the datatype
//   Normal       by Box and Muller, from two uniform numbers
//   Bernoulli    1 with the probability that the input's element says
//   Multinomial  X [batch, classes] of logarithms of odds -> [batch, sample_size] class numbers

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

#include <sys/random.h>

#include "common/tensor/small_float.h"
#include "worker/engine/graph/onnx_types.h"
#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// Number i of a sequence; the finisher of SplitMix64 (Steele, Lea and Flood, 2014).
class Sequence {
 public:
  static Result<Sequence> create(std::optional<float> seed) {
    if (seed) {
      return Sequence(std::bit_cast<std::uint32_t>(*seed));
    }
    std::uint64_t drawn = 0;
    if (::getrandom(&drawn, sizeof(drawn), 0) != static_cast<ssize_t>(sizeof(drawn))) {
      return Error{ErrorCode::internal, "the system gives no random seed"};
    }
    return Sequence(drawn);
  }
  // At least 0, below 1.
  [[nodiscard]] double uniform(std::int64_t i) const {
    constexpr int kUnused = 64 - 53;
    return static_cast<double>(bits(static_cast<std::uint64_t>(i)) >> kUnused) * 0x1p-53;
  }
  [[nodiscard]] double normal(std::int64_t i) const {
    const double radius = std::sqrt(-2 * std::log(1 - uniform(2 * i)));
    return radius * std::cos(2 * std::numbers::pi * uniform(2 * i + 1));
  }

 private:
  explicit Sequence(std::uint64_t seed) : seed_(mixed(seed + 0x9E3779B97F4A7C15U)) {}
  static std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31U);
  }
  [[nodiscard]] std::uint64_t bits(std::uint64_t i) const {
    return mixed(seed_ + (i + 1) * 0x9E3779B97F4A7C15U);
  }
  std::uint64_t seed_;
};

Result<std::optional<float>> parse_seed(Attributes& attributes) {
  std::optional<float> seed;
  if (attributes.has("seed")) {
    SLUICE_TRY_ASSIGN(seed, attributes.real("seed", 0));
  }
  return seed;
}

bool is_real(DataType datatype) {
  return is_float(datatype) || is_half(datatype);
}

// Calls f(i) for each element of `y` and stores what it returns, a double, as a float of y's type.
template <class F>
void fill_floats(TensorView& y, const F& f) {
  const auto fill = [&](auto* to, const auto& convert) {
    parallel_for(y.count, 4'096, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        to[i] = convert(f(i));
      }
    });
  };
  switch (y.datatype) {
    case DataType::float16:
      return fill(y.mut<Float16>().data(), [](double x) { return narrow<Float16>(to_odd(x)); });
    case DataType::bfloat16:
      return fill(y.mut<BFloat16>().data(), [](double x) { return narrow<BFloat16>(to_odd(x)); });
    case DataType::float64:
      return fill(y.mut<double>().data(), [](double x) { return x; });
    default:
      return fill(y.mut<float>().data(), [](double x) { return static_cast<float>(x); });
  }
}

// --- RandomNormal, RandomUniform and their Like twins --------------------------------------------

struct RandomParams {
  bool normal = false;
  double first = 0;                         // low, or the mean
  double second = 1;                        // high, or the standard deviation
  DataType datatype = DataType::undefined;  // as the input's
  std::optional<Shape> dims{};              // absent: as the input's
  std::optional<float> seed{};
};

template <bool kNormal, bool kLike>
Result<RandomParams> parse_random(const Node& node) {
  Attributes attributes(node);
  RandomParams params{.normal = kNormal};
  SLUICE_TRY_ASSIGN(const float first, attributes.real(kNormal ? "mean" : "low", 0));
  SLUICE_TRY_ASSIGN(const float second, attributes.real(kNormal ? "scale" : "high", 1));
  params.first = static_cast<double>(first);
  params.second = static_cast<double>(second);
  SLUICE_TRY_ASSIGN(
      params.datatype,
      datatype_attribute(attributes, "dtype", kLike ? DataType::undefined : DataType::float32));
  if (!kLike) {
    if (!attributes.has("shape")) {
      return Error{ErrorCode::data_corrupt, "has no shape"};
    }
    SLUICE_TRY_ASSIGN(params.dims, attributes.integers("shape"));
  }
  SLUICE_TRY_ASSIGN(params.seed, parse_seed(attributes));
  SLUICE_TRY(attributes.finish());
  if (params.datatype != DataType::undefined && !is_real(params.datatype)) {
    return unsupported_type(params.datatype);
  }
  return params;
}

Result<OutputFacts> infer_random(const RandomParams& params, const InputFacts& facts) {
  const DataType datatype =
      params.datatype == DataType::undefined ? facts.at(0).datatype : params.datatype;
  if (!is_real(datatype)) {
    return unsupported_type(datatype);
  }
  Shape dims = params.dims.value_or(Shape{});
  if (!params.dims) {
    dims.assign(facts.at(0).dims.begin(), facts.at(0).dims.end());
  }
  SLUICE_TRY(element_count(dims));
  return one_output(datatype, std::move(dims));
}

Result<void> run_random(const RandomParams& params, KernelContext& context) {
  SLUICE_TRY_ASSIGN(const Sequence sequence, Sequence::create(params.seed));
  fill_floats(context.output(0), [&](std::int64_t i) {
    return params.normal ? params.first + params.second * sequence.normal(i)
                         : params.first + (params.second - params.first) * sequence.uniform(i);
  });
  return {};
}

// --- Bernoulli -----------------------------------------------------------------------------------

struct DrawParams {
  DataType datatype = DataType::undefined;  // as the input's
  std::int64_t sample_size = 1;
  std::optional<float> seed{};
};

Result<DrawParams> parse_bernoulli(const Node& node) {
  Attributes attributes(node);
  DrawParams params;
  SLUICE_TRY_ASSIGN(params.datatype, datatype_attribute(attributes, "dtype", DataType::undefined));
  SLUICE_TRY_ASSIGN(params.seed, parse_seed(attributes));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_bernoulli(const DrawParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const DataType datatype = params.datatype == DataType::undefined ? x.datatype : params.datatype;
  if (!is_real(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (!is_number(datatype) && !is_half(datatype) && datatype != DataType::boolean) {
    return unsupported_type(datatype);
  }
  return one_output(datatype, {x.dims.begin(), x.dims.end()});
}

// Element i of a tensor of floats.
double real_at(const TensorView& x, std::int64_t i) {
  const auto at = static_cast<std::size_t>(i);
  switch (x.datatype) {
    case DataType::float16:
      return static_cast<double>(to_float(x.as<Float16>()[at]));
    case DataType::bfloat16:
      return static_cast<double>(to_float(x.as<BFloat16>()[at]));
    case DataType::float64:
      return x.as<double>()[at];
    default:
      return static_cast<double>(x.as<float>()[at]);
  }
}

Result<void> run_bernoulli(const DrawParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  SLUICE_TRY_ASSIGN(const Sequence sequence, Sequence::create(params.seed));
  const auto hit = [&](std::int64_t i) { return sequence.uniform(i) < real_at(x, i); };
  if (is_real(y.datatype)) {
    fill_floats(y, [&](std::int64_t i) { return hit(i) ? 1.0 : 0.0; });
    return {};
  }
  const auto fill = [&](auto tag) {
    auto* to = y.mut<decltype(tag)>().data();
    for (std::int64_t i = 0; i < y.count; ++i) {
      to[i] = static_cast<decltype(tag)>(hit(i));
    }
  };
  if (y.datatype == DataType::boolean) {
    fill(bool{});
  } else {
    const bool known = dispatch_number(y.datatype, fill);
    SLUICE_CHECK(known);
  }
  return {};
}

// --- Multinomial ---------------------------------------------------------------------------------

Result<DrawParams> parse_multinomial(const Node& node) {
  Attributes attributes(node);
  DrawParams params;
  SLUICE_TRY_ASSIGN(params.datatype, datatype_attribute(attributes, "dtype", DataType::int32));
  SLUICE_TRY_ASSIGN(params.sample_size, attributes.integer("sample_size", 1));
  SLUICE_TRY_ASSIGN(params.seed, parse_seed(attributes));
  SLUICE_TRY(attributes.finish());
  if (params.datatype != DataType::int32 && params.datatype != DataType::int64) {
    return unsupported_type(params.datatype);
  }
  if (params.sample_size < 0) {
    return Error{ErrorCode::data_corrupt, "a sample of " + std::to_string(params.sample_size)};
  }
  return params;
}

Result<OutputFacts> infer_multinomial(const DrawParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_real(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() != 2 || x.dims[1] == 0) {
    return bad_input("its input is " + to_string(x.dims) + ", not [batch, classes]");
  }
  return one_output(params.datatype, {x.dims[0], params.sample_size});
}

// The sums of odds up to each class, in scratch.
Result<DrawParams> bind_multinomial(const DrawParams& params, BindContext& context) {
  context.scratch_size = static_cast<std::size_t>(context.inputs[0].dims[1]) * sizeof(double);
  return params;
}

Result<void> run_multinomial(const DrawParams& params, const DrawParams&, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  SLUICE_TRY_ASSIGN(const Sequence sequence, Sequence::create(params.seed));
  const std::int64_t classes = x.dims[1];
  auto* sums = static_cast<double*>(static_cast<void*>(context.scratch().data()));
  for (std::int64_t row = 0; row < x.dims[0]; ++row) {
    double most = real_at(x, row * classes);
    for (std::int64_t c = 1; c < classes; ++c) {
      most = std::max(most, real_at(x, row * classes + c));
    }
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
      sum += std::exp(real_at(x, row * classes + c) - most);
      sums[c] = sum;
    }
    if (!std::isfinite(sum)) {
      return bad_input("row " + std::to_string(row) + " has no finite odds");
    }
    for (std::int64_t i = row * params.sample_size; i < (row + 1) * params.sample_size; ++i) {
      const std::int64_t drawn = std::min(
          std::upper_bound(sums, sums + classes, sequence.uniform(i) * sum) - sums, classes - 1);
      if (y.datatype == DataType::int32) {
        y.mut<std::int32_t>()[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(drawn);
      } else {
        y.mut<std::int64_t>()[static_cast<std::size_t>(i)] = drawn;
      }
    }
  }
  return {};
}

OperatorEntry random_entry(const char* name, std::vector<int> since, Arity arity, Kernel kernel) {
  return {.name = name,
          .since = std::move(since),
          .arity = arity,
          .kernel = kernel,
          .halves = HalfRule::native,
          .tame = true,
          .pure = false};
}

template <bool kNormal, bool kLike>
Kernel random_kernel() {
  return kernel<parse_random<kNormal, kLike>, infer_random, run_random>();
}

}  // namespace

void register_random(Registry& registry) {
  const Arity none{.inputs_least = 0, .inputs_most = 0};
  registry.add(random_entry(
      "Bernoulli", {15, 22}, {}, kernel<parse_bernoulli, infer_bernoulli, run_bernoulli>()));
  registry.add(random_entry(
      "Multinomial",
      {7, 22},
      {},
      bound_kernel<parse_multinomial, infer_multinomial, bind_multinomial, run_multinomial>()));
  registry.add(random_entry("RandomNormal", {1, 22}, none, random_kernel<true, false>()));
  registry.add(random_entry("RandomNormalLike", {1, 22}, {}, random_kernel<true, true>()));
  registry.add(random_entry("RandomUniform", {1, 22}, none, random_kernel<false, false>()));
  registry.add(random_entry("RandomUniformLike", {1, 22}, {}, random_kernel<false, true>()));
}

}  // namespace sluice::engine
