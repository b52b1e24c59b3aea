// The one exported function of libsluice_engine.so.

#include <memory>
#include <utility>

#include "worker/engine/engine.h"
#include "worker/engine/machine/cpu_targets.h"
#include "worker/engine/plan/optimize.h"
#include "worker/engine/read/inspect.h"
#include "worker/engine/session.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/peak.h"

namespace sluice::engine {
namespace {

class PlanEngine final : public Engine {
 public:
  PlanEngine() {
    auto plain = std::make_shared<Registry>();
    register_all(*plain);
    plain_ = std::move(plain);
  }

  Result<std::unique_ptr<Session>> load(const LoadOptions& options) override {
    SLUICE_TRY(check_cpu_limit());
    if (!options.test_operators) {
      return load_session(options, plain_, {});
    }
    auto with_tests = std::make_shared<Registry>(*plain_);
    register_test_operators(*with_tests);
    return load_session(options, std::move(with_tests), {});
  }

  Result<Inspection> inspect(const std::string& path) override {
    SLUICE_TRY_ASSIGN(Model model, read_model(path));
    return engine::inspect(std::move(model), plain_);
  }

  Result<Optimization> optimize(const std::string& path) override {
    SLUICE_TRY_ASSIGN(Model model, read_model(path));
    auto made = engine::optimize(std::move(model), *plain_);
    return made ? std::move(made) : with_context(std::move(made).error(), "'" + path + "'");
  }

  [[nodiscard]] MachinePeak measure_peak() override {
    return {.gflops = simd::peak_gflops(), .gb_per_s = simd::peak_gb_per_s()};
  }

 private:
  std::shared_ptr<const Registry> plain_;
};

}  // namespace
}  // namespace sluice::engine

extern "C" __attribute__((visibility("default"))) sluice::engine::Engine* sluice_engine_open(
    std::uint32_t abi) {
  return abi == sluice::engine::kAbi ? new sluice::engine::PlanEngine : nullptr;
}
