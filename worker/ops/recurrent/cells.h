// One step of one row: what the cells of RNN, GRU and LSTM do with the sums that products gave
// them. Spec: https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours (read 2026-11).
//
// In the formulas g[x] is the sum for gate x: input * W' + state * R' + biases, clipped where the
// node says so before a function is applied.
//
//   RNN   h = f(g)
//   GRU   z = f(g[z]); r = f(g[r]); n = tanh-like(g[n]); h = (1 - z) * n + z * h
//         with r before the product (state * r) * R', or behind it: r * (state * R' + bias)
//   LSTM  i = f(g[i] + Pi * c); f = f(g[f] + Pf * c), or 1 - i; c = f * c + i * g(g[c])
//         o = f(g[o] + Po * c); h = o * h(c)

#pragma once

#include <cstdint>
#include <span>

#include "worker/ops/recurrent/gates.h"

namespace sluice::engine {

enum class Cell : std::uint8_t { rnn, gru, lstm };

// Gates of a cell: rows of W and R are these, `hidden` rows each. GRU: z r n. LSTM: i o f c.
constexpr std::int64_t gates_of(Cell cell) {
  return cell == Cell::rnn ? 1 : cell == Cell::gru ? 3 : 4;
}

struct CellRules {
  std::span<const GateActivation> activations{};
  float clip = 0;  // 0: none
  bool couples_forget = false;
  bool resets_behind = false;  // GRU's linear_before_reset
};

template <class T>
struct CellRow {
  std::int64_t hidden = 0;
  T* gates = nullptr;             // [gates, hidden]: input * W' + biases; worked on in place
  const T* recurrent = nullptr;   // [gates, hidden]: state * R'
  const T* peephole = nullptr;    // LSTM: Pi, Po, Pf, or null
  const T* reset_bias = nullptr;  // GRU that resets behind: the bias of its state's part
  T* reset = nullptr;             // GRU that resets before: r * state, [hidden]
  T* h = nullptr;                 // state, updated
  T* c = nullptr;                 // LSTM's
};

void step_rnn(const CellRules& rules, const CellRow<float>& row);
void step_rnn(const CellRules& rules, const CellRow<double>& row);
void step_lstm(const CellRules& rules, const CellRow<float>& row);
void step_lstm(const CellRules& rules, const CellRow<double>& row);
// z and r, from the first two parts of `recurrent`; then the new state, for which `recurrent` is
// the third part alone: (r * state) * R' where the cell resets before.
void step_gru_gates(const CellRules& rules, const CellRow<float>& row);
void step_gru_gates(const CellRules& rules, const CellRow<double>& row);
void step_gru_state(const CellRules& rules, const CellRow<float>& row);
void step_gru_state(const CellRules& rules, const CellRow<double>& row);

}  // namespace sluice::engine
