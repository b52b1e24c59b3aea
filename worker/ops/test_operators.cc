// Domain "sluice.test", version 1: operators that misbehave on purpose, for the tests of the
// cluster. In the registry only when LoadOptions::test_operators asks for them.
//   Abort  float32 in, the same out; aborts the process when an element equals 666.
//   Sleep  the first element is a time in milliseconds: sleeps so long, looking at the stop flag.
//   Spin   the same, but burns the processor.
// All give their input as output.

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr float kPoison = 666.0F;
constexpr double kMostMilliseconds = 3'600'000;           // an hour
constexpr auto kGlance = std::chrono::microseconds(200);  // between two looks at the stop flag

Result<OutputFacts> infer_floats(const NoParams& params, const InputFacts& facts) {
  if (facts.at(0).datatype != DataType::float32) {
    return unsupported_type(facts.at(0).datatype);
  }
  return infer_same(params, facts);
}

Result<void> run_abort(const NoParams&, KernelContext& context) {
  for (const float value : context.input(0).as<float>()) {
    if (value == kPoison) {
      std::abort();
    }
  }
  copy_elements(context.input(0), context.output(0));
  return {};
}

template <bool kSpin>
Result<void> run_wait(const NoParams&, KernelContext& context) {
  const auto x = context.input(0).as<float>();
  const double wish = x.empty() ? 0 : static_cast<double>(x[0]);
  const double milliseconds = std::isfinite(wish) ? std::fmin(wish, kMostMilliseconds) : 0;
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::microseconds(static_cast<std::int64_t>(milliseconds * 1000));
  while (std::chrono::steady_clock::now() < end) {
    if (context.stopped()) {
      return Error{ErrorCode::cancelled, "stopped while it waited"};
    }
    if (!kSpin) {
      std::this_thread::sleep_for(kGlance);
    }
  }
  copy_elements(context.input(0), context.output(0));
  return {};
}

template <auto Run>
OperatorEntry test_entry(const char* name) {
  return {.name = name,
          .domain = std::string(kTestDomain),
          .since = {1},
          .kernel = kernel<parse_nothing, infer_floats, Run>(),
          .pure = false};
}

}  // namespace

void register_test_operators(Registry& registry) {
  registry.add(test_entry<run_abort>("Abort"));
  registry.add(test_entry<run_wait<false>>("Sleep"));
  registry.add(test_entry<run_wait<true>>("Spin"));
}

}  // namespace sluice::engine
