#include "worker/engine/plan/optimize.h"

#include <utility>

#include "worker/engine/plan/plan.h"
#include "worker/engine/plan/writer.h"

namespace sluice::engine {
namespace {

using Counts = std::map<std::string, std::int64_t>;

Counts operators_of(const Plan& plan) {
  Counts counts;
  for (const Step& step : plan.steps) {
    const Node& node = step.node;
    ++counts[node.domain.empty() ? node.op_type : node.domain + "." + node.op_type];
  }
  return counts;
}

Counts difference(Counts after, const Counts& before) {
  for (const auto& [name, count] : before) {
    after[name] -= count;
  }
  std::erase_if(after, [](const auto& entry) { return entry.second == 0; });
  return after;
}

}  // namespace

Result<Optimization> optimize(Model model, const Registry& registry) {
  const FileFacts facts = std::move(model.facts);
  // The constants point into the files until they are written.
  const std::vector<MappedFile> files = std::move(model.files);
  const auto opset = facts.opsets.find("");
  SLUICE_TRY_ASSIGN(Plan plan, read_plan(std::move(model), registry));
  plan.file_opset = opset == facts.opsets.end() ? 0 : opset->second;
  Optimization made{.nodes = plan.steps.size()};
  const auto pass = [&](const char* name, auto&& run) -> Result<void> {
    const Counts before = operators_of(plan);
    SLUICE_TRY(run());
    made.passes.push_back({.name = name,
                           .nodes = plan.steps.size(),
                           .changes = difference(operators_of(plan), before)});
    return {};
  };
  const auto always = [](auto&& run) {
    run();
    return Result<void>();
  };
  SLUICE_TRY(pass("compute what is constant", [&] { return fold_constants(plan, true); }));
  SLUICE_TRY(pass("compute on bytes", [&] { return take_quantized_patterns(plan, registry); }));
  SLUICE_TRY(pass("compute what became constant", [&] { return fold_constants(plan, false); }));
  SLUICE_TRY(
      pass("drop what nobody reads", [&] { return always([&] { drop_dead_steps(plan); }); }));
  SLUICE_TRY(infer_typical(plan));
  SLUICE_TRY(
      pass("drop what changes nothing", [&] { return always([&] { drop_identities(plan); }); }));
  SLUICE_TRY(pass("compute once what is the same",
                  [&] { return always([&] { merge_duplicates(plan); }); }));
  SLUICE_TRY(pass("find operators written out", [&] { return take_patterns(plan, registry); }));
  SLUICE_TRY(pass("pad within windows", [&] { return take_padding(plan, registry); }));
  SLUICE_TRY(pass("join what only moves", [&] { return take_part_chains(plan, registry); }));
  SLUICE_TRY(pass("scale weights by what follows", [&] { return fold_batch_norms(plan); }));
  SLUICE_TRY_ASSIGN(made.file, write_model(plan, facts, registry));
  return made;
}

}  // namespace sluice::engine
