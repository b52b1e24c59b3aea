// Tensors inside the engine: TensorView (somebody else's memory) and Tensor (its own). Dense,
// in the element order that the layout says. Strings are std::string objects in here; the
// length-prefixed form of requests is converted at the session's edge.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/base/check.h"
#include "common/base/result.h"
#include "common/tensor/buffer.h"
#include "common/tensor/datatype.h"
#include "common/tensor/shape.h"
#include "common/tensor/small_float.h"
#include "worker/engine/machine/memory_bound.h"

namespace sluice::engine {

using Dims = std::span<const std::int64_t>;

// Order of the elements in memory. Dims are always in the specification's order (N, C, spatial...).
enum class Layout : std::uint8_t {
  plain,          // row-major
  channels_last,  // N, spatial..., C; rank 3 or more
};

// Bytes of one element in the engine's memory.
constexpr std::size_t storage_size(DataType type) noexcept {
  return type == DataType::string ? sizeof(std::string) : element_size(type);
}

// Of all elements; strings: of their objects alone. invalid_argument where it cannot be addressed.
Result<std::size_t> storage_bytes(DataType type, Dims dims);

constexpr bool is_half(DataType type) noexcept {
  return type == DataType::float16 || type == DataType::bfloat16;
}

template <class T>
struct DataTypeOf;
template <>
struct DataTypeOf<bool> : std::integral_constant<DataType, DataType::boolean> {};
template <>
struct DataTypeOf<std::uint8_t> : std::integral_constant<DataType, DataType::uint8> {};
template <>
struct DataTypeOf<std::uint16_t> : std::integral_constant<DataType, DataType::uint16> {};
template <>
struct DataTypeOf<std::uint32_t> : std::integral_constant<DataType, DataType::uint32> {};
template <>
struct DataTypeOf<std::uint64_t> : std::integral_constant<DataType, DataType::uint64> {};
template <>
struct DataTypeOf<std::int8_t> : std::integral_constant<DataType, DataType::int8> {};
template <>
struct DataTypeOf<std::int16_t> : std::integral_constant<DataType, DataType::int16> {};
template <>
struct DataTypeOf<std::int32_t> : std::integral_constant<DataType, DataType::int32> {};
template <>
struct DataTypeOf<std::int64_t> : std::integral_constant<DataType, DataType::int64> {};
template <>
struct DataTypeOf<float> : std::integral_constant<DataType, DataType::float32> {};
template <>
struct DataTypeOf<double> : std::integral_constant<DataType, DataType::float64> {};
template <>
struct DataTypeOf<Float16> : std::integral_constant<DataType, DataType::float16> {};
template <>
struct DataTypeOf<BFloat16> : std::integral_constant<DataType, DataType::bfloat16> {};
template <>
struct DataTypeOf<std::string> : std::integral_constant<DataType, DataType::string> {};

// Valid while the memory and the dims it names are. Element pointers are aligned to the element's
// size, not more.
struct TensorView {
  DataType datatype = DataType::undefined;
  Layout layout = Layout::plain;
  Dims dims{};
  std::int64_t count = 0;  // elements
  void* data = nullptr;

  [[nodiscard]] std::size_t rank() const noexcept { return dims.size(); }
  [[nodiscard]] std::size_t size() const noexcept {  // in bytes
    return static_cast<std::size_t>(count) * storage_size(datatype);
  }
  template <class T>
  [[nodiscard]] std::span<const T> as() const {
    SLUICE_CHECK(datatype == DataTypeOf<T>::value);
    return {static_cast<const T*>(data), static_cast<std::size_t>(count)};
  }
  template <class T>
  [[nodiscard]] std::span<T> mut() {
    SLUICE_CHECK(datatype == DataTypeOf<T>::value);
    return {static_cast<T*>(data), static_cast<std::size_t>(count)};
  }
  // Whole bytes, whatever the datatype; not for strings.
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(data), size()};
  }
};

// Copies elements of one datatype and count, strings too.
void copy_elements(const TensorView& from, TensorView& to);

// Owns its elements, row-major, aligned to kBufferAlignment.
class Tensor {
 public:
  Tensor() = default;
  // Elements are uninitialised (strings empty). resource_exhausted or invalid_argument when the
  // size cannot be.
  static Result<Tensor> create(DataType datatype, Shape dims);
  // As create, in the memory that this tensor has where that suffices and is not much too large.
  // What it held is lost, after an error too.
  Result<void> remake(DataType datatype, Dims dims);
  // Row-major literal; `values` must have as many elements as `dims`.
  template <class T>
  static Tensor of(Shape dims, std::vector<std::type_identity_t<T>> values);

  [[nodiscard]] DataType datatype() const noexcept { return datatype_; }
  [[nodiscard]] const Shape& dims() const noexcept { return dims_; }
  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  // Valid until this tensor is moved or destroyed.
  [[nodiscard]] TensorView view() const;

 private:
  DataType datatype_ = DataType::undefined;
  Shape dims_;
  std::int64_t count_ = 0;
  MemoryHold hold_;
  mutable MutableBuffer bytes_;
  mutable std::unique_ptr<std::string[]> strings_;
};

template <class T>
Tensor Tensor::of(Shape dims, std::vector<std::type_identity_t<T>> values) {
  auto made = create(DataTypeOf<T>::value, std::move(dims));
  SLUICE_CHECK(made.has_value());
  Tensor tensor = *std::move(made);
  TensorView view = tensor.view();
  SLUICE_CHECK(values.size() == static_cast<std::size_t>(view.count));
  auto to = view.mut<T>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    to[i] = values[i];
  }
  return tensor;
}

// Elements of an integer tensor (int32 or int64) as int64, for shapes, axes and the like.
// invalid_argument for another datatype.
Result<std::vector<std::int64_t>> integers_of(const TensorView& tensor);

}  // namespace sluice::engine
