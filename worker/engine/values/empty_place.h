// Where a tensor without elements lies: nobody reads or writes there, but a pointer to it can be
// added to and handed to memcpy, which a null one cannot.

#pragma once

namespace sluice::engine {

// Aligned to kBufferAlignment.
void* empty_place();

// `data`, or the place where that is null.
inline void* or_empty_place(void* data) {
  return data != nullptr ? data : empty_place();
}

}  // namespace sluice::engine
