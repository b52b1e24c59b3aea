#include "worker/ops/simd/cells.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/cells.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/functions-inl.h"
#include "worker/ops/simd/reach-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

// Calls f(place, reach) for the whole vectors of a row and for what is left.
template <class F>
HWY_INLINE void for_vectors(std::int64_t count, const F& f) {
  std::int64_t i = 0;
  for (; i + kReachLanes <= count; i += kReachLanes) {
    f(i, Whole{});
  }
  if (i < count) {
    f(i, Part{count - i});
  }
}

void run_lstm(const LstmCell& cell) {
  const std::int64_t n = cell.hidden;
  const bool peeps = cell.peephole != nullptr;
  for_vectors(n, [&](std::int64_t at, auto reach) HWY_ATTR {
    const D d;
    const auto sum = [&](std::int64_t gate) HWY_ATTR {
      const std::int64_t from = gate * n + at;
      return hn::Add(reach.load(cell.gates + from), reach.load(cell.recurrent + from));
    };
    const auto peeped = [&](std::int64_t gate, V state, V by) HWY_ATTR {
      return peeps ? hn::MulAdd(reach.load(cell.peephole + gate * n + at), state, by) : by;
    };
    const V before = reach.load(cell.c + at);
    const V input = sigmoid_of(d, peeped(0, before, sum(0)));
    const V forget = sigmoid_of(d, peeped(2, before, sum(2)));
    const V fresh = tanh_of(d, sum(3));
    const V state = hn::MulAdd(forget, before, hn::Mul(input, fresh));
    const V output = sigmoid_of(d, peeped(1, state, sum(1)));
    reach.store(state, cell.c + at);
    reach.store(hn::Mul(output, tanh_of(d, state)), cell.h + at);
  });
}

void run_gru_gates(const GruGates& cell) {
  const std::int64_t n = cell.hidden;
  for_vectors(n, [&](std::int64_t at, auto reach) HWY_ATTR {
    const D d;
    const auto gate = [&](std::int64_t from) HWY_ATTR {
      const V sum = hn::Add(reach.load(cell.gates + from), reach.load(cell.recurrent + from));
      const V value = sigmoid_of(d, sum);
      reach.store(value, cell.gates + from);
      return value;
    };
    gate(at);
    const V r = gate(n + at);
    if (cell.reset != nullptr) {
      reach.store(hn::Mul(r, reach.load(cell.h + at)), cell.reset + at);
    }
  });
}

void run_gru_state(const GruState& cell) {
  for_vectors(cell.hidden, [&](std::int64_t at, auto reach) HWY_ATTR {
    const D d;
    V recurrent = reach.load(cell.recurrent + at);
    if (cell.r != nullptr) {
      const V bias = cell.bias != nullptr ? reach.load(cell.bias + at) : hn::Zero(d);
      recurrent = hn::Mul(reach.load(cell.r + at), hn::Add(recurrent, bias));
    }
    const V fresh = tanh_of(d, hn::Add(reach.load(cell.fresh + at), recurrent));
    const V z = reach.load(cell.z + at);
    const V kept = hn::Mul(z, reach.load(cell.h + at));
    reach.store(hn::MulAdd(hn::Sub(hn::Set(d, 1.0F), z), fresh, kept), cell.h + at);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(run_lstm);
HWY_EXPORT(run_gru_gates);
HWY_EXPORT(run_gru_state);

void lstm_cell(const LstmCell& cell) {
  HWY_DYNAMIC_DISPATCH(run_lstm)(cell);
}
void gru_gates(const GruGates& cell) {
  HWY_DYNAMIC_DISPATCH(run_gru_gates)(cell);
}
void gru_state(const GruState& cell) {
  HWY_DYNAMIC_DISPATCH(run_gru_state)(cell);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
