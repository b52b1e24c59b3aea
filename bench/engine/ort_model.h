// A model in ONNX Runtime, for the same bench loop that measures our engine.

#pragma once

#include <memory>
#include <string>

#include "bench/engine/ort_library.h"
#include "common/base/result.h"
#include "worker/model/engine_bench.h"

namespace sluice::bench {

// All graph optimisations, the given number of threads within an operator, one between operators,
// all else as the library has it. `library` must outlive it.
Result<std::unique_ptr<model::BenchEngine>> ort_engine(const OrtLibrary& library);

}  // namespace sluice::bench
