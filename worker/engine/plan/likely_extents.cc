#include "worker/engine/plan/likely_extents.h"

#include <algorithm>
#include <cstddef>
#include <set>

namespace sluice::engine {
namespace {

constexpr std::size_t kMostOthers = 32;  // each costs a look at every step

std::int64_t likely_extent(std::size_t rank, std::size_t axis) {
  constexpr std::int64_t kImage[] = {1, 3, 224, 224};
  return rank == 4 ? kImage[axis] : 16;
}

}  // namespace

Extents likely_extents(std::span<const Declared> inputs) {
  std::set<std::string> first{""};
  for (const Declared& declared : inputs) {
    if (!declared.dims.empty() && declared.dims[0] < 0) {
      first.insert(declared.symbols[0]);
    }
  }
  Extents extents;
  for (const Declared& declared : inputs) {
    for (std::size_t i = 1; i < declared.dims.size(); ++i) {
      if (declared.dims[i] < 0 && !first.contains(declared.symbols[i])) {
        extents.emplace(declared.symbols[i], likely_extent(declared.dims.size(), i));
      }
    }
  }
  return extents;
}

std::vector<Extents> other_extents(const Extents& likely) {
  std::vector<Extents> others;
  const auto add = [&](const std::string& symbol, std::int64_t extent) {
    if (others.size() + 1 < kMostOthers) {
      others.push_back(likely);
      others.back()[symbol] = extent;
    }
  };
  for (const auto& [symbol, extent] : likely) {
    for (auto a = likely.begin(); a != likely.end(); ++a) {
      if (a->first == symbol) {
        continue;
      }
      for (auto b = std::next(a); b != likely.end(); ++b) {
        if (b->first != symbol) {
          add(symbol, a->second + b->second);
        }
      }
      add(symbol, a->second + 1);
    }
  }
  if (!likely.empty()) {
    others.push_back(likely);
    for (auto& [symbol, extent] : others.back()) {
      extent = 1;
    }
  }
  return others;
}

Shape guess_dims(const Declared& declared, std::int64_t batch, const Extents& extents) {
  Shape dims = declared.dims;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] >= 0) {
      continue;
    }
    const std::string& symbol = declared.symbols[i];
    const auto known = extents.find(symbol);
    dims[i] = known != extents.end()      ? known->second
              : i == 0 || !symbol.empty() ? batch
                                          : likely_extent(dims.size(), i);
  }
  return dims;
}

}  // namespace sluice::engine
