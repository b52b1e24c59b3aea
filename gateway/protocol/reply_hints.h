// ReplyHints: what an adapter must remember of a request to answer it in the caller's form. Written
// by decode and read by encode of the same adapter; everybody else only carries it.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::gateway {

// How the caller wants one output.
struct OutputForm {
  std::string name;
  bool binary = false;         // as bytes after the JSON, not as JSON numbers
  std::uint32_t classes = 0;   // classification: the best so many; 0: the tensor itself
  bool class_per_row = false;  // classification: axis 0 is the batch
};

struct ReplyHints {
  std::string id;                   // of the caller; empty: none given, none returned
  std::vector<OutputForm> outputs;  // those that the caller named
  bool binary = false;              // the form of an output that is not in `outputs`
};

}  // namespace sluice::gateway
