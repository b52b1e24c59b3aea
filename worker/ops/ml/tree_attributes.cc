#include "worker/ops/ml/tree_attributes.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace sluice::engine {
namespace {

struct NodeLists {
  std::vector<std::int64_t> trees{};
  std::vector<std::int64_t> ids{};
  std::vector<std::int64_t> features{};
  std::vector<double> values{};
  std::vector<std::string> modes{};
  std::vector<std::int64_t> on_true{};
  std::vector<std::int64_t> on_false{};
  std::vector<std::int64_t> missing{};  // may be empty
};

Result<NodeLists> parse_lists(Attributes& attributes, bool knows_tensors) {
  NodeLists lists;
  SLUICE_TRY_ASSIGN(lists.trees, attributes.integers("nodes_treeids"));
  SLUICE_TRY_ASSIGN(lists.ids, attributes.integers("nodes_nodeids"));
  SLUICE_TRY_ASSIGN(lists.features, attributes.integers("nodes_featureids"));
  SLUICE_TRY_ASSIGN(lists.values, parse_numbers(attributes, "nodes_values", knows_tensors));
  SLUICE_TRY_ASSIGN(lists.modes, attributes.texts("nodes_modes"));
  SLUICE_TRY_ASSIGN(lists.on_true, attributes.integers("nodes_truenodeids"));
  SLUICE_TRY_ASSIGN(lists.on_false, attributes.integers("nodes_falsenodeids"));
  SLUICE_TRY_ASSIGN(lists.missing, attributes.integers("nodes_missing_value_tracks_true"));
  attributes.ignore("nodes_hitrates");  // how often a node was met in training
  if (knows_tensors) {
    attributes.ignore("nodes_hitrates_as_tensor");
  }
  const std::size_t count = lists.ids.size();
  if (count == 0 || lists.trees.size() != count || lists.features.size() != count ||
      lists.values.size() != count || lists.modes.size() != count ||
      lists.on_true.size() != count || lists.on_false.size() != count ||
      (!lists.missing.empty() && lists.missing.size() != count)) {
    return Error{ErrorCode::data_corrupt,
                 "its lists of nodes are empty or of different lengths (nodes_nodeids has " +
                     std::to_string(count) + ")"};
  }
  if (count > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return Error{ErrorCode::unsupported, "has " + std::to_string(count) + " nodes"};
  }
  return lists;
}

Result<Branch> branch_of(const std::string& mode) {
  constexpr std::pair<const char*, Branch> kModes[] = {{"BRANCH_LEQ", Branch::leq},
                                                       {"BRANCH_LT", Branch::lt},
                                                       {"BRANCH_GTE", Branch::gte},
                                                       {"BRANCH_GT", Branch::gt},
                                                       {"BRANCH_EQ", Branch::eq},
                                                       {"BRANCH_NEQ", Branch::neq},
                                                       {"LEAF", Branch::leaf}};
  for (const auto& [name, branch] : kModes) {
    if (mode == name) {
      return branch;
    }
  }
  return Error{ErrorCode::data_corrupt, "nodes_modes has '" + mode + "'"};
}

using Place = std::pair<std::int64_t, std::int64_t>;  // tree, node
using Places = std::map<Place, std::int32_t>;

Result<std::int32_t> find_node(const Places& places, const Place& place) {
  const auto found = places.find(place);
  if (found == places.end()) {
    return Error{ErrorCode::data_corrupt,
                 "node " + std::to_string(place.second) + " of tree " +
                     std::to_string(place.first) + " is not there"};
  }
  return found->second;
}

// Nodes with their children; the nodes that are nobody's child are the roots.
Result<void> link_nodes(const NodeLists& lists, const Places& places, Forest& forest) {
  std::vector<bool> is_child(lists.ids.size(), false);
  for (std::size_t i = 0; i < lists.ids.size(); ++i) {
    ForestNode node;
    SLUICE_TRY_ASSIGN(node.branch, branch_of(lists.modes[i]));
    if (node.branch != Branch::leaf) {
      if (lists.features[i] < 0 || lists.features[i] > std::numeric_limits<std::int32_t>::max()) {
        return Error{ErrorCode::data_corrupt,
                     "nodes_featureids has " + std::to_string(lists.features[i])};
      }
      node.feature = static_cast<std::int32_t>(lists.features[i]);
      node.value = lists.values[i];
      node.missing_is_true = !lists.missing.empty() && lists.missing[i] != 0;
      SLUICE_TRY_ASSIGN(node.on_true, find_node(places, {lists.trees[i], lists.on_true[i]}));
      SLUICE_TRY_ASSIGN(node.on_false, find_node(places, {lists.trees[i], lists.on_false[i]}));
      is_child[static_cast<std::size_t>(node.on_true)] = true;
      is_child[static_cast<std::size_t>(node.on_false)] = true;
    }
    forest.nodes.push_back(node);
  }
  std::vector<std::int64_t> with_root;
  for (std::size_t i = 0; i < lists.ids.size(); ++i) {
    if (!is_child[i]) {
      forest.roots.push_back(static_cast<std::int32_t>(i));
      with_root.push_back(lists.trees[i]);
    }
  }
  std::ranges::sort(with_root);
  std::vector<std::int64_t> trees = lists.trees;
  std::ranges::sort(trees);
  trees.erase(std::unique(trees.begin(), trees.end()), trees.end());
  if (with_root != trees) {
    return Error{ErrorCode::data_corrupt, "has a tree without a root or with two"};
  }
  return {};
}

// Votes sorted by leaf, so that those of a leaf are neighbours.
Result<void> take_votes(Attributes& attributes,
                        const std::string& prefix,
                        bool knows_tensors,
                        const Places& places,
                        Forest& forest) {
  SLUICE_TRY_ASSIGN(const auto trees, attributes.integers(prefix + "_treeids"));
  SLUICE_TRY_ASSIGN(const auto ids, attributes.integers(prefix + "_nodeids"));
  SLUICE_TRY_ASSIGN(const auto targets, attributes.integers(prefix + "_ids"));
  SLUICE_TRY_ASSIGN(const auto weights,
                    parse_numbers(attributes, prefix + "_weights", knows_tensors));
  const std::size_t count = ids.size();
  if (trees.size() != count || targets.size() != count || weights.size() != count) {
    return Error{ErrorCode::data_corrupt, "its lists of " + prefix + "_* have different lengths"};
  }
  std::vector<std::pair<std::int32_t, Vote>> placed;
  for (std::size_t i = 0; i < count; ++i) {
    SLUICE_TRY_ASSIGN(const std::int32_t node, find_node(places, {trees[i], ids[i]}));
    if (targets[i] < 0 || targets[i] > std::numeric_limits<std::int32_t>::max()) {
      return Error{ErrorCode::data_corrupt, prefix + "_ids has " + std::to_string(targets[i])};
    }
    if (forest.nodes[static_cast<std::size_t>(node)].branch == Branch::leaf) {
      placed.push_back({node, {static_cast<std::int32_t>(targets[i]), weights[i]}});
    }
  }
  std::ranges::stable_sort(placed, {}, [](const auto& entry) { return entry.first; });
  for (const auto& [node, vote] : placed) {
    ForestNode& leaf = forest.nodes[static_cast<std::size_t>(node)];
    const auto at = static_cast<std::int32_t>(forest.votes.size());
    if (leaf.on_false == leaf.on_true) {
      leaf.on_true = at;
    }
    leaf.on_false = at + 1;
    forest.votes.push_back(vote);
  }
  return {};
}

}  // namespace

Result<std::vector<double>> parse_tensor(Attributes& attributes, const std::string& name) {
  SLUICE_TRY_ASSIGN(const std::shared_ptr<Constant> tensor, attributes.tensor(name));
  if (tensor == nullptr) {
    return std::vector<double>{};
  }
  SLUICE_TRY_ASSIGN(const TensorView view, tensor->view());
  switch (view.datatype) {
    case DataType::float32:
      return std::vector<double>(view.as<float>().begin(), view.as<float>().end());
    case DataType::float64:
      return std::vector<double>(view.as<double>().begin(), view.as<double>().end());
    case DataType::uint8:
      return std::vector<double>(view.as<std::uint8_t>().begin(), view.as<std::uint8_t>().end());
    default:
      return Error{ErrorCode::unsupported,
                   "attribute '" + name + "' of " + std::string(name_of(view.datatype))};
  }
}

Result<std::vector<double>> parse_numbers(Attributes& attributes,
                                          const std::string& name,
                                          bool knows_tensors) {
  SLUICE_TRY_ASSIGN(const std::vector<float> floats, attributes.reals(name));
  if (!floats.empty() || !knows_tensors) {
    return std::vector<double>(floats.begin(), floats.end());
  }
  return parse_tensor(attributes, name + "_as_tensor");
}

Result<Forest> parse_forest(Attributes& attributes, const std::string& votes, bool knows_tensors) {
  SLUICE_TRY_ASSIGN(const NodeLists lists, parse_lists(attributes, knows_tensors));
  Places places;
  for (std::size_t i = 0; i < lists.ids.size(); ++i) {
    const Place place{lists.trees[i], lists.ids[i]};
    if (!places.emplace(place, static_cast<std::int32_t>(i)).second) {
      return Error{ErrorCode::data_corrupt,
                   "node " + std::to_string(place.second) + " of tree " +
                       std::to_string(place.first) + " is there twice"};
    }
  }
  Forest forest;
  SLUICE_TRY(link_nodes(lists, places, forest));
  SLUICE_TRY(take_votes(attributes, votes, knows_tensors, places, forest));
  SLUICE_TRY(forest.check());
  return forest;
}

}  // namespace sluice::engine
