// Einsum: products of operands, summed over the axes that the result does not have.
// Spec: https://onnx.ai/onnx/operators/onnx__Einsum.html (read 2026-11).
// Types: all numbers; one datatype for all operands. Repeated letters in an operand are its
// diagonal, an ellipsis any number of axes, which broadcast.
//
// Operands are put together from the left, two at a time; of an intermediate result those axes are
// kept that a later operand or the result has. Where both are floats and no axis belongs to one of
// them alone without being in the result, a pair is a stack of matrix products: [batch, m, k] x
// [batch, k, n]. All else are plain loops; floats are summed in double there, integers modulo 2^n.

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/detail/gemm_call.h"
#include "worker/ops/elements.h"
#include "worker/ops/math/einsum_equation.h"
#include "worker/ops/register.h"
#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

using einsum::Axes;
using einsum::Label;
using einsum::Labels;

Result<einsum::Equation> parse_einsum(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::string equation, attributes.text("equation", ""));
  SLUICE_TRY(attributes.finish());
  return einsum::parse_equation(equation);
}

Shape extents_of(const Axes& axes, const Labels& labels) {
  Shape dims;
  for (const Label label : labels) {
    dims.push_back(axes.extents[static_cast<std::size_t>(label)]);
  }
  return dims;
}

Result<OutputFacts> infer_einsum(const einsum::Equation& equation, const InputFacts& facts) {
  const DataType datatype = facts.at(0).datatype;
  std::vector<Dims> operands;
  for (std::size_t i = 0; i < facts.inputs.size(); ++i) {
    if (facts.at(i).datatype != datatype) {
      return bad_input("its operands are " + std::string(name_of(datatype)) + " and " +
                       std::string(name_of(facts.at(i).datatype)));
    }
    operands.push_back(facts.at(i).dims);
  }
  if (!is_number(datatype)) {
    return unsupported_type(datatype);
  }
  SLUICE_TRY_ASSIGN(const Axes axes, einsum::resolve(equation, operands));
  return one_output(datatype, extents_of(axes, axes.output));
}

// Two operands (the second may be missing: a one) into a row-major result.
struct Pair {
  bool has_second = true;
  // Plain loops: axes of the result and axes summed over, with the operands' distances along them.
  Shape kept{};
  Shape summed{};
  Shape kept_steps[2]{};
  Shape summed_steps[2]{};
  std::int64_t count = 1;  // of the result
  // As matrices, where that works: the operands in the order of a stack of products, and the
  // stack's result in the order wanted.
  bool is_product = false;
  std::int64_t batch = 1;
  detail::GemmShape shape{};
  StridedCopy first{};
  StridedCopy second{};
  StridedCopy result{};
};

struct EinsumBound {
  std::vector<Pair> pairs{};
  std::int64_t largest = 0;   // elements of the largest intermediate result
  std::int64_t matrices = 0;  // elements of the largest operands and result in order, together
};

// An operand's distance along `label`; 0 where it does not have it or is stretched.
std::int64_t step_along(const Labels& labels, const Shape& dims, Label label) {
  const Shape strides = strides_of(dims);
  std::int64_t step = 0;
  for (std::size_t d = 0; d < labels.size(); ++d) {
    step += labels[d] == label && dims[d] != 1 ? strides[d] : 0;
  }
  return step;
}

bool has(const Labels& labels, Label label) {
  return std::ranges::find(labels, label) != labels.end();
}

struct Operand {
  Labels labels{};
  Shape dims{};
};

// `operand` as a row-major box over `labels`.
StridedCopy in_order(const Axes& axes, const Operand& operand, const Labels& labels) {
  StridedCopy box{.extents = extents_of(axes, labels)};
  for (const Label label : labels) {
    box.from.push_back(step_along(operand.labels, operand.dims, label));
  }
  box.to = strides_of(box.extents);
  return merged(box);
}

Labels joined(Labels a, const Labels& b, const Labels& c) {
  a.insert(a.end(), b.begin(), b.end());
  a.insert(a.end(), c.begin(), c.end());
  return a;
}

// Finds the stack of products that the pair is, if it is one.
void make_product(const Axes& axes,
                  const Operand& a,
                  const Operand& b,
                  const Labels& result,
                  const Labels& summed,
                  Pair& pair) {
  Labels batch;
  Labels m;
  Labels n;
  for (const Label label : result) {
    (has(a.labels, label) ? (has(b.labels, label) ? batch : m) : n).push_back(label);
  }
  const auto size = [&](const Labels& labels) {
    const Shape dims = extents_of(axes, labels);
    return product(dims, 0, dims.size());
  };
  pair.batch = size(batch);
  pair.shape = {.m = size(m), .n = size(n), .k = size(summed)};
  constexpr std::int64_t kMost = std::int64_t{1} << 30;  // OpenBLAS counts in int
  const bool both = std::ranges::all_of(
      summed, [&](Label label) { return has(a.labels, label) && has(b.labels, label); });
  pair.is_product = both && pair.shape.m < kMost && pair.shape.n < kMost && pair.shape.k < kMost &&
                    pair.shape.k > 0;
  pair.first = in_order(axes, a, joined(batch, m, summed));
  pair.second = in_order(axes, b, joined(batch, summed, n));
  const Labels stacked = joined(batch, m, n);
  pair.result = in_order(axes, {.labels = stacked, .dims = extents_of(axes, stacked)}, result);
}

Pair make_pair_of(
    const Axes& axes, const Operand& a, const Operand* b, const Labels& result, bool is_float) {
  Pair pair{.has_second = b != nullptr};
  Labels summed;
  for (const Operand* operand : {&a, b}) {
    for (std::size_t d = 0; operand != nullptr && d < operand->labels.size(); ++d) {
      const Label label = operand->labels[d];
      if (!has(result, label) && !has(summed, label)) {
        summed.push_back(label);
      }
    }
  }
  pair.kept = extents_of(axes, result);
  pair.summed = extents_of(axes, summed);
  pair.count = product(pair.kept, 0, pair.kept.size());
  for (std::size_t i = 0; i < 2; ++i) {
    const Operand* operand = i == 0 ? &a : b;
    for (const Label label : result) {
      pair.kept_steps[i].push_back(
          operand != nullptr ? step_along(operand->labels, operand->dims, label) : 0);
    }
    for (const Label label : summed) {
      pair.summed_steps[i].push_back(
          operand != nullptr ? step_along(operand->labels, operand->dims, label) : 0);
    }
  }
  if (is_float && b != nullptr) {
    make_product(axes, a, *b, result, summed, pair);
  }
  return pair;
}

Result<EinsumBound> bind_einsum(const einsum::Equation& equation, BindContext& context) {
  std::vector<Dims> operands;
  for (const TensorView& input : context.inputs) {
    operands.push_back(input.dims);
  }
  SLUICE_TRY_ASSIGN(const Axes axes, einsum::resolve(equation, operands));
  const auto operand = [&](std::size_t i) {
    return Operand{.labels = axes.inputs[i], .dims = {operands[i].begin(), operands[i].end()}};
  };
  const bool is_real = is_float(context.inputs[0].datatype);
  EinsumBound bound;
  Operand left = operand(0);
  const std::size_t last = std::max<std::size_t>(operands.size(), 2) - 1;
  for (std::size_t i = 1; i <= last; ++i) {
    Labels kept = axes.output;
    if (i < last) {
      kept.clear();
      for (Label label = 0; label < static_cast<Label>(axes.extents.size()); ++label) {
        bool later = has(axes.output, label);
        for (std::size_t k = i + 1; k <= last; ++k) {
          later = later || has(axes.inputs[k], label);
        }
        if (later && (has(left.labels, label) || has(axes.inputs[i], label))) {
          kept.push_back(label);
        }
      }
    }
    const bool has_right = i < operands.size();
    const Operand right = has_right ? operand(i) : Operand{};
    // More terms than can be counted are too many to compute, and sizes below stay in range.
    Labels all;
    for (Label label = 0; label < static_cast<Label>(axes.extents.size()); ++label) {
      if (has(left.labels, label) || has(right.labels, label)) {
        all.push_back(label);
      }
    }
    SLUICE_TRY(element_count(extents_of(axes, all)));
    bound.pairs.push_back(make_pair_of(axes, left, has_right ? &right : nullptr, kept, is_real));
    const Pair& pair = bound.pairs.back();
    left = {.labels = kept, .dims = extents_of(axes, kept)};
    bound.largest = std::max(bound.largest, i < last ? pair.count : 0);
    if (pair.is_product) {
      const auto& [m, n, k, a_transposed, b_transposed] = pair.shape;
      bound.matrices = std::max(bound.matrices, pair.batch * (m * k + k * n + m * n));
    }
  }
  // Two intermediate results, the one made from the other, and the matrices.
  context.scratch_size = static_cast<std::size_t>(2 * bound.largest + bound.matrices) *
                         storage_size(context.inputs[0].datatype);
  return bound;
}

std::int64_t offset_of(const Shape& extents, const Shape& steps, std::int64_t number) {
  std::int64_t offset = 0;
  for (std::size_t d = extents.size(); d > 0; --d) {
    offset += number % extents[d - 1] * steps[d - 1];
    number /= extents[d - 1];
  }
  return offset;
}

template <class T>
void multiply_plainly(const Pair& pair, const T* a, const T* b, T* to) {
  using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
  const std::int64_t terms = product(pair.summed, 0, pair.summed.size());
  parallel_for(pair.count, 1 + 16'384 / (terms + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const T* first = a + offset_of(pair.kept, pair.kept_steps[0], i);
      const T* second = pair.has_second ? b + offset_of(pair.kept, pair.kept_steps[1], i) : nullptr;
      Wide sum = 0;
      for (std::int64_t k = 0; k < terms; ++k) {
        const auto x = static_cast<Wide>(first[offset_of(pair.summed, pair.summed_steps[0], k)]);
        sum += pair.has_second
                   ? x * static_cast<Wide>(second[offset_of(pair.summed, pair.summed_steps[1], k)])
                   : x;
      }
      to[i] = static_cast<T>(sum);
    }
  });
}

// `memory` holds the stacks of operands and results.
template <class T>
void multiply_matrices(const Pair& pair, const T* a, const T* b, T* memory, T* to) {
  const auto [m, n, k, a_transposed, b_transposed] = pair.shape;
  T* first = memory;
  T* second = first + pair.batch * m * k;
  T* result = second + pair.batch * k * n;
  copy_strided(pair.first, a, first);
  copy_strided(pair.second, b, second);
  for (std::int64_t i = 0; i < pair.batch; ++i) {
    bool done = false;
    if constexpr (std::is_same_v<T, float>) {
      done = detail::gemm_float32(
          pair.shape, first + i * m * k, second + i * k * n, result + i * m * n);
    } else if constexpr (std::is_same_v<T, double>) {
      done = detail::gemm_float64(
          pair.shape, first + i * m * k, second + i * k * n, result + i * m * n);
    }
    SLUICE_CHECK(done);
  }
  copy_strided(pair.result, result, to);
}

template <class T>
void run_pairs(const EinsumBound& bound, KernelContext& context) {
  T* memory = static_cast<T*>(static_cast<void*>(context.scratch().data()));
  T* intermediate[2] = {memory, memory + bound.largest};
  T* matrices = memory + 2 * bound.largest;
  const T* left = context.input(0).as<T>().data();
  for (std::size_t i = 0; i < bound.pairs.size(); ++i) {
    const Pair& pair = bound.pairs[i];
    const T* right = pair.has_second ? context.input(i + 1).as<T>().data() : nullptr;
    const bool is_last = i + 1 == bound.pairs.size();
    T* to = is_last ? context.output(0).mut<T>().data() : intermediate[i % 2];
    if (pair.count > 0 && pair.is_product) {
      multiply_matrices(pair, left, right, matrices, to);
    } else if (pair.count > 0) {
      multiply_plainly(pair, left, right, to);
    }
    left = to;
  }
}

Result<void> run_einsum(const einsum::Equation&, const EinsumBound& bound, KernelContext& context) {
  const bool known = dispatch_number(context.output(0).datatype,
                                     [&](auto tag) { run_pairs<decltype(tag)>(bound, context); });
  SLUICE_CHECK(known);
  return {};
}

}  // namespace

void register_einsum(Registry& registry) {
  registry.add({.name = "Einsum",
                .since = {12},
                .arity = {1, kAnyNumber, 1},
                .kernel = bound_kernel<parse_einsum, infer_einsum, bind_einsum, run_einsum>(),
                .tame = true});
}

}  // namespace sluice::engine
