// StringConcat, StringSplit.
// Spec: https://onnx.ai/onnx/operators/onnx__StringConcat.html, onnx__StringSplit.html (read
// 2026-11). StringConcat: x and y, broadcast, one behind the other. StringSplit: like Python's
// str.split; x
// [...] gives parts [..., most] filled with empty strings, and how many there are [...]. Without a
// delimiter, or with an empty one, at runs of white space.

#include <algorithm>
#include <string_view>
#include <utility>

#include "worker/ops/broadcast.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

Result<OutputFacts> infer_concat(const NoParams&, const InputFacts& facts) {
  for (const InputFact& input : facts.inputs) {
    if (input.datatype != DataType::string) {
      return unsupported_type(input.datatype);
    }
  }
  SLUICE_TRY_ASSIGN(Shape dims, broadcast_dims(facts.at(0).dims, facts.at(1).dims));
  return one_output(DataType::string, std::move(dims));
}

Result<void> run_concat(const NoParams&, KernelContext& context) {
  const TensorView& a = context.input(0);
  const TensorView& b = context.input(1);
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  const auto loop = make_loop<2>(
      y.dims, {Shape(a.dims.begin(), a.dims.end()), Shape(b.dims.begin(), b.dims.end())});
  const std::string* left = a.as<std::string>().data();
  const std::string* right = b.as<std::string>().data();
  std::string* to = y.mut<std::string>().data();
  for (std::int64_t row = 0; row < loop.rows; ++row) {
    const auto start = loop.offsets(row);
    for (std::int64_t i = 0; i < loop.inner; ++i) {
      *to++ = left[start[0] + i * loop.inner_step[0]] + right[start[1] + i * loop.inner_step[1]];
    }
  }
  return {};
}

// --- StringSplit ---------------------------------------------------------------------------------

struct SplitParams {
  std::string delimiter{};  // empty: white space
  std::int64_t most = -1;   // splits; negative: no limit
};

Result<SplitParams> parse_split(const Node& node) {
  Attributes attributes(node);
  SplitParams params;
  SLUICE_TRY_ASSIGN(params.delimiter, attributes.text("delimiter", ""));
  SLUICE_TRY_ASSIGN(params.most, attributes.integer("maxsplit", -1));
  SLUICE_TRY(attributes.finish());
  return params;
}

// Calls f(part) for each part; returns how many there are.
template <class F>
std::int64_t split_text(const SplitParams& params, std::string_view text, const F& f) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const bool by_space = params.delimiter.empty();
  std::int64_t count = 0;
  const auto give = [&](std::string_view part) {
    f(part);
    ++count;
  };
  if (by_space) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    if (text.empty()) {
      return 0;
    }
  }
  while (params.most < 0 || count < params.most) {
    const std::size_t at = by_space ? text.find_first_of(kSpace) : text.find(params.delimiter);
    if (at == std::string_view::npos) {
      break;
    }
    give(text.substr(0, at));
    text.remove_prefix(at + (by_space ? 0 : params.delimiter.size()));
    if (by_space) {
      text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
      if (text.empty()) {
        return count;
      }
    }
  }
  if (by_space) {  // as Python has it: the last part loses what is behind it
    text = text.substr(0, text.find_last_not_of(kSpace) + 1);
  }
  give(text);
  return count;
}

Result<OutputFacts> infer_split(const SplitParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (x.datatype != DataType::string) {
    return unsupported_type(x.datatype);
  }
  Shape dims(x.dims.begin(), x.dims.end());
  OutputFacts made = data_dependent(DataType::string);
  made.push_back({.datatype = DataType::int64, .dims = dims});
  if (x.value != nullptr) {
    std::int64_t most = 0;
    for (const std::string& text : x.value->as<std::string>()) {
      most = std::max(most, split_text(params, text, [](std::string_view) {}));
    }
    dims.push_back(most);
    made[0].dims = std::move(dims);
    made[0].data_dependent = false;
  }
  return made;
}

Result<void> run_split(const SplitParams& params, KernelContext& context) {
  TensorView& y = context.output(0);
  const auto parts = y.mut<std::string>();
  std::ranges::fill(parts, std::string());
  const auto width = static_cast<std::size_t>(y.dims.back());
  std::size_t row = 0;
  for (const std::string& text : context.input(0).as<std::string>()) {
    std::size_t at = row * width;
    const std::int64_t count =
        split_text(params, text, [&](std::string_view part) { parts[at++] = std::string(part); });
    if (context.has_output(1)) {
      context.output(1).mut<std::int64_t>()[row] = count;
    }
    ++row;
  }
  return {};
}

}  // namespace

void register_text_strings(Registry& registry) {
  registry.add({.name = "StringConcat",
                .since = {20},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_nothing, infer_concat, run_concat>()});
  registry.add({.name = "StringSplit",
                .since = {20},
                .arity = {1, 1, 2},
                .kernel = kernel<parse_split, infer_split, run_split>()});
}

}  // namespace sluice::engine
