#include "worker/engine/bind/arena_plan.h"

#include <algorithm>
#include <numeric>

#include "common/tensor/buffer.h"

namespace sluice::engine {
namespace {

std::size_t rounded(std::size_t size) {
  return (size + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

bool meet(const ArenaBlock& a, const ArenaBlock& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

// Largest first, each at the lowest gap that is free during its life: within a few percent of the
// best for chains and residual networks.
std::size_t place_blocks(std::vector<ArenaBlock>& blocks) {
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return blocks[a].size > blocks[b].size; });
  std::vector<std::size_t> placed;  // sorted by offset
  std::size_t total = 0;
  for (const std::size_t at : order) {
    ArenaBlock& block = blocks[at];
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      if (!meet(blocks[other], block)) {
        continue;
      }
      if (blocks[other].offset >= offset + block.size) {
        break;
      }
      offset = std::max(offset, blocks[other].offset + rounded(blocks[other].size));
    }
    block.offset = offset;
    total = std::max(total, offset + rounded(block.size));
    placed.insert(std::ranges::upper_bound(
                      placed, offset, {}, [&](std::size_t i) { return blocks[i].offset; }),
                  at);
  }
  return total;
}

}  // namespace sluice::engine
