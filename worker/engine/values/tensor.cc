#include "worker/engine/values/tensor.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "worker/engine/values/empty_place.h"

namespace sluice::engine {
namespace {

// Memory that a tensor keeps, however few of its bytes it uses.
constexpr std::size_t kSmallRoom = 4096;

}  // namespace

void* empty_place() {
  alignas(kBufferAlignment) static std::byte place[kBufferAlignment];
  return place;
}

void copy_elements(const TensorView& from, TensorView& to) {
  SLUICE_CHECK(from.datatype == to.datatype && from.count == to.count);
  if (from.datatype == DataType::string) {
    const auto source = from.as<std::string>();
    std::copy(source.begin(), source.end(), to.mut<std::string>().begin());
  } else if (from.size() > 0 && from.data != to.data) {
    std::memcpy(to.data, from.data, from.size());
  }
}

Result<std::size_t> storage_bytes(DataType type, Dims dims) {
  if (element_size(type) > 0) {
    return byte_count(type, dims);
  }
  SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(dims));
  constexpr std::int64_t kMost = std::int64_t{1} << 32;
  if (count > kMost && type == DataType::string) {
    return Error{ErrorCode::resource_exhausted,
                 "a tensor of strings of shape " + to_string(dims) + " is too large"};
  }
  return static_cast<std::size_t>(count) * storage_size(type);
}

Result<Tensor> Tensor::create(DataType datatype, Shape dims) {
  Tensor tensor;
  tensor.datatype_ = datatype;
  SLUICE_TRY_ASSIGN(tensor.count_, element_count(dims));
  tensor.dims_ = std::move(dims);
  try {
    SLUICE_TRY_ASSIGN(const std::size_t size, storage_bytes(datatype, tensor.dims_));
    auto hold = hold_memory(size, "its elements");
    if (!hold) {
      return with_context(std::move(hold).error(), "a tensor of shape " + to_string(tensor.dims_));
    }
    tensor.hold_ = *std::move(hold);
    if (datatype == DataType::string) {
      tensor.strings_ = std::make_unique<std::string[]>(static_cast<std::size_t>(tensor.count_));
    } else {
      tensor.bytes_ = MutableBuffer(size);
    }
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::resource_exhausted,
                 "no memory for a tensor of shape " + to_string(tensor.dims_)};
  }
  return tensor;
}

Result<void> Tensor::remake(DataType datatype, Dims dims) {
  const std::size_t element = element_size(datatype);
  const auto count = element_count(dims);
  if (element > 0 && count) {
    const std::size_t room = bytes_.size();
    const std::size_t most = room / element;  // elements
    const auto wanted = static_cast<std::size_t>(*count);
    if (wanted <= most && room <= std::max(kSmallRoom, 2 * wanted * element)) {
      datatype_ = datatype;
      dims_.assign(dims.begin(), dims.end());
      count_ = *count;
      return {};
    }
  }
  *this = Tensor();  // first gone, then the other one: not both at once
  SLUICE_TRY_ASSIGN(*this, create(datatype, {dims.begin(), dims.end()}));
  return {};
}

TensorView Tensor::view() const {
  void* data = datatype_ == DataType::string ? static_cast<void*>(strings_.get())
                                             : static_cast<void*>(bytes_.data());
  return {.datatype = datatype_,
          .layout = Layout::plain,
          .dims = dims_,
          .count = count_,
          .data = or_empty_place(data)};
}

Result<std::vector<std::int64_t>> integers_of(const TensorView& tensor) {
  if (tensor.datatype == DataType::int64) {
    const auto values = tensor.as<std::int64_t>();
    return std::vector<std::int64_t>(values.begin(), values.end());
  }
  if (tensor.datatype == DataType::int32) {
    const auto values = tensor.as<std::int32_t>();
    return std::vector<std::int64_t>(values.begin(), values.end());
  }
  return Error{ErrorCode::invalid_argument,
               "wants int32 or int64 numbers, got " + std::string(name_of(tensor.datatype))};
}

}  // namespace sluice::engine
