// GRU, LSTM, RNN.
// Spec: https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours (read 2026-11).
// For each direction one product gives the inputs' part of the gates for all steps; then step by
// step one product of the states, and the cell's arithmetic row by row (cells.h). Weights that are
// constant are packed once.
// A sequence shorter than the batch's steps ends at its own length: Y is 0 behind it, the last
// state is that of its last step, and the backward direction starts there. Of length 0 it keeps its
// initial state.
// Two directions need nothing of each other: with few threads, or where a step is soon done, each
// has a thread of its own, which waits for the other once and not in each step.
// Types: float32, float64. Opsets: layout since 14; linear_before_reset since 3.

#include <algorithm>
#include <array>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/recurrent/recurrent_bound.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

// One direction of one run.
template <class T>
struct Pass {
  const RecurrentParams& params;
  const RecurrentState& state;
  const RecurrentBound& bound;
  KernelContext& context;
  std::int64_t direction;
  T* scratch;

  [[nodiscard]] T* room(std::int64_t offset) const { return scratch + offset; }
  [[nodiscard]] std::byte* product_scratch() const {
    // NOLINTNEXTLINE: what is behind the elements; a multiple of a cache line in.
    return reinterpret_cast<std::byte*>(scratch + bound.room.total);
  }
  // Input i from this direction's part on, `each` elements a direction; null when left out.
  [[nodiscard]] const T* input(std::size_t i, std::int64_t each) const {
    return context.has_input(i) ? context.input(i).template as<T>().data() + direction * each
                                : nullptr;
  }
  [[nodiscard]] bool is_reverse() const { return params.starts_reverse || direction == 1; }
  [[nodiscard]] std::int64_t length(std::int64_t sequence) const {
    return context.has_input(kRecurrentLengths)
               ? context.input(kRecurrentLengths)
                     .as<std::int32_t>()[static_cast<std::size_t>(sequence)]
               : bound.shape.steps;
  }
};

// The inputs' part of all gates, with the biases that can be added before.
template <class T>
void multiply_inputs(const Pass<T>& pass) {
  const RecurrentShape& shape = pass.bound.shape;
  const std::int64_t width = shape.width();
  const auto at = static_cast<std::size_t>(pass.direction);
  const T* w = pass.state.w.empty() ? pass.input(kRecurrentW, width * shape.features) : nullptr;
  const T* const biases = pass.input(kRecurrentB, 2 * width);
  T* const bias = pass.room(pass.bound.room.bias);
  if (biases != nullptr) {
    // The state's bias of a gate that is reset behind its product comes later.
    const std::int64_t both =
        pass.params.cell == Cell::gru && pass.params.resets_behind ? 2 * shape.hidden : width;
    for (std::int64_t i = 0; i < width; ++i) {
      bias[i] = i < both ? biases[i] + biases[width + i] : biases[i];
    }
  }
  pass.bound.by_w[at].run(pass.context.input(kRecurrentX).template as<T>().data(),
                          w,
                          bias,
                          pass.room(pass.bound.room.inputs),
                          pass.product_scratch());
}

template <class T>
void start_states(const Pass<T>& pass) {
  const RecurrentShape& shape = pass.bound.shape;
  const auto start = [&](std::size_t input, T* to) {
    for (std::int64_t sequence = 0; sequence < shape.batch; ++sequence) {
      T* const row = to + sequence * shape.hidden;
      if (pass.context.has_input(input)) {
        const T* from = pass.context.input(input).template as<T>().data();
        std::copy_n(
            from + shape.state_row(pass.direction, sequence) * shape.hidden, shape.hidden, row);
      } else {
        std::fill_n(row, shape.hidden, T{0});
      }
    }
  };
  start(kRecurrentInitialH, pass.room(pass.bound.room.h));
  if (pass.params.cell == Cell::lstm) {
    start(kRecurrentInitialC, pass.room(pass.bound.room.c));
  }
}

// What the cell of one sequence works on at one step.
template <class T>
CellRow<T> row_of(const Pass<T>& pass, std::int64_t place, std::int64_t sequence) {
  const RecurrentShape& shape = pass.bound.shape;
  const RecurrentRoom& room = pass.bound.room;
  const std::int64_t width = pass.params.splits_r() ? 2 * shape.hidden : shape.width();
  const T* const bias = pass.input(kRecurrentB, 2 * shape.width());
  return {
      .hidden = shape.hidden,
      .gates = pass.room(room.inputs) + shape.x_row(place, sequence) * shape.width(),
      .recurrent = pass.room(room.recurrent) + sequence * width,
      .peephole = pass.input(kRecurrentPeepholes, 3 * shape.hidden),
      .reset_bias = bias != nullptr ? bias + shape.width() + 2 * shape.hidden : nullptr,
      .reset = pass.params.splits_r() ? pass.room(room.reset) + sequence * shape.hidden : nullptr,
      .h = pass.room(room.h) + sequence * shape.hidden,
      .c = pass.room(room.c) + sequence * shape.hidden};
}

// Calls f(sequence, place) for those that still have a step `step`.
template <class T, class F>
void for_sequences(const Pass<T>& pass, std::int64_t step, const F& f) {
  const RecurrentShape& shape = pass.bound.shape;
  const std::int64_t grain = 1 + 4'096 / (shape.width() + 1);
  parallel_for(shape.batch, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t sequence = begin; sequence < end; ++sequence) {
      const std::int64_t length = pass.length(sequence);
      if (step < length) {
        f(sequence, pass.is_reverse() ? length - 1 - step : step);
      }
    }
  });
}

template <class T>
void run_step(const Pass<T>& pass, const CellRules& rules, std::int64_t step, T* y) {
  const RecurrentShape& shape = pass.bound.shape;
  const RecurrentRoom& room = pass.bound.room;
  const auto at = static_cast<std::size_t>(pass.direction);
  const T* r =
      pass.state.r.empty() ? pass.input(kRecurrentR, shape.width() * shape.hidden) : nullptr;
  T* const h = pass.room(room.h);
  pass.bound.by_r[at].run(h, r, nullptr, pass.room(room.recurrent), pass.product_scratch());
  if (pass.params.splits_r()) {
    for_sequences(pass, step, [&](std::int64_t sequence, std::int64_t place) {
      step_gru_gates(rules, row_of(pass, place, sequence));
    });
    const T* last = r != nullptr ? r + 2 * shape.hidden * shape.hidden : nullptr;
    pass.bound.by_last[at].run(
        pass.room(room.reset), last, nullptr, pass.room(room.last), pass.product_scratch());
  }
  for_sequences(pass, step, [&](std::int64_t sequence, std::int64_t place) {
    CellRow<T> row = row_of(pass, place, sequence);
    if (pass.params.cell == Cell::lstm) {
      step_lstm(rules, row);
    } else if (pass.params.cell == Cell::rnn) {
      step_rnn(rules, row);
    } else {
      if (pass.params.splits_r()) {
        row.recurrent = pass.room(room.last) + sequence * shape.hidden;
      } else {
        step_gru_gates(rules, row);
        row.recurrent += 2 * shape.hidden;
      }
      step_gru_state(rules, row);
    }
    if (y != nullptr) {
      std::copy_n(
          row.h, shape.hidden, y + shape.y_row(place, pass.direction, sequence) * shape.hidden);
    }
  });
}

template <class T>
Result<void> run_steps(const Pass<T>& pass) {
  const RecurrentShape& shape = pass.bound.shape;
  start_states(pass);
  if (pass.params.splits_r()) {  // rows that have ended are multiplied, too, and not used
    std::fill_n(pass.room(pass.bound.room.reset), shape.batch * shape.hidden, T{0});
  }
  const CellRules rules = pass.params.rules(pass.direction);
  T* const y =
      pass.context.has_output(0) ? pass.context.output(0).template mut<T>().data() : nullptr;
  for (std::int64_t step = 0; step < shape.steps; ++step) {
    if (pass.context.stopped()) {
      return Error{ErrorCode::cancelled, "the run was stopped"};
    }
    run_step(pass, rules, step, y);
  }
  const auto give = [&](std::size_t output, const T* from) {
    if (!pass.context.has_output(output)) {
      return;
    }
    T* to = pass.context.output(output).template mut<T>().data();
    for (std::int64_t sequence = 0; sequence < shape.batch; ++sequence) {
      std::copy_n(from + sequence * shape.hidden,
                  shape.hidden,
                  to + shape.state_row(pass.direction, sequence) * shape.hidden);
    }
  };
  give(1, pass.room(pass.bound.room.h));
  give(2, pass.room(pass.bound.room.c));
  return {};
}

template <class T>
Result<void> run_as(const RecurrentParams& params,
                    const RecurrentState& state,
                    const RecurrentBound& bound,
                    KernelContext& context) {
  if (context.has_input(kRecurrentLengths)) {
    for (const std::int32_t length : context.input(kRecurrentLengths).as<std::int32_t>()) {
      if (length < 0 || length > bound.shape.steps) {
        return bad_input("sequence_lens has " + std::to_string(length) + " for " +
                         std::to_string(bound.shape.steps) + " steps");
      }
    }
    if (context.has_output(0)) {
      std::ranges::fill(context.output(0).mut<T>(), T{0});
    }
  }
  const auto pass_of = [&](std::int64_t direction) {
    const auto room = static_cast<std::size_t>(bound.side_by_side ? direction : 0);
    // NOLINTNEXTLINE: scratch and each room are aligned to 64.
    T* const scratch = reinterpret_cast<T*>(context.scratch().data() + room * bound.room_size);
    return Pass<T>{.params = params,
                   .state = state,
                   .bound = bound,
                   .context = context,
                   .direction = direction,
                   .scratch = scratch};
  };
  if (!bound.side_by_side) {
    for (std::int64_t direction = 0; direction < bound.shape.directions; ++direction) {
      multiply_inputs(pass_of(direction));
      SLUICE_TRY(run_steps(pass_of(direction)));
    }
    return {};
  }
  std::array<Result<void>, 2> done;
  for (std::int64_t direction = 0; direction < bound.shape.directions; ++direction) {
    multiply_inputs(pass_of(direction));  // by all threads
  }
  parallel_for(bound.shape.directions, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t direction = begin; direction < end; ++direction) {
      done[static_cast<std::size_t>(direction)] = run_steps(pass_of(direction));
    }
  });
  SLUICE_TRY(done[0]);
  return done[1];
}

Result<void> run_recurrent(const RecurrentParams& params,
                           const RecurrentState& state,
                           const RecurrentBound& bound,
                           KernelContext& context) {
  return context.input(kRecurrentX).datatype == DataType::float32
             ? run_as<float>(params, state, bound, context)
             : run_as<double>(params, state, bound, context);
}

template <auto Parse>
OperatorEntry recurrent_entry(const char* name, std::vector<int> since, Arity arity) {
  return {.name = name,
          .since = std::move(since),
          .arity = arity,
          .kernel = prepared_kernel<Parse,
                                    infer_recurrent,
                                    prepare_recurrent,
                                    bind_recurrent,
                                    run_recurrent>()};
}

}  // namespace

void register_recurrent(Registry& registry) {
  const Arity plain{.inputs_least = 3, .inputs_most = 6, .outputs_most = 2, .first_output = false};
  const Arity with_cell{
      .inputs_least = 3, .inputs_most = 8, .outputs_most = 3, .first_output = false};
  registry.add(recurrent_entry<parse_gru>("GRU", {1, 3, 7, 14, 22}, plain));
  registry.add(recurrent_entry<parse_lstm>("LSTM", {1, 7, 14, 22}, with_cell));
  registry.add(recurrent_entry<parse_rnn>("RNN", {1, 7, 14, 22}, plain));
}

}  // namespace sluice::engine
