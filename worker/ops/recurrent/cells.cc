#include "worker/ops/recurrent/cells.h"

#include <algorithm>

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

template <class T>
void rnn(const CellRules& rules, const CellRow<T>& row) {
  add(row.recurrent, row.gates, row.hidden);
  apply(rules, 0, row.gates, row.hidden);
  std::copy_n(row.gates, row.hidden, row.h);
}

template <class T>
void lstm(const CellRules& rules, const CellRow<T>& row) {
  const std::int64_t n = row.hidden;
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
