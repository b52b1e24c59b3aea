// B batch, S queries, L keys of this call, P keys of the past, T = P + L, N heads, D numbers a
// head.
//   scores = (Q / sqrt(D)) K^T + bias + mask        [B, N, S, T]
//   output = softmax(scores) V                      [B, S, N * D of the values]
// Masks come with 1 to 3 axes, which only a shape tells apart, and so do the keys of
// MultiHeadAttention: the operators AttentionMask and AttentionHeads of the domain kWrittenDomain
// look (worker/ops/contrib/attention.cc).

#include "worker/engine/read/contrib_attention.h"

#include <cstdint>
#include <string>
#include <vector>

#include "worker/engine/graph/registry.h"
#include "worker/engine/read/contrib_products.h"

namespace sluice::engine {
namespace {

using ValueNames = Rewrite::Names;

// [B, N, S, D], [B, N, T, D], [B, N, T, Dv].
struct Operands {
  std::string query;
  std::string key;
  std::string value;
};

Result<std::int64_t> heads_of(const Rewrite& to) {
  const std::int64_t heads = to.integer("num_heads", 0);
  if (heads < 1) {
    return Error{ErrorCode::data_corrupt, "num_heads is " + std::to_string(heads)};
  }
  return heads;
}

std::string transposed(Rewrite& to,
                       const std::string& x,
                       std::initializer_list<std::int64_t> order) {
  const std::string y = to.add("Transpose", {x});
  to.with("perm", order);
  return y;
}

// [B, S, N * D] -> [B, N, S, D].
std::string by_heads(Rewrite& to, const std::string& x, std::int64_t heads) {
  return transposed(to, to.add("Reshape", {x, to.integers({0, 0, heads, -1})}), {0, 2, 1, 3});
}

// The same for what may have come with its heads apart; `bias` [N * D] is for what has not.
std::string heads_apart(Rewrite& to,
                        const std::string& x,
                        const std::string& bias,
                        std::int64_t heads) {
  const std::string y =
      to.add("AttentionHeads", bias.empty() ? ValueNames{x} : ValueNames{x, bias});
  to.in_domain(kWrittenDomain).with("num_heads", heads);
  return y;
}

// `count` tensors that lie side by side: x is [B, S, N, count, D], they are [B, N, S, D].
ValueNames unpacked(Rewrite& to, const std::string& x, std::int64_t count) {
  ValueNames parts;
  for (std::int64_t i = 0; i < count; ++i) {
    parts.push_back(to.fresh("packed" + std::to_string(i)));
  }
  to.add("Split", {x}, parts);
  to.with("axis", std::int64_t{3}).with("num_outputs", count);
  for (std::string& part : parts) {
    part = transposed(to, to.add("Squeeze", {part, to.integers({3})}), {0, 2, 1, 3});
  }
  return parts;
}

// `mask` and `bias` may be "".
void attend(Rewrite& to, const Operands& given, const std::string& mask, const std::string& bias) {
  std::string query = given.query;
  const float scale = to.real("scale", 0);
  if (scale != 0) {
    query = to.add("Mul", {query, to.number(scale, query)});
  } else {
    const std::string depth = to.add("Shape", {query});
    to.with("start", std::int64_t{3}).with("end", std::int64_t{4});
    query = to.add("Div", {query, to.add("Sqrt", {to.add("CastLike", {depth, query})})});
  }
  std::string scores = to.add("MatMul", {query, transposed(to, given.key, {0, 1, 3, 2})});
  scores = bias.empty() ? scores : to.add("Add", {scores, bias});
  const std::int64_t causal = to.integer("unidirectional", 0);
  if (!mask.empty() || causal != 0) {
    const std::string added = to.add("AttentionMask", {scores, mask});
    to.in_domain(kWrittenDomain)
        .with("unidirectional", causal)
        .with("mask_filter_value", to.real("mask_filter_value", -10'000.0F));
    scores = to.add("Add", {scores, added});
  }
  const std::string mixed = to.add("MatMul", {to.add("Softmax", {scores}), given.value});
  to.add("Reshape", {transposed(to, mixed, {0, 2, 1, 3}), to.integers({0, 0, -1})}, {to.out(0)});
}

std::string behind(Rewrite& to, const std::string& past, const std::string& now) {
  const std::string all = to.add("Concat", {past, now});
  to.with("axis", std::int64_t{2});
  return all;
}

// Element `place` of axis 0, which is dropped.
std::string element(Rewrite& to, const std::string& x, std::int64_t place) {
  return to.add("Squeeze", {to.add("Gather", {x, to.integers({place})}), to.integers({0})});
}

// bias [H + H + Hv] beside a query [B, S, H].
ValueNames parts_of_bias(Rewrite& to, const std::string& bias, const std::string& query) {
  const std::string hidden = to.add("Shape", {query});
  to.with("start", std::int64_t{2}).with("end", std::int64_t{3});
  const std::string twice = to.add("Add", {hidden, hidden});
  const std::string zero = to.integers({0});
  return {to.add("Slice", {bias, zero, hidden, zero}),
          to.add("Slice", {bias, hidden, twice, zero}),
          to.add("Slice", {bias, twice, to.add("Shape", {bias}), zero})};
}

// Queries, keys and values side by side, and what may be "": the mask, the past and the bias of the
// scores.
struct Projected {
  std::string product;
  std::string mask;
  std::string past;
  std::string bias;
};

Result<void> attend_to_product(Rewrite& to, const Projected& from) {
  SLUICE_TRY_ASSIGN(const std::int64_t heads, heads_of(to));
  if (to.integer("do_rotary", 0) != 0 || to.integer("past_present_share_buffer", 0) != 0) {
    return Error{ErrorCode::unsupported,
                 to.integer("do_rotary", 0) != 0 ? "do_rotary" : "a past that shares its buffer"};
  }
  const std::string& product = from.product;
  const ValueNames parts = {to.fresh("query"), to.fresh("key"), to.fresh("value")};
  if (const auto* sizes = to.find("qkv_hidden_sizes")) {
    if (sizes->ints_size() != 3) {
      return Error{ErrorCode::data_corrupt, "qkv_hidden_sizes has not three numbers"};
    }
    to.add(
        "Split", {product, to.integers({sizes->ints(0), sizes->ints(1), sizes->ints(2)})}, parts);
    to.with("axis", std::int64_t{2});
  } else {
    to.add("Split", {product}, parts);
    to.with("axis", std::int64_t{2}).with("num_outputs", std::int64_t{3});
  }
  Operands given{
      by_heads(to, parts[0], heads), by_heads(to, parts[1], heads), by_heads(to, parts[2], heads)};
  if (!from.past.empty()) {
    given.key = behind(to, element(to, from.past, 0), given.key);
    given.value = behind(to, element(to, from.past, 1), given.value);
  }
  if (to.has_out(1)) {
    const std::string zero = to.integers({0});
    to.add("Concat",
           {to.add("Unsqueeze", {given.key, zero}), to.add("Unsqueeze", {given.value, zero})},
           {to.out(1)});
    to.with("axis", std::int64_t{0});
  }
  attend(to, given, from.mask, from.bias);
  return {};
}

}  // namespace

// Inputs: input [B, S, Hin], weights [Hin, H + H + Hv], bias, mask, past [2, B, N, P, D], bias of
// the scores, past length. Outputs: [B, S, Hv], present [2, B, N, T, D].
Result<void> write_attention(Rewrite& to) {
  SLUICE_TRY(to.only({"do_rotary",
                      "mask_filter_value",
                      "num_heads",
                      "past_present_share_buffer",
                      "qkv_hidden_sizes",
                      "rotary_embedding_dim",
                      "scale",
                      "unidirectional"}));
  if (to.has_in(6)) {
    return Error{ErrorCode::unsupported, "a past that shares its buffer"};
  }
  std::string product = to.add("MatMul", {to.in(0), to.in(1)});
  product = to.has_in(2) ? to.add("Add", {product, to.in(2)}) : product;
  return attend_to_product(
      to, {.product = product, .mask = to.in(3), .past = to.in(4), .bias = to.in(5)});
}

// The same with bytes for input and weights. Inputs: those two, bias, their scales, mask, their
// zero points, past.
Result<void> write_q_attention(Rewrite& to) {
  SLUICE_TRY(to.only({"do_rotary",
                      "mask_filter_value",
                      "num_heads",
                      "past_present_share_buffer",
                      "scale",
                      "unidirectional"}));
  const std::string product = write_scaled_product(to,
                                                   {to.in(0), to.in(1), to.in(6), to.in(7)},
                                                   to.add("Mul", {to.in(3), to.in(4)}),
                                                   to.in(2),
                                                   to.fresh("projected"));
  return attend_to_product(to,
                           {.product = product, .mask = to.in(5), .past = to.in(8), .bias = ""});
}

// Inputs: query [B, S, H] or, alone, [B, S, N, 3, D]; key [B, L, H], [B, N, L, D] or, without
// value, [B, L, N, 2, D]; value; bias [H + H + Hv]; mask; bias of the scores; past key and value
// [B, N, P, D]; past length; indirection. Outputs: [B, S, Hv], present key, present value, scores.
Result<void> write_multi_head_attention(Rewrite& to) {
  SLUICE_TRY(to.only({"mask_filter_value", "num_heads", "scale", "unidirectional"}));
  SLUICE_TRY_ASSIGN(const std::int64_t heads, heads_of(to));
  const bool packed = !to.has_in(1) || !to.has_in(2);
  if (to.has_in(8) || to.has_in(9) || to.has_out(3) || (packed && to.has_in(3))) {
    return Error{ErrorCode::unsupported,
                 to.has_out(3)  ? "its output of scores"
                 : to.has_in(3) ? "a bias of packed inputs"
                                : "a past that shares its buffer"};
  }
  Operands given;
  if (!to.has_in(1)) {
    const ValueNames parts = unpacked(to, to.in(0), 3);
    given = {parts[0], parts[1], parts[2]};
  } else if (!to.has_in(2)) {
    const ValueNames parts = unpacked(to, to.in(1), 2);
    given = {by_heads(to, to.in(0), heads), parts[0], parts[1]};
  } else {
    const ValueNames bias =
        to.has_in(3) ? parts_of_bias(to, to.in(3), to.in(0)) : ValueNames{"", "", ""};
    const std::string query = bias[0].empty() ? to.in(0) : to.add("Add", {to.in(0), bias[0]});
    given = {by_heads(to, query, heads),
             heads_apart(to, to.in(1), bias[1], heads),
             heads_apart(to, to.in(2), bias[2], heads)};
  }
  if (to.has_in(6) && to.has_in(7)) {
    given.key = behind(to, to.in(6), given.key);
    given.value = behind(to, to.in(7), given.value);
  }
  to.copy_out(given.key, 1);
  to.copy_out(given.value, 2);
  attend(to, given, to.in(4), to.in(5));
  return {};
}

}  // namespace sluice::engine
