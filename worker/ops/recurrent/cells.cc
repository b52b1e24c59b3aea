#include "worker/ops/recurrent/cells.h"

#include <algorithm>
#include <type_traits>

#include "worker/ops/simd/cells.h"

namespace sluice::engine {
namespace {

template <class T>
void add(const T* from, T* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] += from[i];
  }
}

template <class T>
void add_product(const T* a, const T* b, T* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] += a[i] * b[i];
  }
}

// Clipped to [-clip, clip], NaN kept, and through the function.
template <class T>
void apply(const CellRules& rules, std::size_t function, T* x, std::int64_t count) {
  if (rules.clip > 0) {
    const auto most = static_cast<T>(rules.clip);
    for (std::int64_t i = 0; i < count; ++i) {
      x[i] = x[i] > most ? most : x[i] < -most ? -most : x[i];
    }
  }
  activate_gate(rules.activations[function], x, count);
}

// What the kernels of simd/cells.h compute.
bool is_default(const CellRules& rules) {
  const bool couples = rules.couples_forget;
  const auto is = [&](std::size_t i, GateFunction function) {
    return i >= rules.activations.size() || rules.activations[i].function == function;
  };
  return rules.clip == 0 && !couples && is(0, GateFunction::sigmoid) && is(1, GateFunction::tanh) &&
         is(2, GateFunction::tanh);
}

template <class T>
void rnn(const CellRules& rules, const CellRow<T>& row) {
  add(row.recurrent, row.gates, row.hidden);
  apply(rules, 0, row.gates, row.hidden);
  std::copy_n(row.gates, row.hidden, row.h);
}

template <class T>
void lstm(const CellRules& rules, const CellRow<T>& row) {
  const std::int64_t n = row.hidden;
  if constexpr (std::is_same_v<T, float>) {
    if (is_default(rules)) {
      return simd::lstm_cell({n, row.gates, row.recurrent, row.peephole, row.c, row.h});
    }
  }
  add(row.recurrent, row.gates, 4 * n);
  T* const input = row.gates;
  T* const output = input + n;
  T* const forget = output + n;
  T* const cell = forget + n;
  if (row.peephole != nullptr) {
    add_product(row.peephole, row.c, input, n);
    add_product(row.peephole + 2 * n, row.c, forget, n);
  }
  apply(rules, 0, input, n);
  if (rules.couples_forget) {
    for (std::int64_t i = 0; i < n; ++i) {
      forget[i] = 1 - input[i];
    }
  } else {
    apply(rules, 0, forget, n);
  }
  apply(rules, 1, cell, n);
  for (std::int64_t i = 0; i < n; ++i) {
    row.c[i] = forget[i] * row.c[i] + input[i] * cell[i];
  }
  if (row.peephole != nullptr) {
    add_product(row.peephole + n, row.c, output, n);
  }
  apply(rules, 0, output, n);
  std::copy_n(row.c, n, row.h);
  apply(rules, 2, row.h, n);
  for (std::int64_t i = 0; i < n; ++i) {
    row.h[i] *= output[i];
  }
}

template <class T>
void gru_gates(const CellRules& rules, const CellRow<T>& row) {
  const std::int64_t n = row.hidden;
  if constexpr (std::is_same_v<T, float>) {
    if (is_default(rules)) {
      return simd::gru_gates({n, row.gates, row.recurrent, row.h, row.reset});
    }
  }
  add(row.recurrent, row.gates, 2 * n);
  apply(rules, 0, row.gates, 2 * n);
  const T* const reset = row.gates + n;
  for (std::int64_t i = 0; row.reset != nullptr && i < n; ++i) {
    row.reset[i] = reset[i] * row.h[i];
  }
}

template <class T>
void gru_state(const CellRules& rules, const CellRow<T>& row) {
  const std::int64_t n = row.hidden;
  const T* const update = row.gates;
  const T* const reset = row.gates + n;
  T* const fresh = row.gates + 2 * n;
  const T* const recurrent = row.recurrent;
  if constexpr (std::is_same_v<T, float>) {
    if (is_default(rules)) {
      const T* const behind = rules.resets_behind ? reset : nullptr;
      return simd::gru_state({n, update, behind, fresh, recurrent, row.reset_bias, row.h});
    }
  }
  if (rules.resets_behind) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T bias = row.reset_bias != nullptr ? row.reset_bias[i] : T{0};
      fresh[i] += reset[i] * (recurrent[i] + bias);
    }
  } else {
    add(recurrent, fresh, n);
  }
  apply(rules, 1, fresh, n);
  for (std::int64_t i = 0; i < n; ++i) {
    row.h[i] = (1 - update[i]) * fresh[i] + update[i] * row.h[i];
  }
}

}  // namespace

void step_rnn(const CellRules& rules, const CellRow<float>& row) {
  rnn(rules, row);
}
void step_rnn(const CellRules& rules, const CellRow<double>& row) {
  rnn(rules, row);
}
void step_lstm(const CellRules& rules, const CellRow<float>& row) {
  lstm(rules, row);
}
void step_lstm(const CellRules& rules, const CellRow<double>& row) {
  lstm(rules, row);
}
void step_gru_gates(const CellRules& rules, const CellRow<float>& row) {
  gru_gates(rules, row);
}
void step_gru_gates(const CellRules& rules, const CellRow<double>& row) {
  gru_gates(rules, row);
}
void step_gru_state(const CellRules& rules, const CellRow<float>& row) {
  gru_state(rules, row);
}
void step_gru_state(const CellRules& rules, const CellRow<double>& row) {
  gru_state(rules, row);
}

}  // namespace sluice::engine
