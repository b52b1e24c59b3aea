// One run of a session on named tensors: for the tools and tests, which have no message buffers to
// write into.

#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/engine/engine.h"
#include "worker/model/recorded_value.h"

namespace sluice::model {

// `inputs` in the order of ModelInfo::inputs; `outputs` as indices into ModelInfo::outputs. The
// answer has them in that order, with the model's names.
Result<std::vector<NamedTensor>> run_tensors(engine::Execution& execution,
                                             const ModelInfo& info,
                                             const std::vector<NamedTensor>& inputs,
                                             const std::vector<std::size_t>& outputs,
                                             const std::atomic<bool>* stop = nullptr,
                                             engine::StepObserver* observer = nullptr);

// The same where inputs and outputs may be sequences and optionals; the answers have no names.
Result<std::vector<RecordedValue>> run_values(engine::Execution& execution,
                                              const std::vector<RecordedValue>& inputs,
                                              const std::vector<std::size_t>& outputs,
                                              const std::atomic<bool>* stop = nullptr);

}  // namespace sluice::model
