// AttentionHeads, AttentionMask: what the attention operators of com.microsoft leave to the shapes
// of their inputs. Of our own domain: nodes that the reader has written out name them.
// Spec of what they are for: ContribOperators.md of ONNX Runtime (read 2026-11).
//
// AttentionHeads(x, bias [N * D]?) -> [B, N, L, D]: x is [B, L, N * D], and the bias is added; or
// it is [B, N, L, D] already, and nothing is.
// AttentionMask(scores [B, N, S, T], mask?) -> what is added to the scores: `mask_filter_value`
// where a query must not look at a key, else 0. The mask, int32, is [B]: how many keys a row has;
// [2 B]: behind these, where they begin; [3 B + 2]: [B] and more that adds nothing; [B, T] or
// [B, S, T]: above 0 where they may. `unidirectional`: query s looks at no key behind T - S + s, by
// the lowest number there is.
// Types: float32, float64. Refused: masks of four axes.

#include <algorithm>
#include <limits>

#include "worker/ops/elements.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// --- AttentionHeads ------------------------------------------------------------------------------

struct HeadsParams {
  std::int64_t heads = 1;
};

Result<HeadsParams> parse_heads(const Node& node) {
  Attributes attributes(node);
  HeadsParams params;
  SLUICE_TRY_ASSIGN(params.heads, attributes.integer("num_heads", 0));
  SLUICE_TRY(attributes.finish());
  if (params.heads < 1) {
    return Error{ErrorCode::data_corrupt, "num_heads is " + std::to_string(params.heads)};
  }
  return params;
}

Result<OutputFacts> infer_heads(const HeadsParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() == 4 && x.dims[1] == params.heads) {
    return one_output(x.datatype, Shape(x.dims.begin(), x.dims.end()));
  }
  const bool biased = facts.has(1);
  if (x.dims.size() != 3 || x.dims[2] % params.heads != 0 ||
      (biased && (facts.at(1).datatype != x.datatype || facts.at(1).dims.size() != 1 ||
                  facts.at(1).dims[0] != x.dims[2]))) {
    return Error{ErrorCode::invalid_argument,
                 "keys or values of shape " + to_string(x.dims) + " do not fit " +
                     std::to_string(params.heads) + " heads and their bias"};
  }
  return one_output(x.datatype, {x.dims[0], params.heads, x.dims[1], x.dims[2] / params.heads});
}

template <class T>
void run_heads_as(KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  const T* from = x.as<T>().data();
  T* to = y.mut<T>().data();
  if (x.dims.size() == 4) {
    std::copy_n(from, x.count, to);
    return;
  }
  const T* bias = context.has_input(1) ? context.input(1).as<T>().data() : nullptr;
  const std::int64_t heads = y.dims[1];
  const std::int64_t length = y.dims[2];
  const std::int64_t depth = y.dims[3];
  for (std::int64_t row = 0; row < y.dims[0] * heads * length; ++row) {
    const std::int64_t head = row / length % heads;
    const std::int64_t place = row / (length * heads) * length + row % length;
    const T* source = from + (place * heads + head) * depth;
    for (std::int64_t i = 0; i < depth; ++i) {
      to[row * depth + i] = source[i] + (bias != nullptr ? bias[head * depth + i] : T{0});
    }
  }
}

Result<void> run_heads(const HeadsParams&, KernelContext& context) {
  if (context.output(0).datatype == DataType::float32) {
    run_heads_as<float>(context);
  } else {
    run_heads_as<double>(context);
  }
  return {};
}

// --- AttentionMask -------------------------------------------------------------------------------

struct MaskParams {
  float filter = 0;
  bool causal = false;
};

Result<MaskParams> parse_mask(const Node& node) {
  Attributes attributes(node);
  MaskParams params;
  SLUICE_TRY_ASSIGN(params.filter, attributes.real("mask_filter_value", -10'000.0F));
  SLUICE_TRY_ASSIGN(const std::int64_t causal, attributes.integer("unidirectional", 0));
  params.causal = causal != 0;
  SLUICE_TRY(attributes.finish());
  return params;
}

bool fits(const Dims mask, const Dims scores) {
  const std::int64_t batch = scores[0];
  switch (mask.size()) {
    case 1:
      return mask[0] == batch || mask[0] == 2 * batch || mask[0] == 3 * batch + 2;
    case 2:
      return mask[0] == batch && mask[1] == scores[3];
    case 3:
      return mask[0] == batch && mask[1] == scores[2] && mask[2] == scores[3];
    default:
      return false;
  }
}

// [B or 1, 1, S or 1, T].
Result<OutputFacts> infer_mask(const MaskParams& params, const InputFacts& facts) {
  const InputFact& scores = facts.at(0);
  if (!is_float(scores.datatype)) {
    return unsupported_type(scores.datatype);
  }
  if (scores.dims.size() != 4) {
    return Error{ErrorCode::invalid_argument, "scores of shape " + to_string(scores.dims)};
  }
  std::size_t axes = 0;
  if (facts.has(1)) {
    const InputFact& mask = facts.at(1);
    axes = mask.dims.size();
    if (mask.datatype != DataType::int32 || axes == 4) {
      return axes == 4 ? Result<OutputFacts>(Error{ErrorCode::unsupported, "a mask of four axes"})
                       : unsupported_type(mask.datatype);
    }
    if (!fits(mask.dims, scores.dims)) {
      return Error{ErrorCode::invalid_argument,
                   "a mask of shape " + to_string(mask.dims) + " for scores of shape " +
                       to_string(scores.dims)};
    }
  }
  const std::int64_t rows = params.causal || axes == 3 ? scores.dims[2] : 1;
  return one_output(scores.datatype, {axes > 0 ? scores.dims[0] : 1, 1, rows, scores.dims[3]});
}

// Whether row `b`, query `s` may look at key `t`.
class Sight {
 public:
  Sight(const TensorView* mask, Dims scores)
      : mask_(mask), batch_(scores[0]), queries_(scores[2]), keys_(scores[3]) {}

  [[nodiscard]] bool may(std::int64_t b, std::int64_t s, std::int64_t t) const {
    if (mask_ == nullptr) {
      return true;
    }
    const std::int32_t* given = mask_->as<std::int32_t>().data();
    if (mask_->dims.size() == 1) {
      const bool has_begin = mask_->dims[0] == 2 * batch_;
      return t < given[b] && (!has_begin || t >= given[batch_ + b]);
    }
    return given[(mask_->dims.size() == 2 ? b : b * queries_ + s) * keys_ + t] > 0;
  }

 private:
  const TensorView* mask_;
  std::int64_t batch_;
  std::int64_t queries_;
  std::int64_t keys_;
};

template <class T>
void run_mask_as(const MaskParams& params, KernelContext& context) {
  const Dims scores = context.input(0).dims;
  TensorView& y = context.output(0);
  const Sight sight(context.has_input(1) ? &context.input(1) : nullptr, scores);
  T* to = y.mut<T>().data();
  const std::int64_t rows = y.dims[2];
  const std::int64_t keys = y.dims[3];
  const std::int64_t ahead = keys - scores[2];
  for (std::int64_t b = 0; b < y.dims[0]; ++b) {
    for (std::int64_t s = 0; s < rows; ++s) {
      for (std::int64_t t = 0; t < keys; ++t) {
        *to++ = params.causal && t > ahead + s ? std::numeric_limits<T>::lowest()
                : sight.may(b, s, t)           ? T{0}
                                               : static_cast<T>(params.filter);
      }
    }
  }
}

Result<void> run_mask(const MaskParams& params, KernelContext& context) {
  if (context.output(0).datatype == DataType::float32) {
    run_mask_as<float>(params, context);
  } else {
    run_mask_as<double>(params, context);
  }
  return {};
}

}  // namespace

void register_attention(Registry& registry) {
  registry.add({.name = "AttentionHeads",
                .domain = std::string(kWrittenDomain),
                .since = {1},
                .arity = {.inputs_most = 2},
                .kernel = kernel<parse_heads, infer_heads, run_heads>()});
  registry.add({.name = "AttentionMask",
                .domain = std::string(kWrittenDomain),
                .since = {1},
                .arity = {.inputs_most = 2},
                .kernel = kernel<parse_mask, infer_mask, run_mask>()});
}

}  // namespace sluice::engine
