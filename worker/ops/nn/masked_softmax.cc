// MaskedSoftmax (sluice.fused): made by the plan of attention's Softmax and what scales and masks
// the scores before it (worker/engine/plan/attention_patterns.cc).
// y = softmax over the last axis of (condition == keeps ? scaled(x) : fill) + mask.
// Inputs: x, scale, condition, fill, mask; but x each may be left out. `scale` and `fill` are one
// number; all stretch to each other. scaled(x) is x * scale, x / scale where `divides` is 1.
// float32, the condition bool. The same bits as of the steps that this replaces: scores are read
// and probabilities written once, in pieces that stay in the nearest cache in between.

#include <algorithm>
#include <array>
#include <utility>

#include "worker/ops/broadcast.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/simd/scores.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum : std::size_t { kScores, kScale, kCondition, kFill, kMask };

struct MaskedParams {
  bool divides = false;
  bool keeps = true;
};

Result<MaskedParams> parse_masked(const Node& node) {
  Attributes attributes(node);
  MaskedParams params;
  SLUICE_TRY_ASSIGN(const std::int64_t divides, attributes.integer("divides", 0));
  SLUICE_TRY_ASSIGN(const std::int64_t keeps, attributes.integer("keeps", 1));
  params.divides = divides != 0;
  params.keeps = keeps != 0;
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_masked(const MaskedParams&, const InputFacts& facts) {
  Shape dims;
  for (const std::size_t i : {kScores, kScale, kCondition, kFill, kMask}) {
    if (!facts.has(i)) {
      continue;
    }
    const InputFact& input = facts.at(i);
    if (input.datatype != (i == kCondition ? DataType::boolean : DataType::float32)) {
      return unsupported_type(input.datatype);
    }
    SLUICE_TRY_ASSIGN(dims, broadcast_dims(dims, input.dims));
  }
  if (dims.empty()) {
    return bad_input("it has no axis");
  }
  return one_output(DataType::float32, std::move(dims));
}

constexpr std::array<std::size_t, 3> kOperands = {kScores, kCondition, kMask};

struct MaskedBound {
  BroadcastLoop<3> loop{};  // of kOperands; its rows are whole rows of the softmax, one or more
  std::array<std::int64_t, 3> row_step{};  // of each operand, from row to row of the loop
  std::int64_t run = 1;                    // rows that far apart
  std::int64_t length = 1;
  std::int64_t rows = 0;  // of the softmax
  std::int64_t most = 1;  // of those, worked on at once
};
constexpr std::int64_t kPieceElements = 1024;  // 12 KiB with x and a mask: near, and some rows

Result<MaskedBound> bind_masked(const MaskedParams&, BindContext& context) {
  const Dims y = context.outputs[0].dims;
  std::array<Shape, 3> operands;
  for (std::size_t i = 0; i < kOperands.size(); ++i) {
    if (context.has_input(kOperands[i])) {
      const Dims dims = context.inputs[kOperands[i]].dims;
      operands[i].assign(dims.begin(), dims.end());
    }
  }
  MaskedBound bound{.loop = make_loop<3>(y, operands), .length = y.back()};
  if (!bound.loop.extents.empty()) {
    bound.run = bound.loop.extents.back();
    for (std::size_t i = 0; i < kOperands.size(); ++i) {
      bound.row_step[i] = bound.loop.strides[i].back();
    }
  }
  bound.rows = bound.length == 0 ? 0 : context.outputs[0].count / bound.length;
  bound.most = std::max<std::int64_t>(1, kPieceElements / std::max<std::int64_t>(1, bound.length));
  return bound;
}

simd::ScoreRule rule_of(const MaskedParams& params, const KernelContext& context) {
  using Scale = simd::ScoreRule::Scale;
  simd::ScoreRule rule{.keeps = params.keeps};
  if (context.has_input(kScale)) {
    rule.scale = params.divides ? Scale::divide : Scale::multiply;
    rule.by = context.input(kScale).as<float>()[0];
  }
  if (context.has_input(kFill)) {
    rule.fill = context.input(kFill).as<float>()[0];
  }
  return rule;
}

// What is worked on at once: a part of one of the loop's rows, or several of them.
struct Piece {
  std::array<std::int64_t, 3> at{};  // of each operand
  std::int64_t count = 0;            // elements of a row
  std::int64_t rows = 1;
};

Piece piece_of(const MaskedBound& bound, std::int64_t begin, std::int64_t left) {
  const BroadcastLoop<3>& loop = bound.loop;
  const std::int64_t row = begin < loop.inner ? 0 : begin / loop.inner;
  const std::int64_t inside = begin - row * loop.inner;
  Piece piece;
  if (row > 0) {
    piece.at = loop.offsets(row);
  }
  if (inside == 0 && loop.inner <= std::min(left, kPieceElements)) {
    piece.count = loop.inner;
    piece.rows =
        std::min({left, kPieceElements, (bound.run - row % bound.run) * loop.inner}) / loop.inner;
    return piece;
  }
  for (std::size_t i = 0; i < kOperands.size(); ++i) {
    piece.at[i] += inside * loop.inner_step[i];
  }
  piece.count = std::min({loop.inner - inside, left, bound.most * bound.length});
  return piece;
}

Result<void> run_masked(const MaskedParams& params,
                        const MaskedBound& bound,
                        KernelContext& context) {
  if (bound.rows == 0) {
    return {};
  }
  const simd::ScoreRule rule = rule_of(params, context);
  const float* x = context.input(kScores).as<float>().data();
  const bool* chosen =
      context.has_input(kCondition) ? context.input(kCondition).as<bool>().data() : nullptr;
  const float* mask = context.has_input(kMask) ? context.input(kMask).as<float>().data() : nullptr;
  float* const to = context.output(0).mut<float>().data();
  const auto operand = [&]<class T>(const T* data, std::size_t i, const Piece& piece) {
    return simd::ScoreOperand<T>{.data = data == nullptr ? nullptr : data + piece.at[i],
                                 .step = bound.loop.inner_step[i],
                                 .row_step = bound.row_step[i]};
  };
  parallel_for(bound.rows, 2 * bound.most, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t last = end * bound.length;
    for (std::int64_t at = begin * bound.length; at < last;) {
      const Piece piece = piece_of(bound, at, last - at);
      const std::int64_t count = piece.count * piece.rows;
      const simd::ScoreRows scores{.x = operand(x, 0, piece),
                                   .chosen = operand(chosen, 1, piece),
                                   .mask = operand(mask, 2, piece),
                                   .out = to + at,
                                   .count = piece.count,
                                   .rows = piece.rows};
      if (!simd::scores(rule, scores, bound.length)) {
        simd::softmax(to + at, to + at, bound.length, count / bound.length);
      }
      at += count;
    }
  });
  return {};
}

}  // namespace

void register_masked_softmax(Registry& registry) {
  registry.add({.name = "MaskedSoftmax",
                .domain = std::string(kFusedDomain),
                .since = {1},
                .arity = {1, 5, 1},
                .kernel = bound_kernel<parse_masked, infer_masked, bind_masked, run_masked>(),
                .overwrites = {0},
                .tame = true});
}

}  // namespace sluice::engine
