// The contract between the plan and an operator: four steps, with an optional one per shape.
//
//   parse(node)                      -> Params   attributes read and checked, once per node
//   infer(params, input facts)       -> datatypes, dims and, where known, values of the outputs
//   prepare(params, PrepareContext&) -> State    per session: packed weights; shared by all threads
//   bind(params, state, BindContext&)-> Bound    per shape and execution: primitives, loop bounds
//   run(..., KernelContext&)                     computes; allocates nothing
//
// worker/ops/README.md tells how to write one. Everything an operator may touch is in its context.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/result.h"
#include "worker/engine/graph/graph.h"
#include "worker/engine/values/tensor.h"
#include "worker/engine/values/value.h"

namespace sluice::engine {

// --- infer ---------------------------------------------------------------------------------------

struct InputFact {
  bool present = false;  // false: an optional input left out
  DataType datatype = DataType::undefined;
  Dims dims{};
  const TensorView* value = nullptr;  // where known before the run: constants, folded shapes
};

struct InputFacts {
  std::span<const InputFact> inputs;
  std::size_t output_count = 0;  // outputs the node names

  [[nodiscard]] bool has(std::size_t i) const { return i < inputs.size() && inputs[i].present; }
  [[nodiscard]] const InputFact& at(std::size_t i) const {
    SLUICE_CHECK(has(i));
    return inputs[i];
  }
};

struct OutputFact {
  DataType datatype = DataType::undefined;
  Shape dims;
  bool data_dependent =
      false;  // dims are known only by running: see KernelContext::allocate_output
  std::shared_ptr<const Tensor> value{};  // where infer knows it (Shape, Size)
  bool rounded = false;                   // float32 in the kernel: see widen.h, which alone sets it
};
using OutputFacts = std::vector<OutputFact>;

inline OutputFacts one_output(DataType datatype, Shape dims) {
  OutputFacts facts(1);
  facts[0].datatype = datatype;
  facts[0].dims = std::move(dims);
  return facts;
}
// Dims that follow from values which only a run will know.
inline OutputFacts data_dependent(DataType datatype) {
  OutputFacts facts(1);
  facts[0].datatype = datatype;
  facts[0].data_dependent = true;
  return facts;
}

// --- fusion --------------------------------------------------------------------------------------

enum class Activation : std::uint8_t { none, relu, clip, leaky_relu };

// What the plan hung onto a node's result, in this order: + bias, + residual, activation.
struct Tail {
  ValueId bias = kNoValue;              // a constant [C] (convolution) or [N] (matmul)
  std::optional<std::size_t> residual;  // index of the extra input that is added
  Activation activation = Activation::none;
  float low = 0;  // clip's bounds; leaky_relu's slope in `low`
  float high = 0;
};

// --- prepare -------------------------------------------------------------------------------------

class PrepareContext {
 public:
  PrepareContext() = default;
  PrepareContext(const PrepareContext&) = delete;
  PrepareContext& operator=(const PrepareContext&) = delete;
  virtual ~PrepareContext() = default;

  [[nodiscard]] virtual const Node& node() const = 0;
  [[nodiscard]] virtual const Tail& tail() const = 0;
  // True in the sessions of tests that compare with scalar kernels: no oneDNN, no packing.
  [[nodiscard]] virtual bool reference() const = 0;
  // An input that is a constant; null when it is not or was left out. Valid during prepare.
  virtual Result<const TensorView*> constant(std::size_t input) = 0;
  virtual Result<const TensorView*> tail_bias() = 0;
  // Runs may bind with finite inputs: BindContext::keep_nan is not always set.
  [[nodiscard]] virtual bool tame() const = 0;
  // Dims of an input for the shapes the model declares, unknown extents guessed; null when even
  // that is not known. For choosing layouts and algorithms, never for correctness.
  [[nodiscard]] virtual const Shape* typical_dims(std::size_t input) const = 0;
  // The state has all it needs of this constant: run will not ask for it.
  virtual void consume(std::size_t input) = 0;
};

// --- bind ----------------------------------------------------------------------------------------

struct BindContext {
  const Node* node = nullptr;
  std::span<const TensorView> inputs{};   // datatype, dims, layout; data only of constants
  std::span<const TensorView> outputs{};  // likewise
  // Numbers may not be finite: relu and clip must not be left to oneDNN, which loses NaN, nor a
  // convolution to Winograd's method, which spreads them.
  bool keep_nan = false;
  std::size_t scratch_size = 0;  // set by bind: bytes run gets, aligned to 64
  // Set by binds that choose between kernels: its name, which lives as long as what is bound.
  const char* implementation = "";

  [[nodiscard]] bool has_input(std::size_t i) const {
    return i < inputs.size() && inputs[i].datatype != DataType::undefined;
  }
};

// --- run -----------------------------------------------------------------------------------------

// Lets a run get memory for an output whose dims only it knows.
class OutputSource {
 public:
  OutputSource() = default;
  OutputSource(const OutputSource&) = delete;
  OutputSource& operator=(const OutputSource&) = delete;
  virtual ~OutputSource() = default;
  virtual Result<TensorView*> allocate(std::size_t output, Shape dims) = 0;
};

class KernelContext {
 public:
  KernelContext(std::span<const TensorView* const> inputs,
                std::span<TensorView* const> outputs,
                std::span<std::byte> scratch,
                const std::atomic<bool>* stop)
      : inputs_(inputs), outputs_(outputs), scratch_(scratch), stop_(stop) {}

  [[nodiscard]] std::size_t input_count() const { return inputs_.size(); }
  [[nodiscard]] std::size_t output_count() const { return outputs_.size(); }
  [[nodiscard]] bool has_input(std::size_t i) const {
    return i < inputs_.size() && inputs_[i] != nullptr;
  }
  [[nodiscard]] bool has_output(std::size_t i) const {
    return i < outputs_.size() && outputs_[i] != nullptr;
  }
  [[nodiscard]] const TensorView& input(std::size_t i) const { return *inputs_[i]; }
  [[nodiscard]] TensorView& output(std::size_t i) const { return *outputs_[i]; }
  [[nodiscard]] std::span<std::byte> scratch() const { return scratch_; }
  // The caller no longer wants the answer. For kernels that may run long.
  [[nodiscard]] bool stopped() const {
    return stop_ != nullptr && stop_->load(std::memory_order_relaxed);
  }
  // Only for outputs that infer called data dependent.
  Result<TensorView*> allocate_output(std::size_t i, Shape dims) {
    SLUICE_CHECK(source_ != nullptr);
    return source_->allocate(i, std::move(dims));
  }
  void set_source(OutputSource* source) { source_ = source; }

 private:
  std::span<const TensorView* const> inputs_;
  std::span<TensorView* const> outputs_;
  std::span<std::byte> scratch_;
  const std::atomic<bool>* stop_;
  OutputSource* source_ = nullptr;
};

// --- operators over values -----------------------------------------------------------------------

// What operators over sequences and optionals, and those with graphs inside, see of a run. They
// have no infer: the plan runs them one at a time, and what follows from their results is found
// out as it comes.
class ValueContext {
 public:
  ValueContext() = default;
  ValueContext(const ValueContext&) = delete;
  ValueContext& operator=(const ValueContext&) = delete;
  virtual ~ValueContext() = default;

  [[nodiscard]] virtual const Node& node() const = 0;
  [[nodiscard]] virtual std::size_t output_count() const = 0;
  // As the node writes them, without what graphs inside take from around.
  [[nodiscard]] virtual std::span<const ValueInput> inputs() const = 0;
  // The declared outputs of the graph that the attribute holds.
  [[nodiscard]] virtual const std::vector<Declared>& graph_outputs(std::string_view attribute) = 0;
  // Runs the graph that the attribute holds; the results in the order of its outputs.
  virtual Result<std::vector<Value>> run_graph(std::string_view attribute,
                                               std::span<const ValueInput> inputs) = 0;
  [[nodiscard]] virtual bool stopped() const = 0;

  [[nodiscard]] bool has(std::size_t i) const { return i < inputs().size() && inputs()[i].present; }
  // invalid_argument when the input is no tensor, or no sequence.
  [[nodiscard]] Result<TensorView> tensor(std::size_t i) const;
  [[nodiscard]] Result<const Sequence*> sequence(std::size_t i) const;
  // One integer, int32 or int64.
  [[nodiscard]] Result<std::int64_t> integer(std::size_t i) const;
};

// --- the operator, its types erased --------------------------------------------------------------

// Owns one object of a type only the operator knows.
class Box {
 public:
  Box() : data_(nullptr, nullptr) {}
  template <class T>
  static Box of(T value) {
    Box box;
    box.data_ = {new T(std::move(value)), [](void* data) { delete static_cast<T*>(data); }};
    return box;
  }
  [[nodiscard]] bool empty() const noexcept { return data_ == nullptr; }
  template <class T>
  [[nodiscard]] const T& as() const {
    return *static_cast<const T*>(data_.get());
  }

 private:
  std::unique_ptr<void, void (*)(void*)> data_;
};

struct Empty {};

struct Kernel {
  Result<Box> (*parse)(const Node&) = nullptr;
  Result<OutputFacts> (*infer)(const Box& params, const InputFacts&) = nullptr;
  Result<Box> (*prepare)(const Box& params, PrepareContext&) = nullptr;  // null: no state
  Result<Box> (*bind)(const Box& params, const Box& state, BindContext&) = nullptr;  // null: none
  Result<void> (*run)(const Box& params,
                      const Box& state,
                      const Box& bound,
                      KernelContext&) = nullptr;
  // Without infer and run: the operator is over values. With them: for inputs that are no tensors.
  Result<std::vector<Value>> (*run_values)(const Box& params, ValueContext&) = nullptr;
};

namespace detail {

template <class F>
struct Signature;
template <class R, class... A>
struct Signature<Result<R> (*)(A...)> {
  using Value = R;
};
template <auto F>
using ValueOf = typename Signature<decltype(F)>::Value;

template <auto Parse>
Result<Box> parse_box(const Node& node) {
  SLUICE_TRY_ASSIGN(auto params, Parse(node));
  return Box::of(std::move(params));
}
template <class P, auto Infer>
Result<OutputFacts> infer_box(const Box& params, const InputFacts& facts) {
  return Infer(params.as<P>(), facts);
}
template <class P, auto Prepare>
Result<Box> prepare_box(const Box& params, PrepareContext& context) {
  SLUICE_TRY_ASSIGN(auto state, Prepare(params.as<P>(), context));
  return Box::of(std::move(state));
}

}  // namespace detail

// parse, run(params, value context).
template <auto Parse, auto Run>
Kernel value_kernel() {
  using P = detail::ValueOf<Parse>;
  return {.parse = detail::parse_box<Parse>,
          .run_values = [](const Box& params, ValueContext& context) {
            return Run(params.as<P>(), context);
          }};
}

// parse, infer, run(params, context).
template <auto Parse, auto Infer, auto Run>
Kernel kernel() {
  using P = detail::ValueOf<Parse>;
  return {.parse = detail::parse_box<Parse>,
          .infer = detail::infer_box<P, Infer>,
          .run = [](const Box& params, const Box&, const Box&, KernelContext& context) {
            return Run(params.as<P>(), context);
          }};
}

// parse, infer, bind(params, bind context), run(params, bound, context).
template <auto Parse, auto Infer, auto Bind, auto Run>
Kernel bound_kernel() {
  using P = detail::ValueOf<Parse>;
  using B = detail::ValueOf<Bind>;
  return {.parse = detail::parse_box<Parse>,
          .infer = detail::infer_box<P, Infer>,
          .bind = [](const Box& params, const Box&, BindContext& context) -> Result<Box> {
            SLUICE_TRY_ASSIGN(auto bound, Bind(params.as<P>(), context));
            return Box::of(std::move(bound));
          },
          .run =
              [](const Box& params, const Box&, const Box& bound, KernelContext& context) {
                return Run(params.as<P>(), bound.as<B>(), context);
              }};
}

// parse, infer, prepare(params, prepare context), bind(params, state, bind context),
// run(params, state, bound, context).
template <auto Parse, auto Infer, auto Prepare, auto Bind, auto Run>
Kernel prepared_kernel() {
  using P = detail::ValueOf<Parse>;
  using S = detail::ValueOf<Prepare>;
  using B = detail::ValueOf<Bind>;
  return {.parse = detail::parse_box<Parse>,
          .infer = detail::infer_box<P, Infer>,
          .prepare = detail::prepare_box<P, Prepare>,
          .bind = [](const Box& params, const Box& state, BindContext& context) -> Result<Box> {
            SLUICE_TRY_ASSIGN(auto bound, Bind(params.as<P>(), state.as<S>(), context));
            return Box::of(std::move(bound));
          },
          .run =
              [](const Box& params, const Box& state, const Box& bound, KernelContext& context) {
                return Run(params.as<P>(), state.as<S>(), bound.as<B>(), context);
              }};
}

}  // namespace sluice::engine
