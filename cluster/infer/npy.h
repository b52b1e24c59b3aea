// Tensors as numpy's .npy files (format versions 1 to 3:
// https://numpy.org/doc/stable/reference/generated/ numpy.lib.format.html). Pure. Safe on hostile
// bytes. Little-endian numbers and booleans in C order; text, objects, big-endian and Fortran order
// are refused with what to do about it.

#pragma once

#include <string>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "common/tensor/buffer.h"

namespace sluice::cluster {

// The tensor of a whole file, without a name. Its data is a slice of `file`.
// data_corrupt: not such a file. unsupported: one that holds something else than plain numbers.
Result<NamedTensor> read_npy(const Buffer& file);

// The file's bytes. unsupported for a datatype numpy has no name for (strings, bfloat16).
Result<std::string> npy_bytes(const NamedTensor& tensor);

}  // namespace sluice::cluster
