// RNN, GRU, LSTM before a run: attributes, the shapes of all inputs, where each row is.
// Spec: https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours (read 2026-11).

#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"
#include "worker/ops/recurrent/cells.h"
#include "worker/ops/recurrent/gates.h"

namespace sluice::engine {

// Inputs, in the order of all three operators; the last two are LSTM's.
enum RecurrentInput : std::size_t {
  kRecurrentX,          // [steps, batch, features], batch first with layout 1
  kRecurrentW,          // [directions, gates * hidden, features]
  kRecurrentR,          // [directions, gates * hidden, hidden]
  kRecurrentB,          // [directions, 2 * gates * hidden]: of W, then of R
  kRecurrentLengths,    // [batch] int32
  kRecurrentInitialH,   // [directions, batch, hidden], batch first with layout 1
  kRecurrentInitialC,   // the same
  kRecurrentPeepholes,  // [directions, 3 * hidden]
};

struct RecurrentParams {
  Cell cell = Cell::rnn;
  std::int64_t directions = 1;
  bool starts_reverse = false;                // the only direction is backwards
  bool batch_first = false;                   // layout 1
  std::int64_t hidden = 0;                    // 0: not said
  std::vector<GateActivation> activations{};  // of the first direction, then of the second
  float clip = 0;
  bool couples_forget = false;
  bool resets_behind = false;

  // A GRU that resets before multiplies by R in two parts: z and r, then n.
  [[nodiscard]] bool splits_r() const { return cell == Cell::gru && !resets_behind; }
  [[nodiscard]] CellRules rules(std::int64_t direction) const {
    const std::size_t each = activations.size() / static_cast<std::size_t>(directions);
    return {.activations =
                std::span(activations).subspan(static_cast<std::size_t>(direction) * each, each),
            .clip = clip,
            .couples_forget = couples_forget,
            .resets_behind = resets_behind};
  }
};

struct RecurrentShape {
  std::int64_t steps = 0;
  std::int64_t batch = 0;
  std::int64_t features = 0;
  std::int64_t hidden = 0;
  std::int64_t gates = 1;
  std::int64_t directions = 1;
  bool batch_first = false;

  [[nodiscard]] std::int64_t width() const { return gates * hidden; }
  // Row of X at a step of one sequence.
  [[nodiscard]] std::int64_t x_row(std::int64_t step, std::int64_t sequence) const {
    return batch_first ? sequence * steps + step : step * batch + sequence;
  }
  // Row of Y [steps, directions, batch] or, batch first, [batch, steps, directions].
  [[nodiscard]] std::int64_t y_row(std::int64_t step,
                                   std::int64_t direction,
                                   std::int64_t sequence) const {
    return batch_first ? (sequence * steps + step) * directions + direction
                       : (step * directions + direction) * batch + sequence;
  }
  // Row of the initial and last states.
  [[nodiscard]] std::int64_t state_row(std::int64_t direction, std::int64_t sequence) const {
    return batch_first ? sequence * directions + direction : direction * batch + sequence;
  }
};

// Where the parts of one direction's scratch begin, in elements.
struct RecurrentRoom {
  std::int64_t inputs = 0;     // [steps * batch, gates * hidden]
  std::int64_t bias = 0;       // [gates * hidden]
  std::int64_t recurrent = 0;  // [batch, gates * hidden], or the first part of a split R
  std::int64_t last = 0;       // [batch, hidden], the last part
  std::int64_t reset = 0;      // [batch, hidden]
  std::int64_t h = 0;          // [batch, hidden]
  std::int64_t c = 0;
  std::int64_t total = 0;
};
RecurrentRoom recurrent_room(const RecurrentParams& params, const RecurrentShape& shape);

Result<RecurrentParams> parse_rnn(const Node& node);
Result<RecurrentParams> parse_gru(const Node& node);
Result<RecurrentParams> parse_lstm(const Node& node);

// From the dims of X and R, which infer_recurrent has checked.
RecurrentShape recurrent_shape(const RecurrentParams& params, Dims x, Dims r);
// Y, Y_h and, for LSTM, Y_c. The error names the input that does not fit.
Result<OutputFacts> infer_recurrent(const RecurrentParams& params, const InputFacts& facts);

}  // namespace sluice::engine
