#include "worker/ops/control/scan_output.h"

#include <algorithm>
#include <utility>

#include "worker/ops/control/slabs.h"
#include "worker/ops/types.h"

namespace sluice::engine {

Result<void> ScanOutput::add(Value value) {
  if (!value.is_tensor()) {
    return bad_input("collects a value that is no tensor");
  }
  if (!values_.empty() && (value.tensor().datatype() != values_[0].tensor().datatype() ||
                           value.tensor().dims() != values_[0].tensor().dims())) {
    return bad_input("collects tensors of shape " + to_string(values_[0].tensor().dims()) +
                     " and " + to_string(value.tensor().dims()));
  }
  values_.push_back(std::move(value));
  return {};
}

Result<Tensor> ScanOutput::join(const Declared& declared, std::int64_t axis, bool backwards) const {
  std::vector<TensorView> views;
  for (const Value& value : values_) {
    views.push_back(value.tensor().view());
  }
  if (backwards) {
    std::ranges::reverse(views);
  }
  const std::size_t rank = views.empty() ? declared.dims.size() : views[0].dims.size();
  SLUICE_TRY_ASSIGN(const std::size_t at, resolve_axis(axis, rank + 1));
  if (!views.empty()) {
    return join_slabs(views, at, true);
  }
  if (declared.datatype == DataType::undefined) {
    return bad_input("makes no turn, and its graph does not say of what type its outputs are");
  }
  Shape dims = declared.dims;
  std::ranges::replace(dims, -1, 0);
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(at), 0);
  return Tensor::create(declared.datatype, std::move(dims));
}

}  // namespace sluice::engine
