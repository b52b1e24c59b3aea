// StringNormalizer.
// Spec: https://onnx.ai/onnx/operators/onnx__StringNormalizer.html (read 2026-11).
// x [C] or [1, C]: stop words go, what is left changes its case. When nothing is left, one empty
// string is. Words are compared as they are with is_case_sensitive, else in lower case.
// Case is Unicode's simple mapping of each character. Refused: locales in which i and I are not a
// pair (Turkish, Azerbaijani, Lithuanian).

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "worker/ops/register.h"
#include "worker/ops/text/utf8.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct NormalizerParams {
  std::optional<LetterCase> change{};
  bool is_case_sensitive = false;
  std::set<std::string> stopwords{};  // in lower case unless sensitive

  [[nodiscard]] bool keeps(const std::string& word) const {
    return stopwords.empty() ||
           !stopwords.contains(is_case_sensitive ? word : with_case(word, LetterCase::lower));
  }
};

Result<NormalizerParams> parse_normalizer(const Node& node) {
  Attributes attributes(node);
  NormalizerParams params;
  SLUICE_TRY_ASSIGN(const std::string action, attributes.text("case_change_action", "NONE"));
  SLUICE_TRY_ASSIGN(const std::int64_t sensitive, attributes.integer("is_case_sensitive", 0));
  SLUICE_TRY_ASSIGN(const std::string locale, attributes.text("locale", ""));
  SLUICE_TRY_ASSIGN(const auto stopwords, attributes.texts("stopwords"));
  SLUICE_TRY(attributes.finish());
  if (action == "LOWER" || action == "UPPER") {
    params.change = action == "LOWER" ? LetterCase::lower : LetterCase::upper;
  } else if (action != "NONE") {
    return Error{ErrorCode::data_corrupt, "case_change_action is '" + action + "'"};
  }
  const std::string language = with_case(locale.substr(0, 2), LetterCase::lower);
  if (language == "tr" || language == "az" || language == "lt") {
    return Error{ErrorCode::unsupported, "locale '" + locale + "'"};
  }
  params.is_case_sensitive = sensitive != 0;
  for (const std::string& word : stopwords) {
    params.stopwords.insert(params.is_case_sensitive ? word : with_case(word, LetterCase::lower));
  }
  return params;
}

Result<OutputFacts> infer_normalizer(const NormalizerParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (x.datatype != DataType::string) {
    return unsupported_type(x.datatype);
  }
  const bool is_list = x.dims.size() == 1 || (x.dims.size() == 2 && x.dims[0] == 1);
  if (!is_list) {
    return bad_input("input " + to_string(x.dims) + " is neither [C] nor [1,C]");
  }
  std::int64_t count = x.dims.back();
  if (!params.stopwords.empty()) {
    if (x.value == nullptr) {
      return data_dependent(DataType::string);
    }
    count = std::ranges::count_if(x.value->as<std::string>(),
                                  [&](const std::string& word) { return params.keeps(word); });
  }
  Shape dims(x.dims.begin(), x.dims.end());
  dims.back() = std::max<std::int64_t>(count, 1);
  return one_output(DataType::string, std::move(dims));
}

Result<void> run_normalizer(const NormalizerParams& params, KernelContext& context) {
  const auto y = context.output(0).mut<std::string>();
  std::ranges::fill(y, std::string());
  auto to = y.begin();
  for (const std::string& word : context.input(0).as<std::string>()) {
    if (params.keeps(word)) {
      *to++ = params.change ? with_case(word, *params.change) : word;
    }
  }
  return {};
}

}  // namespace

void register_text_normalizer(Registry& registry) {
  registry.add({.name = "StringNormalizer",
                .since = {10},
                .kernel = kernel<parse_normalizer, infer_normalizer, run_normalizer>()});
}

}  // namespace sluice::engine
