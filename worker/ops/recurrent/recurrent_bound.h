// Recurrent operators between a node and a run: weights packed once, and for a shape the products
// and the room.

#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "worker/ops/recurrent/recurrent.h"
#include "worker/ops/recurrent/rows_product.h"

namespace sluice::engine {

using PackedRows = std::shared_ptr<const detail::PanelMatrix>;

struct RecurrentState {
  bool reference = false;
  // By direction; empty when the weights come at run time.
  std::vector<PackedRows> w{};
  std::vector<PackedRows> r{};
  std::vector<PackedRows> r_last{};  // of a split R
};

struct RecurrentBound {
  RecurrentShape shape{};
  RecurrentRoom room{};
  bool side_by_side = false;  // the directions
  std::size_t room_size = 0;  // bytes of each direction's scratch
  // By direction: their packed weights differ.
  std::vector<RowsProduct> by_w{};
  std::vector<RowsProduct> by_r{};
  std::vector<RowsProduct> by_last{};
  std::size_t product_scratch = 0;
};

Result<RecurrentState> prepare_recurrent(const RecurrentParams& params, PrepareContext& context);
Result<RecurrentBound> bind_recurrent(const RecurrentParams& params,
                                      const RecurrentState& state,
                                      BindContext& context);

}  // namespace sluice::engine
