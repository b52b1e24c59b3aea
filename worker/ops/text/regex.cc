// RegexFullMatch; com.microsoft Tokenizer.
// Spec: https://onnx.ai/onnx/operators/onnx__RegexFullMatch.html, and ContribOperators.md of
// ONNX Runtime (read 2026-11).
// RegexFullMatch: whether the pattern, in RE2's syntax, is all of each string.
// Tokenizer: x [C] or [N, C] gives tokens [..., D] filled with pad_value. Tokens are what tokenexp
// matches, or what stands between the separators (each a pattern, one after the other; a single
// empty one: every character by itself); shorter ones than mincharnum are dropped. mark puts 0x02
// before and 0x03 behind each string's tokens. Without any token D is 0.

#include <algorithm>
#include <optional>
#include <utility>

#include "worker/ops/register.h"
#include "worker/ops/text/pattern.h"
#include "worker/ops/text/utf8.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct MatchParams {
  Pattern pattern{};
};

Result<MatchParams> parse_match(const Node& node) {
  Attributes attributes(node);
  MatchParams params;
  SLUICE_TRY_ASSIGN(const std::string pattern, attributes.text("pattern", ""));
  SLUICE_TRY(attributes.finish());
  SLUICE_TRY_ASSIGN(params.pattern, Pattern::make(pattern));
  return params;
}

Result<OutputFacts> infer_match(const MatchParams&, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (x.datatype != DataType::string) {
    return unsupported_type(x.datatype);
  }
  return one_output(DataType::boolean, {x.dims.begin(), x.dims.end()});
}

Result<void> run_match(const MatchParams& params, KernelContext& context) {
  std::ranges::transform(context.input(0).as<std::string>(),
                         context.output(0).mut<bool>().begin(),
                         [&](const std::string& text) { return params.pattern.is_all_of(text); });
  return {};
}

// --- Tokenizer -----------------------------------------------------------------------------------

struct TokenizerParams {
  std::optional<Pattern> tokens{};
  std::vector<Pattern> separators{};  // with neither: every character by itself
  std::string pad{};
  bool marks = false;
  std::int64_t least = 1;  // characters of a token
};

Result<TokenizerParams> parse_tokenizer(const Node& node) {
  Attributes attributes(node);
  TokenizerParams params;
  SLUICE_TRY_ASSIGN(const std::int64_t mark, attributes.integer("mark", 0));
  SLUICE_TRY_ASSIGN(params.pad, attributes.text("pad_value", ""));
  SLUICE_TRY_ASSIGN(params.least, attributes.integer("mincharnum", 1));
  SLUICE_TRY_ASSIGN(const auto separators, attributes.texts("separators"));
  SLUICE_TRY_ASSIGN(const std::string tokens, attributes.text("tokenexp", ""));
  SLUICE_TRY(attributes.finish());
  params.marks = mark != 0;
  if (tokens.empty() == separators.empty() || params.least < 1) {
    return Error{ErrorCode::data_corrupt,
                 params.least < 1 ? "mincharnum is " + std::to_string(params.least)
                                  : "has both separators and tokenexp, or neither"};
  }
  if (!tokens.empty()) {
    SLUICE_TRY_ASSIGN(params.tokens, Pattern::make(tokens));
    return params;
  }
  const bool by_character = separators.size() == 1 && separators[0].empty();
  for (const std::string& separator : separators) {
    if (!by_character && separator.empty()) {
      return Error{ErrorCode::data_corrupt, "has an empty separator beside others"};
    }
    if (!by_character) {
      SLUICE_TRY_ASSIGN(Pattern pattern, Pattern::make(separator));
      params.separators.push_back(std::move(pattern));
    }
  }
  return params;
}

std::vector<std::string_view> tokens_of(const TokenizerParams& params, std::string_view text) {
  std::vector<std::string_view> tokens;
  if (params.tokens) {
    tokens = params.tokens->matches(text);
  } else if (params.separators.empty()) {
    for (std::size_t at = 0; at < text.size(); at += character_size(text, at)) {
      tokens.push_back(text.substr(at, character_size(text, at)));
    }
  } else {
    tokens.push_back(text);
    for (const Pattern& separator : params.separators) {
      std::vector<std::string_view> parts;
      for (const std::string_view token : tokens) {
        const auto between = separator.between(token);
        parts.insert(parts.end(), between.begin(), between.end());
      }
      tokens = std::move(parts);
    }
  }
  std::erase_if(tokens, [&](std::string_view token) {
    return character_count(token) < static_cast<std::size_t>(params.least);
  });
  return tokens;
}

Result<OutputFacts> infer_tokenizer(const TokenizerParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (x.datatype != DataType::string) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.empty() || x.dims.size() > 2) {
    return bad_input("input " + to_string(x.dims) + " is neither [C] nor [N,C]");
  }
  if (x.value == nullptr) {
    return data_dependent(DataType::string);
  }
  std::size_t most = 0;
  for (const std::string& text : x.value->as<std::string>()) {
    most = std::max(most, tokens_of(params, text).size());
  }
  Shape dims(x.dims.begin(), x.dims.end());
  dims.push_back(static_cast<std::int64_t>(most) + (params.marks && x.value->count > 0 ? 2 : 0));
  return one_output(DataType::string, std::move(dims));
}

Result<void> run_tokenizer(const TokenizerParams& params, KernelContext& context) {
  TensorView& y = context.output(0);
  const auto width = static_cast<std::size_t>(y.dims.back());
  const auto all = y.mut<std::string>();
  std::ranges::fill(all, params.pad);
  auto row = all.begin();
  for (const std::string& text : context.input(0).as<std::string>()) {
    auto to = row;
    if (params.marks) {
      *to++ = "\x02";
    }
    for (const std::string_view token : tokens_of(params, text)) {
      *to++ = std::string(token);
    }
    if (params.marks) {
      *to = "\x03";
    }
    row += static_cast<std::ptrdiff_t>(width);
  }
  return {};
}

}  // namespace

void register_text_regex(Registry& registry) {
  registry.add({.name = "RegexFullMatch",
                .since = {20},
                .kernel = kernel<parse_match, infer_match, run_match>()});
  registry.add({.name = "Tokenizer",
                .domain = "com.microsoft",
                .since = {1},
                .kernel = kernel<parse_tokenizer, infer_tokenizer, run_tokenizer>()});
}

}  // namespace sluice::engine
