#include "worker/engine/session.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "common/tensor/buffer.h"
#include "worker/engine/machine/memory_bound.h"
#include "worker/engine/machine/parallel.h"
#include "worker/engine/read/reader.h"
#include "worker/engine/run/runner.h"

namespace sluice::engine {
namespace {

// What sessions and their executions share: an execution may outlive the session's handle.
struct Shared {
  std::shared_ptr<const Registry> registry;
  Plan plan;
  int threads = 1;
  std::shared_ptr<MemoryBudget> memory;  // null: what there is
};

class PlanExecution final : public Execution {
 public:
  explicit PlanExecution(std::shared_ptr<const Shared> shared)
      : shared_(std::move(shared)), runner_(shared_->plan) {}

  Result<void> run(const RunArguments& arguments) override {
    set_team_size(shared_->threads);
    const MemoryLimit limit(shared_->memory);
    try {
      return runner_.run(arguments);
    } catch (const std::bad_alloc&) {
      return Error{ErrorCode::resource_exhausted, "no memory for this request"};
    }
  }

  [[nodiscard]] BindingFigures figures() const {
    const Binding* binding = runner_.binding();
    return binding == nullptr ? BindingFigures{}
                              : BindingFigures{.steps = binding->step_count(),
                                               .reorders = binding->reorder_count(),
                                               .reordered_bytes = binding->reordered_bytes(),
                                               .arena_bytes = runner_.arena_size()};
  }

 private:
  std::shared_ptr<const Shared> shared_;
  Runner runner_;
};

// A file may claim any size with a hole in it.
std::size_t size_of_constants(const Graph& graph) {
  constexpr std::size_t kMost = std::size_t{1} << 60;
  std::size_t bytes = 0;
  for (const auto& [value, constant] : graph.constants) {
    if (constant->datatype() == DataType::string) {
      continue;  // read already
    }
    const auto size = byte_count(constant->datatype(), constant->dims());
    bytes += size ? std::min(*size, kMost - bytes) : 0;
  }
  return bytes;
}

class PlanSession final : public Session {
 public:
  explicit PlanSession(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}
  [[nodiscard]] const ModelInfo& info() const override { return shared_->plan.info; }
  [[nodiscard]] bool rows_independent() const override { return shared_->plan.rows_independent; }
  [[nodiscard]] std::vector<std::vector<std::string>> input_symbols() const override {
    std::vector<std::vector<std::string>> symbols;
    for (const Declared& input : shared_->plan.inputs) {
      symbols.push_back(input.symbols);
    }
    return symbols;
  }
  [[nodiscard]] ValueForm input_form(std::size_t input) const override {
    return {.form = shared_->plan.inputs[input].form};
  }
  [[nodiscard]] ValueForm output_form(std::size_t output) const override {
    return shared_->plan.output_forms[output];
  }
  [[nodiscard]] std::unique_ptr<Execution> new_execution() const override {
    return std::make_unique<PlanExecution>(shared_);
  }

 private:
  std::shared_ptr<const Shared> shared_;
};

Result<std::unique_ptr<Session>> make_within(std::shared_ptr<MemoryBudget> memory,
                                             Model model,
                                             int threads,
                                             std::shared_ptr<const Registry> registry,
                                             const PlanOptions& plan_options) {
  set_team_size(threads);
  auto shared = std::make_shared<Shared>();
  shared->threads = std::max(threads, 1);
  const MemoryLimit limit(memory);
  shared->memory = std::move(memory);
  // The files stay mapped until every constant has been packed or copied.
  const std::vector<MappedFile> files = std::move(model.files);
  SLUICE_TRY(check_memory(size_of_constants(model.graph), "the weights"));
  try {
    SLUICE_TRY_ASSIGN(shared->plan, build_plan(std::move(model), *registry, plan_options));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::resource_exhausted, "no memory for the model"};
  }
  shared->registry = std::move(registry);
  return std::unique_ptr<Session>(std::make_unique<PlanSession>(std::move(shared)));
}

}  // namespace

Result<std::unique_ptr<Session>> make_session(Model model,
                                              int threads,
                                              std::shared_ptr<const Registry> registry,
                                              const PlanOptions& plan_options) {
  return make_within(make_budget(plan_options.memory_bytes),
                     std::move(model),
                     threads,
                     std::move(registry),
                     plan_options);
}

Result<std::unique_ptr<Session>> load_session(const LoadOptions& options,
                                              std::shared_ptr<const Registry> registry,
                                              const PlanOptions& plan_options) {
  auto memory = make_budget(options.memory_bytes);
  const MemoryLimit limit(memory);
  PlanOptions wanted = plan_options;
  SLUICE_TRY_ASSIGN(wanted.without, families_named(options.without));
  SLUICE_TRY_ASSIGN(Model model, read_model(options.path));
  if (options.any_shapes) {
    for (Declared& input : model.graph.inputs) {
      if (input.form == Form::map_keys || input.form == Form::map_values) {
        continue;
      }
      input.has_shape = false;
      input.dims.clear();
      input.symbols.clear();
    }
  }
  wanted.any_forms = options.any_forms;
  wanted.memory_bytes = options.memory_bytes;
  auto session = make_within(
      std::move(memory), std::move(model), options.threads, std::move(registry), wanted);
  if (!session) {
    return with_context(std::move(session).error(), "'" + options.path + "'");
  }
  return session;
}

BindingFigures figures_of(const Execution& execution) {
  return dynamic_cast<const PlanExecution&>(execution).figures();
}

}  // namespace sluice::engine
