// Decision trees in one array, for TreeEnsemble and its predecessors.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html (read 2026-11).

#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace sluice::engine {

// In the order of TreeEnsemble's nodes_modes.
enum class Branch : std::uint8_t { leq, lt, gte, gt, eq, neq, member, leaf };

struct ForestNode {
  double value = 0;  // compared with; of a float32 model exactly a float
  std::int32_t feature = 0;
  Branch branch = Branch::leaf;
  bool missing_is_true = false;  // where a NaN goes
  // Children. Of a leaf: its votes, [on_true, on_false). Of a member: see Forest::sets.
  std::int32_t on_true = 0;
  std::int32_t on_false = 0;
  std::int32_t set = 0;  // of a member: number of its set
};

struct Vote {
  std::int32_t target = 0;
  double weight = 0;
};

struct Forest {
  std::vector<ForestNode> nodes{};
  std::vector<std::int32_t> roots{};
  std::vector<Vote> votes{};
  std::vector<std::vector<double>> sets{};  // sorted
  std::int64_t features = 0;                // one more than the largest feature asked for

  // data_corrupt when a child, vote or set is not there, a feature is negative, or following
  // children does not end. Sets `features`.
  Result<void> check();

  // The leaf that a row of numbers comes to.
  template <class T>
  [[nodiscard]] const ForestNode& leaf_of(std::int32_t root, const T* row) const {
    const ForestNode* node = &nodes[static_cast<std::size_t>(root)];
    while (node->branch != Branch::leaf) {
      const auto value = static_cast<double>(row[node->feature]);
      const bool yes = goes(*node, value) || (node->missing_is_true && std::isnan(value));
      node = &nodes[static_cast<std::size_t>(yes ? node->on_true : node->on_false)];
    }
    return *node;
  }

 private:
  [[nodiscard]] bool goes(const ForestNode& node, double value) const {
    switch (node.branch) {
      case Branch::leq:
        return value <= node.value;
      case Branch::lt:
        return value < node.value;
      case Branch::gte:
        return value >= node.value;
      case Branch::gt:
        return value > node.value;
      case Branch::eq:
        return value == node.value;
      case Branch::neq:
        return value != node.value;
      default:
        return is_member(node, value);
    }
  }
  [[nodiscard]] bool is_member(const ForestNode& node, double value) const;
};

enum class Aggregate : std::uint8_t { average, sum, least, most };

// The trees' votes of one row, put together for each target; 0 where nobody voted. `scores` has a
// number for each target.
template <class T>
void vote(const Forest& forest, Aggregate aggregate, const T* row, std::vector<double>& scores) {
  scores.assign(scores.size(), 0.0);
  const bool adds = aggregate == Aggregate::sum || aggregate == Aggregate::average;
  std::vector<bool> voted(adds ? 0 : scores.size(), false);
  for (const std::int32_t root : forest.roots) {
    const ForestNode& leaf = forest.leaf_of(root, row);
    for (std::int32_t i = leaf.on_true; i < leaf.on_false; ++i) {
      const auto [target, weight] = forest.votes[static_cast<std::size_t>(i)];
      const auto at = static_cast<std::size_t>(target);
      if (adds) {
        scores[at] += weight;
        continue;
      }
      const bool better = aggregate == Aggregate::least ? weight < scores[at] : weight > scores[at];
      if (!voted[at] || better) {
        scores[at] = weight;
        voted[at] = true;
      }
    }
  }
  if (aggregate == Aggregate::average) {
    for (double& score : scores) {
      score /= static_cast<double>(forest.roots.size());
    }
  }
}

}  // namespace sluice::engine
