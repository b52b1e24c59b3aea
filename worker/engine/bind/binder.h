// Builds a Binding: facts along the steps, layouts, memory, primitives.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "worker/engine/bind/binding.h"

namespace sluice::engine {

class Binder {
 public:
  Binder(const Plan& plan, bool keep_nan);

  // First: `before` may be null.
  void remember(const Binding* before);  // rebind.cc
  // The steps of a binding, in this order; each in the order of the plan's steps.
  Result<void> start(const RunArguments& arguments);  // inputs checked, constants known
  Result<void> infer();                               // facts; shape-computing steps folded
  void drop_unwanted();
  void choose_layouts();         // layout_choice.cc
  Result<void> assign_memory();  // storage.cc
  Result<void> bind_kernels();
  std::unique_ptr<Binding> finish();

 private:
  Result<void> infer_step(const Step& step);
  [[nodiscard]] std::span<const Step> branch_of(const Step& step) const;
  void add_widened(BoundStep bound, const OutputFacts& facts);
  std::uint32_t add_slot(DataType datatype, const Shape& dims);
  Result<bool> fold(const Step& step, const OutputFacts& facts);
  [[nodiscard]] std::vector<InputFact> facts_for(const Step& step) const;
  [[nodiscard]] bool has_value(std::uint32_t slot) const;
  void make_view(std::uint32_t slot);
  void own_folded(const Step& step);

  void compare(std::uint32_t value);
  [[nodiscard]] std::size_t number_of(const Step& step) const;
  [[nodiscard]] bool repeats(const Step& step) const;
  void repeat(const Step& step);
  [[nodiscard]] bool looks_the_same(std::uint32_t now, std::uint32_t then) const;
  [[nodiscard]] const BoundStep* bound_before(const BoundStep& step) const;

  std::uint32_t in_layout(std::uint32_t slot, Layout layout, std::vector<BoundStep>& steps);
  void choose_for(BoundStep& step, bool channels_last, std::vector<BoundStep>& steps);
  void follow_channels_last(BoundStep& step, std::size_t rank, std::vector<BoundStep>& steps);
  [[nodiscard]] LayoutRule layout_rule(const BoundStep& step) const;
  [[nodiscard]] std::size_t common_rank(const BoundStep& step, LayoutRule rule) const;

  struct Sides;  // layout_sides.cc
  void take_sides();
  void note_typical(Sides& sides) const;
  void note_side(const BoundStep& step, Sides& sides) const;
  [[nodiscard]] bool read_channels_last(std::uint32_t slot) const;

  // layout_renames.cc
  void drop_passed_on();
  [[nodiscard]] bool passes_on(const BoundStep& step) const;
  [[nodiscard]] std::uint32_t original(std::uint32_t slot) const;
  [[nodiscard]] bool turns_nothing(const BoundStep& step, Layout from, Layout to) const;
  [[nodiscard]] bool counts_places_anew(const BoundStep& step) const;
  bool rename_turned(const BoundStep& step);
  bool rename_places(const BoundStep& step);
  void name_again(std::uint32_t from, std::uint32_t to, Layout layout);

  std::uint32_t root_of(std::uint32_t slot);
  Result<void> name_storages();
  void share_in_place(std::size_t at);
  void place_outputs();
  void place_arena();
  Result<void> note_patches();
  void find_lives();

  const Plan& plan_;
  std::unique_ptr<Binding> binding_;
  const Binding* before_ = nullptr;
  std::vector<bool> same_;                      // by plan value: it looks as it did before
  std::vector<const BoundStep*> steps_before_;  // by plan step; null: not run before
  std::map<std::pair<std::uint32_t, Layout>, std::uint32_t> other_layouts_;
  std::map<std::uint32_t, std::uint32_t> originals_;  // result of a step without effect -> input
  std::vector<bool> sides_;                           // by step: channels-last, if it can
  std::vector<bool> reads_channels_last_;             // by slot: some step does, if it can
  std::map<std::uint32_t, std::uint32_t> widened_;    // slot of a 16-bit float -> as float32
  std::vector<std::uint32_t> output_slots_;           // by wanted output, row-major
  struct Life {
    std::size_t first = ~std::size_t{0};
    std::size_t last = 0;
  };
  std::vector<Life> lives_;  // by root slot, in step positions
};

}  // namespace sluice::engine
