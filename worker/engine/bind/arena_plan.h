// Where intermediate results lie in the arena: values that are not alive together share memory.
// Pure.

#pragma once

#include <cstddef>
#include <vector>

namespace sluice::engine {

struct ArenaBlock {
  std::size_t size = 0;    // bytes
  std::size_t first = 0;   // step that writes it
  std::size_t last = 0;    // last step that reads it
  std::size_t offset = 0;  // the answer
};

// Sets the offsets, multiples of kBufferAlignment; returns the arena's size.
std::size_t place_blocks(std::vector<ArenaBlock>& blocks);

}  // namespace sluice::engine
