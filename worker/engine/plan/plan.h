// Plan: what of a model does not depend on shapes. Steps in order, constants folded, neighbours
// fused, weights packed. Immutable once built and shared by all executions.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/engine/graph/graph.h"
#include "worker/engine/graph/kernel.h"
#include "worker/engine/graph/registry.h"
#include "worker/engine/machine/memory_bound.h"
#include "worker/engine/plan/families.h"
#include "worker/engine/read/reader.h"

namespace sluice::engine {

struct PlanOptions {
  // Scalar kernels, nothing fused, everything row-major: what tests compare with.
  bool reference = false;
  bool inner = false;            // of a graph inside another
  bool any_forms = false;        // as LoadOptions::any_forms
  std::size_t memory_bytes = 0;  // as LoadOptions::memory_bytes
  PassFamilies without{};        // as LoadOptions::without
};

struct Subgraph;

struct Step {
  Node node;
  const OperatorEntry* entry = nullptr;
  Box params;
  Box state;
  MemoryHold packed;  // for the state, by the size of the constants that it was made of
  Tail tail;
  std::vector<DataType> halves{};  // by input: what a constant was before widen_constants
  // Inputs that the node writes; behind them is what its graphs take from around.
  std::size_t written_inputs = 0;
  std::vector<std::shared_ptr<const Subgraph>> graphs{};
  std::vector<bool> consumed;  // inputs that only prepare needed
  bool tame = false;           // finite inputs of the graph reach it as finite numbers
};

struct Plan {
  ModelInfo info;
  std::vector<std::string> value_names;
  std::vector<Declared> inputs;
  std::vector<Declared> outputs;
  std::vector<Step> steps;
  std::vector<std::shared_ptr<Constant>> constants;  // by ValueId; null: not a constant
  std::set<ValueId> borrowed;  // constants of the graph around, which frees them
  std::set<ValueId> unread;    // of those, the ones that no run needs
  std::vector<ValueForm> output_forms;
  // Dims for the declared shapes, open extents guessed. For choices, never for correctness.
  std::vector<std::optional<Shape>> typical;
  std::vector<DataType> datatypes;  // by ValueId, where the guess reached
  bool looks_for_nan = false;       // a step has to know whether its inputs may have some
  // Of a plan that is written as a file: the file's opset of ai.onnx, behind which no pass goes.
  std::optional<int> file_opset;
  bool rows_independent = false;  // requests may share a run: see rows.h
  bool row_major = false;         // no other layout anywhere (PlanOptions::reference)
  PassFamilies without{};         // PlanOptions::without

  [[nodiscard]] bool takes(PassFamily family) const { return !without.contains(family); }

  [[nodiscard]] bool is_constant(ValueId value) const {
    return value != kNoValue && constants[value] != nullptr;
  }
};

// Inputs, outputs and description; neither name nor version.
ModelInfo info_of(const Model& model);

// unsupported (all missing operators with their nodes), data_corrupt (cycles, wrong attributes),
// resource_exhausted. `registry` must outlive the plan.
Result<Plan> build_plan(Model model, const Registry& registry, const PlanOptions& options);

// A plan's beginning: the steps as the file has them, in an order that runs. Errors as
// build_plan's.
Result<Plan> read_plan(Model model, const Registry& registry);

// --- parts of build_plan, each in its own file ---------------------------------------------------

// Orders the steps so that every value is made before it is read; keeps the file's order otherwise.
Result<void> sort_steps(Plan& plan);
// Runs every step whose inputs are all constant; `but_quantized`: all but DequantizeLinear.
Result<void> fold_constants(Plan& plan, bool but_quantized);
// Operators between DequantizeLinear and QuantizeLinear become those on bytes.
Result<void> take_quantized_patterns(Plan& plan, const Registry& registry);
// Guesses dims along the steps. unsupported, naming every step that refuses its datatypes.
Result<void> infer_typical(Plan& plan);
// Drops steps that no output needs.
void drop_dead_steps(Plan& plan);
// A node with its operator, its attributes read and its inputs and outputs counted.
Result<Step> make_step(Node node, const Registry& registry);
// What the node reads becomes what stands for it (by ValueId), for the graphs inside it too, as
// long as they are not planned.
void rename_inputs(Node& node, std::span<const ValueId> stands_for);
// Drops steps that change nothing.
void drop_identities(Plan& plan);
// Drops steps that compute what another has computed.
void merge_duplicates(Plan& plan);
// Chains of elementary steps that are one operator become it.
Result<void> take_patterns(Plan& plan, const Registry& registry);
// Rotary positions that are written out become one step.
Result<void> take_rotary_patterns(Plan& plan, const Registry& registry);
// Padding before a convolution becomes its own (padded_windows.cc).
Result<void> take_padding(Plan& plan, const Registry& registry);
// What scales and masks attention's scores goes into their Softmax.
Result<void> take_attention_patterns(Plan& plan, const Registry& registry);
// Transposes on both sides of a Concat become one or none.
Result<void> take_turned_concats(Plan& plan, const Registry& registry);
// Slices, Pads and Concats in a row become one copy.
Result<void> take_part_chains(Plan& plan, const Registry& registry);
// Transposes around a product become its strides.
Result<void> take_turned_products(Plan& plan, const Registry& registry);
// Integer products and the floats made of them become one step.
Result<void> take_integer_patterns(Plan& plan, const Registry& registry);
// Plans the graphs inside nodes (subgraph.cc).
Result<void> plan_subgraphs(Plan& plan, const Registry& registry, const PlanOptions& options);
// What outputs are beyond tensors (forms.cc). unsupported, naming the output, where no request
// could carry it and the caller does not want it.
Result<void> note_forms(Plan& plan, const PlanOptions& options);
// Convolution and matmul take over the bias, residual and activation behind them.
Result<void> fuse_steps(Plan& plan);
// The part of that which needs no kernel of ours: Conv -> BatchNormalization.
Result<void> fold_batch_norms(Plan& plan);
// Finds out which steps can only see NaN when the graph's inputs have some.
void note_tame(Plan& plan);
// The step's state; none where its operator has none. `reference`: nothing is packed.
Result<void> prepare_step(Plan& plan, Step& step, bool reference);
// Packs weights, then frees what nobody reads at run time.
Result<void> prepare_steps(Plan& plan, const PlanOptions& options);

}  // namespace sluice::engine
