#include "worker/ops/places.h"

#include <algorithm>
#include <string>

#include "worker/ops/strided.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

template <class Index>
Result<void> check_all(std::span<const Index> indices, Dims dims, std::size_t axis) {
  const std::int64_t extent = dims[axis];
  for (const Index index : indices) {
    if (index < -extent || index >= extent) {
      return bad_input("index " + std::to_string(index) + " is outside of axis " +
                       std::to_string(axis) + " of " + to_string(dims));
    }
  }
  return {};
}

}  // namespace

Result<void> check_indices(std::span<const std::int32_t> indices, Dims dims, std::size_t axis) {
  return check_all(indices, dims, axis);
}
Result<void> check_indices(std::span<const std::int64_t> indices, Dims dims, std::size_t axis) {
  return check_all(indices, dims, axis);
}

Result<ElementPlaces> ElementPlaces::create(Dims data, const InputFact& indices, std::size_t axis) {
  if (indices.datatype != DataType::int64 && indices.datatype != DataType::int32) {
    return bad_input("its indices are " + std::string(name_of(indices.datatype)));
  }
  const Dims dims = indices.dims;
  bool fits = dims.size() == data.size();
  for (std::size_t d = 0; fits && d < dims.size(); ++d) {
    fits = d == axis || dims[d] <= data[d];
  }
  if (!fits) {
    return bad_input("indices " + to_string(dims) + " do not fit axis " + std::to_string(axis) +
                     " of " + to_string(data));
  }
  ElementPlaces places;
  places.axis_ = axis;
  Shape strides = strides_of(data);
  places.extent_ = data[axis];
  places.stride_ = strides[axis];
  strides[axis] = 0;
  places.inner_ = dims.back();
  places.inner_step_ = strides.back();
  places.rows_ = places.inner_ == 0 ? 0 : product(dims, 0, dims.size() - 1);
  strides.pop_back();
  places.extents_.assign(dims.begin(), dims.end() - 1);
  places.strides_ = std::move(strides);
  return places;
}

Result<SlicePlaces> slice_places(Dims data, const InputFact& indices, std::int64_t batch_dims) {
  if (indices.datatype != DataType::int64) {
    return bad_input("its indices are " + std::string(name_of(indices.datatype)));
  }
  const Dims dims = indices.dims;
  const auto most = static_cast<std::int64_t>(std::min(data.size(), dims.size())) - 1;
  if (data.empty() || dims.empty() || batch_dims < 0 || batch_dims > most ||
      !std::equal(data.begin(), data.begin() + batch_dims, dims.begin())) {
    return bad_input("indices " + to_string(dims) + " do not fit " + to_string(data) + " with " +
                     std::to_string(batch_dims) + " batch dimensions");
  }
  const auto batch = static_cast<std::size_t>(batch_dims);
  const std::int64_t width = dims.back();
  if (width < 0 || static_cast<std::size_t>(width) > data.size() - batch) {
    return bad_input("indices " + to_string(dims) + " choose in more dimensions than " +
                     to_string(data) + " has");
  }
  SlicePlaces places;
  places.first_rest = batch + static_cast<std::size_t>(width);
  places.count = product(dims, 0, dims.size() - 1);
  places.per_batch = std::max<std::int64_t>(product(dims, batch, dims.size() - 1), 1);
  places.batch_size = product(data, batch, data.size());
  places.slice = product(data, places.first_rest, data.size());
  const Shape strides = strides_of(data);
  for (std::size_t d = batch; d < places.first_rest; ++d) {
    places.extents.push_back(data[d]);
    places.strides.push_back(strides[d]);
  }
  return places;
}

Result<void> SlicePlaces::check(const std::int64_t* indices) const {
  for (std::int64_t i = 0; i < count; ++i) {
    for (const std::int64_t extent : extents) {
      const std::int64_t index = *indices++;
      if (index < -extent || index >= extent) {
        return bad_input("index " + std::to_string(index) + " is outside of an extent of " +
                         std::to_string(extent));
      }
    }
  }
  return {};
}

}  // namespace sluice::engine
