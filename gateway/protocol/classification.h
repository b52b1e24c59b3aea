// Triton's classification extension: an output as its best classes, "VALUE:INDEX" or
// "VALUE:INDEX:LABEL".

#pragma once

#include "common/base/result.h"
#include "common/link/infer.h"
#include "gateway/protocol/class_labels.h"
#include "gateway/protocol/reply_hints.h"

namespace sluice::gateway {

// A string tensor [min(k,C)], or [batch, min(k,C)] with form.class_per_row: the k = form.classes
// largest of each row of C values, descending, equal ones by index, NaN last. Floats are printed
// with six decimals; a class that has one carries its label. invalid_argument for strings, FP16,
// BF16 and more than limits::kClassificationElements elements. The tensor must have passed
// check_output.
Result<NamedTensor> best_classes(const NamedTensor& tensor,
                                 const OutputForm& form,
                                 const LabelList* labels = nullptr);

}  // namespace sluice::gateway
