// StepProfile: where the time of a model's runs goes, step by step.

#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "worker/engine/engine.h"

namespace sluice::model {

struct ProfiledStep {
  std::string node{};  // "" for what the engine added
  std::string op_type{};
  std::string implementation{};
  std::string shapes{};   // "FP32[1,64,56,56] FP32[64,64,3,3] -> FP32[1,64,56,56]"
  double operations = 0;  // multiplications and additions of one run, where they are counted
  double bytes = 0;       // of all operands, once each
  std::chrono::nanoseconds total{};  // of all runs
  // In the last run, from the begin of its first step.
  std::chrono::nanoseconds begin{};
  std::chrono::nanoseconds end{};
};

// Multiplications and additions of products, convolutions and recurrent layers, also of those on
// bytes; 0 for all others.
double operations_of(const engine::StepReport& step);

class StepProfile final : public engine::StepObserver {
 public:
  // Before each run. All runs are of one model with the same shapes.
  void begin_run();
  void on_step(const engine::StepReport& report) override;

  // In the order in which they run.
  [[nodiscard]] const std::vector<ProfiledStep>& steps() const { return steps_; }
  [[nodiscard]] int runs() const { return runs_; }

 private:
  std::vector<ProfiledStep> steps_;
  std::size_t next_ = 0;
  int runs_ = 0;
  std::chrono::steady_clock::time_point started_{};
};

}  // namespace sluice::model
