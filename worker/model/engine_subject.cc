// Our engine, as the bench loop sees it.

#include <utility>

#include "worker/model/engine_bench.h"
#include "worker/model/engine_run.h"

namespace sluice::model {
namespace {

class OurModel final : public BenchModel {
 public:
  explicit OurModel(std::unique_ptr<engine::Session> session)
      : session_(std::move(session)), execution_(session_->new_execution()) {
    for (std::size_t i = 0; i < info().outputs.size(); ++i) {
      wanted_.push_back(i);
    }
  }

  [[nodiscard]] const ModelInfo& info() const override { return session_->info(); }
  [[nodiscard]] std::vector<std::vector<std::string>> symbols() const override {
    return session_->input_symbols();
  }
  Result<void> use(std::vector<InputSet> sets) override {
    sets_ = std::move(sets);
    return {};
  }
  Result<void> run(std::size_t set) override {
    SLUICE_TRY(run_tensors(*execution_, info(), sets_[set], wanted_));
    return {};
  }
  Result<void> observe(std::size_t set, engine::StepObserver& observer) override {
    SLUICE_TRY(run_tensors(*execution_, info(), sets_[set], wanted_, nullptr, &observer));
    return {};
  }
  Result<void> step(std::size_t set, const std::vector<Feedback>& feedback) override {
    if (set > 0) {
      for (const Feedback& pair : feedback) {
        std::string name = std::move(sets_[set][pair.input].name);
        sets_[set][pair.input] = std::move(last_[pair.output]);
        sets_[set][pair.input].name = std::move(name);
      }
    }
    if (set > 1) {
      sets_[set - 1].clear();  // nobody keeps the pasts of all steps; outputs() may want the first
    }
    SLUICE_TRY_ASSIGN(last_, run_tensors(*execution_, info(), sets_[set], wanted_));
    return {};
  }
  Result<std::vector<NamedTensor>> outputs(std::size_t set) override {
    return run_tensors(*execution_, info(), sets_[set], wanted_);
  }

 private:
  std::unique_ptr<engine::Session> session_;
  std::unique_ptr<engine::Execution> execution_;
  std::vector<std::size_t> wanted_;
  std::vector<InputSet> sets_;
  std::vector<NamedTensor> last_;
};

class OurEngine final : public BenchEngine {
 public:
  OurEngine(engine::Engine& engine, std::vector<std::string> without)
      : engine_(&engine), without_(std::move(without)) {}
  Result<std::unique_ptr<BenchModel>> load(const std::string& path, int threads) override {
    SLUICE_TRY_ASSIGN(std::unique_ptr<engine::Session> session,
                      engine_->load({.path = path, .threads = threads, .without = without_}));
    return std::unique_ptr<BenchModel>(std::make_unique<OurModel>(std::move(session)));
  }

 private:
  engine::Engine* engine_;
  std::vector<std::string> without_;
};

}  // namespace

std::unique_ptr<BenchEngine> bench_engine_of(engine::Engine& engine,
                                             std::vector<std::string> without) {
  return std::make_unique<OurEngine>(engine, std::move(without));
}

}  // namespace sluice::model
