// Where the elements and slices that tensors of indices name are: for GatherElements, GatherND and
// their Scatter twins. Negative indices count from the end.

#pragma once

#include <cstdint>
#include <span>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"

namespace sluice::engine {

// Calls f with the elements of `indices`, which are int32 or int64 (infer looked), and returns what
// it returns.
template <class F>
auto with_indices(const TensorView& indices, const F& f) {
  if (indices.datatype == DataType::int32) {
    return f(indices.as<std::int32_t>());
  }
  return f(indices.as<std::int64_t>());
}

// invalid_argument naming an index that is outside of axis `axis` of `dims`.
Result<void> check_indices(std::span<const std::int32_t> indices, Dims dims, std::size_t axis);
Result<void> check_indices(std::span<const std::int64_t> indices, Dims dims, std::size_t axis);

// data[i, indices[i,j,k], k] for axis 1, and so on: an index for each of some places of the data.
class ElementPlaces {
 public:
  // The indices have the rank of the data, and in all axes but `axis` no more than its extents.
  static Result<ElementPlaces> create(Dims data, const InputFact& indices, std::size_t axis);

  [[nodiscard]] std::size_t axis() const { return axis_; }
  // Rows of indices (along their last dimension) and indices in each.
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t inner() const { return inner_; }

  // Calls visit(i, offset in the data) for the indices i of rows [begin, end), in their order.
  template <class Index, class Visit>
  void for_rows(std::span<const Index> indices,
                std::int64_t begin,
                std::int64_t end,
                const Visit& visit) const {
    for (std::int64_t row = begin; row < end; ++row) {
      std::int64_t rest = row;
      std::int64_t base = 0;
      for (std::size_t d = extents_.size(); d > 0; --d) {
        base += rest % extents_[d - 1] * strides_[d - 1];
        rest /= extents_[d - 1];
      }
      for (std::int64_t j = 0; j < inner_; ++j) {
        const std::int64_t i = row * inner_ + j;
        const auto index = static_cast<std::int64_t>(indices[static_cast<std::size_t>(i)]);
        const std::int64_t along = index < 0 ? index + extent_ : index;
        visit(i, base + j * inner_step_ + along * stride_);
      }
    }
  }

 private:
  std::size_t axis_ = 0;
  std::int64_t extent_ = 1;  // of the data along the axis
  std::int64_t stride_ = 1;
  Shape extents_;  // of the indices but for the last, and the data's strides; 0 along the axis
  Shape strides_;
  std::int64_t rows_ = 1;
  std::int64_t inner_ = 1;
  std::int64_t inner_step_ = 0;
};

// Slices data[b..., indices[b..., i..., :], rest...].
struct SlicePlaces {
  std::int64_t count = 0;      // of tuples of indices, and so of slices
  std::int64_t per_batch = 1;  // of those, in each batch
  std::int64_t batch_size = 0;
  std::int64_t slice = 1;      // elements of one
  std::size_t first_rest = 0;  // first dimension of the data that is whole in a slice
  Shape extents{};             // of the dimensions that are indexed
  Shape strides{};

  // Offset in the data of slice number `i`.
  [[nodiscard]] std::int64_t at(const std::int64_t* indices, std::int64_t i) const {
    const auto width = static_cast<std::int64_t>(extents.size());
    std::int64_t offset = i / per_batch * batch_size;
    for (std::int64_t k = 0; k < width; ++k) {
      const auto d = static_cast<std::size_t>(k);
      const std::int64_t index = indices[i * width + k];
      offset += (index < 0 ? index + extents[d] : index) * strides[d];
    }
    return offset;
  }
  // invalid_argument naming an index that is outside.
  [[nodiscard]] Result<void> check(const std::int64_t* indices) const;
};

// `indices` are int64; their last dimension is how many dimensions of `data` behind the first
// `batch_dims` they choose in.
Result<SlicePlaces> slice_places(Dims data, const InputFact& indices, std::int64_t batch_dims);

}  // namespace sluice::engine
