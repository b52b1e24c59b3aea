#include "worker/ops/ml/forest.h"

#include <algorithm>
#include <string>

namespace sluice::engine {
namespace {

Error broken(const std::string& what, std::size_t node) {
  return {ErrorCode::data_corrupt, "tree node " + std::to_string(node) + " " + what};
}

template <class List>
bool holds(const List& list, std::int32_t index) {
  return index >= 0 && static_cast<std::size_t>(index) < list.size();
}

// Whether following children comes back to where it was, from a root or in a ring that no root
// leads to. Without recursion: a tree of a file may be as deep as it has nodes.
bool has_cycle(const Forest& forest) {
  enum class Seen : std::uint8_t { never, open, closed };
  std::vector<Seen> seen(forest.nodes.size(), Seen::never);
  std::vector<std::int32_t> path;
  for (const std::int32_t root : forest.roots) {
    path.push_back(root);
    while (!path.empty()) {
      const std::int32_t at = path.back();
      Seen& state = seen[static_cast<std::size_t>(at)];
      const ForestNode& node = forest.nodes[static_cast<std::size_t>(at)];
      if (state != Seen::never || node.branch == Branch::leaf) {
        state = Seen::closed;
        path.pop_back();
        continue;
      }
      state = Seen::open;
      for (const std::int32_t child : {node.on_true, node.on_false}) {
        const Seen of_child = seen[static_cast<std::size_t>(child)];
        if (of_child == Seen::open) {
          return true;
        }
        if (of_child == Seen::never) {
          path.push_back(child);
        }
      }
    }
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i] == Seen::never && forest.nodes[i].branch != Branch::leaf) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool Forest::is_member(const ForestNode& node, double value) const {
  // A NaN is like nothing, but a search by < takes it for equal to everything.
  return !std::isnan(value) &&
         std::ranges::binary_search(sets[static_cast<std::size_t>(node.set)], value);
}

Result<void> Forest::check() {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const ForestNode& node = nodes[i];
    if (node.branch == Branch::leaf) {
      const bool fits = node.on_true >= 0 && node.on_true <= node.on_false &&
                        static_cast<std::size_t>(node.on_false) <= votes.size();
      if (!fits) {
        return broken("has votes that are not there", i);
      }
      continue;
    }
    if (!holds(nodes, node.on_true) || !holds(nodes, node.on_false)) {
      return broken("has a child that is not there", i);
    }
    if (node.branch == Branch::member && !holds(sets, node.set)) {
      return broken("has a set that is not there", i);
    }
    if (node.feature < 0) {
      return broken("asks for feature " + std::to_string(node.feature), i);
    }
    features = std::max<std::int64_t>(features, std::int64_t{node.feature} + 1);
  }
  for (const std::int32_t root : roots) {
    if (!holds(nodes, root)) {
      return Error{ErrorCode::data_corrupt, "tree root " + std::to_string(root) + " is not there"};
    }
  }
  if (has_cycle(*this)) {
    return Error{ErrorCode::data_corrupt, "has a tree that leads back to itself"};
  }
  return {};
}

}  // namespace sluice::engine
