// Steps that compute what one before them has computed: the same operator, inputs and attributes.
// Exporters ask for a value's shape anew wherever they need an extent of it.

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "worker/engine/plan/plan.h"

namespace sluice::engine {
namespace {

bool can_be_merged(const Step& step) {
  return step.entry->pure && step.graphs.empty() &&
         std::ranges::none_of(step.node.attributes, [](const Attribute& attribute) {
           return attribute.graph != nullptr || attribute.tensor != nullptr;
         });
}

bool same_attributes(const Node& a, const Node& b) {
  return std::ranges::equal(a.attributes, b.attributes, [](const Attribute& x, const Attribute& y) {
    return std::tie(x.name, x.kind, x.integer, x.real, x.text, x.integers, x.reals, x.texts) ==
           std::tie(y.name, y.kind, y.integer, y.real, y.text, y.integers, y.reals, y.texts);
  });
}

// Whether `first` has every result that `second` is asked for.
bool makes_all_of(const Node& first, const Node& second) {
  for (std::size_t i = 0; i < second.outputs.size(); ++i) {
    if (second.outputs[i] != kNoValue &&
        (i >= first.outputs.size() || first.outputs[i] == kNoValue)) {
      return false;
    }
  }
  return true;
}

bool same(const Node& first, const Node& second) {
  return first.since == second.since && same_attributes(first, second) &&
         makes_all_of(first, second);
}

}  // namespace

void merge_duplicates(Plan& plan) {
  using Key = std::tuple<std::string, std::string, std::vector<ValueId>>;  // domain, name, inputs
  std::set<ValueId> outputs;
  for (const Declared& output : plan.outputs) {
    outputs.insert(output.value);
  }
  std::vector<ValueId> stands_for(plan.value_names.size());
  std::iota(stands_for.begin(), stands_for.end(), ValueId{0});
  std::multimap<Key, Node> seen;
  std::erase_if(plan.steps, [&](Step& step) {
    rename_inputs(step.node, stands_for);
    if (!can_be_merged(step)) {
      return false;
    }
    const Key key{step.node.domain, step.node.op_type, step.node.inputs};
    const auto [begin, end] = seen.equal_range(key);
    const auto first =
        std::find_if(begin, end, [&](const auto& entry) { return same(entry.second, step.node); });
    const bool leaves = std::ranges::any_of(step.node.outputs,
                                            [&](ValueId value) { return outputs.contains(value); });
    if (first == end || leaves) {
      seen.emplace(key, step.node);
      return false;
    }
    for (std::size_t i = 0; i < step.node.outputs.size(); ++i) {
      if (step.node.outputs[i] != kNoValue) {
        stands_for[step.node.outputs[i]] = first->second.outputs[i];
      }
    }
    return true;
  });
}

}  // namespace sluice::engine
