// ZipMap (ai.onnx.ml).
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_ZipMap.html (read 2026-11).
// Types: float32. The specification's result is a map from label to score for each row. Maps are
// results of models and nothing else, so the scores stay the tensor they are, [rows, labels]: that
// is what a request gets, and the session says which label each column has (Session::output_form).

#include <algorithm>

#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct ZipParams {
  std::int64_t labels = 0;
};

Result<ZipParams> parse_zip_map(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const auto texts, attributes.texts("classlabels_strings"));
  SLUICE_TRY_ASSIGN(const auto integers, attributes.integers("classlabels_int64s"));
  SLUICE_TRY(attributes.finish());
  if (texts.empty() == integers.empty()) {
    return Error{ErrorCode::data_corrupt, "needs its labels as strings or as integers"};
  }
  return ZipParams{static_cast<std::int64_t>(std::max(texts.size(), integers.size()))};
}

Result<OutputFacts> infer_zip_map(const ZipParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (x.datatype != DataType::float32) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.empty() || x.dims.size() > 2 || x.dims.back() != params.labels) {
    return bad_input("its scores have shape " + to_string(x.dims) + " for " +
                     std::to_string(params.labels) + " labels");
  }
  return one_output(x.datatype, {x.dims.size() == 2 ? x.dims[0] : 1, params.labels});
}

Result<void> run_zip_map(const ZipParams&, KernelContext& context) {
  copy_elements(context.input(0), context.output(0));
  return {};
}

}  // namespace

void register_zip_map(Registry& registry) {
  registry.add({.name = "ZipMap",
                .domain = std::string(kMlDomain),
                .since = {1},
                .kernel = kernel<parse_zip_map, infer_zip_map, run_zip_map>(),
                .alias = true});
}

}  // namespace sluice::engine
