// Graphs inside nodes (If, Loop, Scan, SequenceMap): a plan of their own, run inside a run.

#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/bind/binding.h"
#include "worker/engine/graph/kernel.h"
#include "worker/engine/plan/plan.h"

namespace sluice::engine {

struct Subgraph {
  std::string attribute;
  Plan plan;  // its inputs: the declared ones, then what is captured and not constant
  std::size_t declared_inputs = 0;
  std::vector<std::size_t> captured{};  // positions among the step's inputs, for the plan's others
  std::vector<Step> inlined{};          // over the values around, where that can be: see branches.h
};

// Takes the outputs of a run inside a run as they are.
class ValueSink final : public OutputAllocator {
 public:
  explicit ValueSink(std::size_t count) : values_(count), tensors_(count) {}

  Result<std::span<std::byte>> allocate(std::size_t index,
                                        DataType datatype,
                                        const Shape& shape,
                                        std::size_t size) override;
  void take(std::size_t index, Value value) { values_[index] = std::move(value); }
  std::vector<Value> results();

 private:
  std::vector<Value> values_;
  std::vector<Tensor> tensors_;
};

// What a step of a binding sees while it runs. `values` are its inputs, captured ones too.
class StepContext final : public ValueContext {
 public:
  StepContext(BoundStep& step, std::span<const ValueInput> values, const std::atomic<bool>* stop)
      : step_(step), values_(values), stop_(stop) {}

  [[nodiscard]] const Node& node() const override { return step_.step->node; }
  [[nodiscard]] std::size_t output_count() const override { return step_.out.size(); }
  [[nodiscard]] std::span<const ValueInput> inputs() const override {
    return values_.first(step_.step->written_inputs);
  }
  [[nodiscard]] const std::vector<Declared>& graph_outputs(std::string_view attribute) override;
  Result<std::vector<Value>> run_graph(std::string_view attribute,
                                       std::span<const ValueInput> inputs) override;
  [[nodiscard]] bool stopped() const override {
    return stop_ != nullptr && stop_->load(std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] std::size_t graph_at(std::string_view attribute) const;

  BoundStep& step_;
  std::span<const ValueInput> values_;
  const std::atomic<bool>* stop_;
};

}  // namespace sluice::engine
