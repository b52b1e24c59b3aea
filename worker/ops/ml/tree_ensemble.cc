// ai.onnx.ml: TreeEnsemble.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html (read 2026-11).
// Like TreeEnsembleRegressor, written as inner nodes and leaves: a node's child is a leaf where
// nodes_trueleafs or nodes_falseleafs says 1, and then its id counts leaves. A leaf votes for one
// target. nodes_modes 6 asks whether the value is in a set; the sets stand one after the other in
// membership_values, each ended by a NaN, in the order of the nodes that use them.
// x: float32, float64 [N, F]; y [N, n_targets] of x's datatype. Compared and summed in double.

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/ml/ml_input.h"
#include "worker/ops/ml/post_transform.h"
#include "worker/ops/ml/tree_attributes.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

struct EnsembleParams {
  Forest forest{};
  Aggregate aggregate = Aggregate::sum;
  Transform transform = Transform::none;
  std::int64_t targets = 0;
};

struct Lists {
  std::vector<std::int64_t> features{};
  std::vector<double> splits{};
  std::vector<double> modes{};
  std::vector<std::int64_t> on_true{};
  std::vector<std::int64_t> on_false{};
  std::vector<std::int64_t> true_leafs{};
  std::vector<std::int64_t> false_leafs{};
  std::vector<std::int64_t> missing{};  // may be empty
  std::vector<std::int64_t> roots{};
  std::vector<std::int64_t> leaf_targets{};
  std::vector<double> leaf_weights{};
  std::vector<double> members{};
};

Result<Lists> parse_lists(Attributes& attributes) {
  Lists lists;
  SLUICE_TRY_ASSIGN(lists.features, attributes.integers("nodes_featureids"));
  SLUICE_TRY_ASSIGN(lists.splits, parse_tensor(attributes, "nodes_splits"));
  SLUICE_TRY_ASSIGN(lists.modes, parse_tensor(attributes, "nodes_modes"));
  SLUICE_TRY_ASSIGN(lists.on_true, attributes.integers("nodes_truenodeids"));
  SLUICE_TRY_ASSIGN(lists.on_false, attributes.integers("nodes_falsenodeids"));
  SLUICE_TRY_ASSIGN(lists.true_leafs, attributes.integers("nodes_trueleafs"));
  SLUICE_TRY_ASSIGN(lists.false_leafs, attributes.integers("nodes_falseleafs"));
  SLUICE_TRY_ASSIGN(lists.missing, attributes.integers("nodes_missing_value_tracks_true"));
  SLUICE_TRY_ASSIGN(lists.roots, attributes.integers("tree_roots"));
  SLUICE_TRY_ASSIGN(lists.leaf_targets, attributes.integers("leaf_targetids"));
  SLUICE_TRY_ASSIGN(lists.leaf_weights, parse_tensor(attributes, "leaf_weights"));
  SLUICE_TRY_ASSIGN(lists.members, parse_tensor(attributes, "membership_values"));
  attributes.ignore("nodes_hitrates");  // how often a node was met in training
  const std::size_t count = lists.features.size();
  if (lists.splits.size() != count || lists.modes.size() != count ||
      lists.on_true.size() != count || lists.on_false.size() != count ||
      lists.true_leafs.size() != count || lists.false_leafs.size() != count ||
      (!lists.missing.empty() && lists.missing.size() != count) ||
      lists.leaf_targets.size() != lists.leaf_weights.size() || lists.leaf_targets.empty()) {
    return Error{ErrorCode::data_corrupt,
                 "its lists of nodes or leaves have different lengths (nodes_featureids has " +
                     std::to_string(count) + ", leaf_targetids " +
                     std::to_string(lists.leaf_targets.size()) + ")"};
  }
  if (count + lists.leaf_targets.size() >
      static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return Error{ErrorCode::unsupported, "has " + std::to_string(count) + " nodes"};
  }
  return lists;
}

std::vector<std::vector<double>> sets_of(const std::vector<double>& members) {
  std::vector<std::vector<double>> sets(1);
  for (const double member : members) {
    if (std::isnan(member)) {
      std::ranges::sort(sets.back());
      sets.emplace_back();
    } else {
      sets.back().push_back(member);
    }
  }
  std::ranges::sort(sets.back());
  if (sets.back().empty()) {  // behind the last NaN
    sets.pop_back();
  }
  return sets;
}

// -1, which check() refuses, for a child that is not there.
std::int32_t child(std::int64_t id, bool is_leaf, std::size_t inner, std::size_t leaves) {
  const std::size_t most = is_leaf ? leaves : inner;
  if (id < 0 || static_cast<std::size_t>(id) >= most) {
    return -1;
  }
  return static_cast<std::int32_t>(is_leaf ? static_cast<std::int64_t>(inner) + id : id);
}

// Inner nodes first, leaves behind them.
Result<Forest> forest_of(const Lists& lists) {
  Forest forest;
  forest.sets = sets_of(lists.members);
  const std::size_t inner = lists.features.size();
  const std::size_t leaves = lists.leaf_targets.size();
  std::int32_t next_set = 0;
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  for (std::size_t i = 0; i < inner; ++i) {
    if (!(lists.modes[i] >= 0 && lists.modes[i] <= 6) || lists.features[i] < 0 ||
        lists.features[i] > kMost) {
      return Error{ErrorCode::data_corrupt,
                   "node " + std::to_string(i) + " has mode " + std::to_string(lists.modes[i]) +
                       " and feature " + std::to_string(lists.features[i])};
    }
    ForestNode node{.value = lists.splits[i],
                    .feature = static_cast<std::int32_t>(lists.features[i]),
                    .branch = static_cast<Branch>(static_cast<int>(lists.modes[i])),
                    .missing_is_true = !lists.missing.empty() && lists.missing[i] != 0,
                    .on_true = child(lists.on_true[i], lists.true_leafs[i] != 0, inner, leaves),
                    .on_false = child(lists.on_false[i], lists.false_leafs[i] != 0, inner, leaves)};
    if (node.branch == Branch::member) {
      node.set = next_set++;
    }
    forest.nodes.push_back(node);
  }
  for (std::size_t i = 0; i < leaves; ++i) {
    const auto at = static_cast<std::int32_t>(i);
    forest.nodes.push_back({.branch = Branch::leaf, .on_true = at, .on_false = at + 1});
    if (lists.leaf_targets[i] < 0 || lists.leaf_targets[i] > kMost) {
      return Error{ErrorCode::data_corrupt,
                   "leaf_targetids has " + std::to_string(lists.leaf_targets[i])};
    }
    forest.votes.push_back(
        {static_cast<std::int32_t>(lists.leaf_targets[i]), lists.leaf_weights[i]});
  }
  for (const std::int64_t root : lists.roots) {
    const bool fits = root >= 0 && root < static_cast<std::int64_t>(forest.nodes.size());
    forest.roots.push_back(fits ? static_cast<std::int32_t>(root) : -1);
  }
  SLUICE_TRY(forest.check());
  return forest;
}

Result<EnsembleParams> parse_ensemble(const Node& node) {
  Attributes attributes(node);
  EnsembleParams params;
  SLUICE_TRY_ASSIGN(const Lists lists, parse_lists(attributes));
  SLUICE_TRY_ASSIGN(params.targets, attributes.integer("n_targets", 1));
  SLUICE_TRY_ASSIGN(const std::int64_t aggregate, attributes.integer("aggregate_function", 1));
  SLUICE_TRY_ASSIGN(const std::int64_t transform, attributes.integer("post_transform", 0));
  SLUICE_TRY(attributes.finish());
  const auto beyond = [&](std::int64_t target) { return target >= params.targets; };
  if (aggregate < 0 || aggregate > 3 || transform < 0 || transform > 4 || params.targets < 1 ||
      std::ranges::any_of(lists.leaf_targets, beyond)) {
    return Error{ErrorCode::data_corrupt,
                 "aggregate_function " + std::to_string(aggregate) + ", post_transform " +
                     std::to_string(transform) + ", n_targets " + std::to_string(params.targets) +
                     ": one of them is not possible"};
  }
  params.aggregate = static_cast<Aggregate>(aggregate);
  params.transform = static_cast<Transform>(transform);
  SLUICE_TRY_ASSIGN(params.forest, forest_of(lists));
  return params;
}

Result<OutputFacts> infer_ensemble(const EnsembleParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() != 2 || x.dims[1] < params.forest.features) {
    return bad_input("input " + to_string(x.dims) + " has fewer than the " +
                     std::to_string(params.forest.features) + " features that its trees ask for");
  }
  return one_output(x.datatype, {x.dims[0], params.targets});
}

template <class T>
void run_as(const EnsembleParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const T* x = view.as<T>().data();
  T* y = context.output(0).mut<T>().data();
  const auto trees = static_cast<std::int64_t>(params.forest.roots.size());
  parallel_for(view.dims[0], 1 + 256 / (trees + 1), [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> scores(static_cast<std::size_t>(params.targets));
    for (std::int64_t row = begin; row < end; ++row) {
      vote(params.forest, params.aggregate, x + row * view.dims[1], scores);
      apply_transform(params.transform, scores);
      std::ranges::transform(
          scores, y + row * params.targets, [](double score) { return static_cast<T>(score); });
    }
  });
}

Result<void> run_ensemble(const EnsembleParams& params, KernelContext& context) {
  if (context.input(0).datatype == DataType::float32) {
    run_as<float>(params, context);
  } else {
    run_as<double>(params, context);
  }
  return {};
}

}  // namespace

void register_ml_tree_ensemble(Registry& registry) {
  registry.add({.name = "TreeEnsemble",
                .domain = std::string(kMlDomain),
                .since = {5},
                .kernel = kernel<parse_ensemble, infer_ensemble, run_ensemble>()});
}

}  // namespace sluice::engine
