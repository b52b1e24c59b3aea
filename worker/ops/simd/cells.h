// The arithmetic of recurrent cells with the functions they have by default, sigmoid and tanh, and
// no clipping: one step of one row of float32, each number of it read and written once. Compiled
// for several instruction sets and chosen when the program runs. The formulas: recurrent/cells.h.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

struct LstmCell {
  std::int64_t hidden;
  const float* gates;      // [4, hidden], of i o f c: what the inputs gave
  const float* recurrent;  // [4, hidden]: what the state gave
  const float* peephole;   // [3, hidden], of i o f; or null
  float* c;                // updated
  float* h;                // written
};
void lstm_cell(const LstmCell& cell);

// z and r: `gates` are the sums of the inputs, and then the gates.
struct GruGates {
  std::int64_t hidden;
  float* gates;            // [2, hidden], of z r
  const float* recurrent;  // [2, hidden]
  const float* h;          // [hidden]
  float* reset;            // [hidden], r * h is written; or null
};
void gru_gates(const GruGates& cell);

// The new state. The third gate is tanh(fresh + recurrent), or tanh(fresh + r * (recurrent + bias))
// where `r` is given.
struct GruState {
  std::int64_t hidden;
  const float* z;
  const float* r;      // or null
  const float* fresh;  // what the inputs gave
  const float* recurrent;
  const float* bias;  // or null
  float* h;           // updated
};
void gru_state(const GruState& cell);

}  // namespace sluice::engine::simd
