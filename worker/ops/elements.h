// Moving elements without looking at them: code for every datatype by the size of its elements.

#pragma once

#include <cstdint>
#include <string>

#include "common/base/check.h"
#include "worker/engine/values/tensor.h"

namespace sluice::engine {

// Calls f(T*) with a null pointer of a type as large as an element (std::string for strings).
template <class F>
void dispatch_element(DataType datatype, const F& f) {
  if (datatype == DataType::string) {
    f(static_cast<std::string*>(nullptr));
    return;
  }
  switch (element_size(datatype)) {
    case 1:
      f(static_cast<std::uint8_t*>(nullptr));
      return;
    case 2:
      f(static_cast<std::uint16_t*>(nullptr));
      return;
    case 4:
      f(static_cast<std::uint32_t*>(nullptr));
      return;
    case 8:
      f(static_cast<std::uint64_t*>(nullptr));
      return;
    default:
      SLUICE_CHECK(false);
  }
}

// The elements as T, whatever number they stand for; T has their size.
template <class T>
const T* elements(const TensorView& view) {
  return static_cast<const T*>(view.data);
}
template <class T>
T* elements(TensorView& view) {
  return static_cast<T*>(view.data);
}

}  // namespace sluice::engine
