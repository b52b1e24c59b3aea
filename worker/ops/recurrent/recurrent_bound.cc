#include "worker/ops/recurrent/recurrent_bound.h"

#include <algorithm>

#include "worker/engine/machine/parallel.h"

namespace sluice::engine {
namespace {

// Packs rows [first, first + count) of each direction's matrix.
std::vector<PackedRows> pack(const TensorView& weights, std::int64_t first, std::int64_t count) {
  std::vector<PackedRows> packed;
  const std::int64_t k = weights.dims[2];
  for (std::int64_t direction = 0; direction < weights.dims[0]; ++direction) {
    const float* from = weights.as<float>().data() + (direction * weights.dims[1] + first) * k;
    packed.push_back(std::make_shared<detail::PanelMatrix>(from, k, count, true));
  }
  return packed;
}

bool can_pack(const TensorView* weights) {
  return weights != nullptr && weights->datatype == DataType::float32 && weights->rank() == 3 &&
         weights->count > 0;
}

// Threads from which on all of them together may be quicker in one direction than one in each.
constexpr int kManyThreads = 4;
// Multiplications of a step that one thread does in some 20 us, the weights in its cache.
constexpr std::int64_t kShortStep = std::int64_t{1} << 20;

bool goes_side_by_side(const RecurrentShape& shape) {
  const std::int64_t step = shape.batch * shape.width() * shape.hidden;
  return shape.directions > 1 && team_size() > 1 &&
         (team_size() < kManyThreads || step <= kShortStep);
}

}  // namespace

Result<RecurrentState> prepare_recurrent(const RecurrentParams& params, PrepareContext& context) {
  RecurrentState state{.reference = context.reference()};
  if (state.reference) {
    return state;
  }
  SLUICE_TRY_ASSIGN(const TensorView* const w, context.constant(kRecurrentW));
  if (can_pack(w)) {
    state.w = pack(*w, 0, w->dims[1]);
    if (!state.w.empty()) {
      context.consume(kRecurrentW);
    }
  }
  SLUICE_TRY_ASSIGN(const TensorView* const r, context.constant(kRecurrentR));
  if (!can_pack(r)) {
    return state;
  }
  const std::int64_t width = r->dims[1];
  const std::int64_t first = params.splits_r() ? width / 3 * 2 : width;
  state.r = pack(*r, 0, first);
  if (params.splits_r() && !state.r.empty()) {
    state.r_last = pack(*r, first, width - first);
    if (state.r_last.empty()) {
      state.r.clear();
    }
  }
  if (!state.r.empty()) {
    context.consume(kRecurrentR);
  }
  return state;
}

Result<RecurrentBound> bind_recurrent(const RecurrentParams& params,
                                      const RecurrentState& state,
                                      BindContext& context) {
  const TensorView& x = context.inputs[kRecurrentX];
  RecurrentBound bound;
  bound.shape = recurrent_shape(params, x.dims, context.inputs[kRecurrentR].dims);
  bound.room = recurrent_room(params, bound.shape);
  const RecurrentShape& shape = bound.shape;
  const auto add = [&](std::vector<RowsProduct>& products,
                       const std::vector<PackedRows>& packed,
                       std::int64_t m,
                       std::int64_t n,
                       std::int64_t k,
                       bool has_bias) -> Result<void> {
    const auto direction = products.size();
    products.push_back(RowsProduct::make(
        m, n, k, packed.empty() ? nullptr : packed[direction], has_bias, state.reference));
    bound.product_scratch = std::max(bound.product_scratch, products.back().scratch_size());
    if (!packed.empty() && !products.back().by_primitive() && m > 0 && n > 0 && k > 0) {
      return Error{ErrorCode::internal, "no kernel for its packed weights"};
    }
    return {};
  };
  const std::int64_t first = params.splits_r() ? 2 * shape.hidden : shape.width();
  for (std::int64_t direction = 0; direction < shape.directions; ++direction) {
    SLUICE_TRY(add(bound.by_w,
                   state.w,
                   shape.steps * shape.batch,
                   shape.width(),
                   shape.features,
                   context.has_input(kRecurrentB)));
    SLUICE_TRY(add(bound.by_r, state.r, shape.batch, first, shape.hidden, false));
    if (params.splits_r()) {
      SLUICE_TRY(add(bound.by_last, state.r_last, shape.batch, shape.hidden, shape.hidden, false));
    }
  }
  bound.side_by_side = goes_side_by_side(shape);
  const std::size_t size =
      static_cast<std::size_t>(bound.room.total) * storage_size(x.datatype) + bound.product_scratch;
  bound.room_size = (size + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  context.scratch_size =
      bound.room_size * (bound.side_by_side ? static_cast<std::size_t>(shape.directions) : 1);
  return bound;
}

}  // namespace sluice::engine
