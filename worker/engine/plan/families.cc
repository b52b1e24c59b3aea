#include "worker/engine/plan/families.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace sluice::engine {
namespace {

using Named = std::pair<std::string_view, PassFamily>;
constexpr std::array kFamilies = {
    Named("constants", PassFamily::constants),
    Named("bytes", PassFamily::bytes),
    Named("identities", PassFamily::identities),
    Named("duplicates", PassFamily::duplicates),
    Named("layer_norm", PassFamily::layer_norm),
    Named("rms_norm", PassFamily::rms_norm),
    Named("gelu", PassFamily::gelu),
    Named("gelu_by_tanh", PassFamily::gelu_by_tanh),
    Named("swish", PassFamily::swish),
    Named("hard_swish", PassFamily::hard_swish),
    Named("rotary", PassFamily::rotary),
    Named("padding", PassFamily::padding),
    Named("masked_softmax", PassFamily::masked_softmax),
    Named("turned_concats", PassFamily::turned_concats),
    Named("part_chains", PassFamily::part_chains),
    Named("turned_products", PassFamily::turned_products),
    Named("integers", PassFamily::integers),
    Named("batch_norm", PassFamily::batch_norm),
    Named("bias", PassFamily::bias),
    Named("residual", PassFamily::residual),
    Named("activation", PassFamily::activation),
};

}  // namespace

Result<PassFamilies> families_named(std::span<const std::string> names) {
  PassFamilies families;
  for (const std::string& name : names) {
    const auto* const found = std::ranges::find(kFamilies, std::string_view(name), &Named::first);
    if (found == kFamilies.end()) {
      std::string sentence = "no family of passes '" + name + "', but:";
      for (const auto& [known, family] : kFamilies) {
        sentence += " " + std::string(known);
      }
      return Error{ErrorCode::invalid_argument, std::move(sentence)};
    }
    families.insert(found->second);
  }
  return families;
}

}  // namespace sluice::engine
