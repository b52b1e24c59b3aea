// Shared by the files of this folder that include oneDNN; by nobody else.

#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <dnnl.hpp>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"

namespace sluice::engine::detail {

// One for the process; creating it costs nothing worth sharing by hand.
const dnnl::engine& cpu_engine();

// The tail's activation (and residual as sum) as post-ops; scratch memory is the caller's.
dnnl::primitive_attr attributes_for(const Tail& tail);

// A primitive with its arguments in place: run() sets addresses and executes, without allocating on
// our side. Not for two threads at once.
class BoundPrimitive {
 public:
  struct Argument {
    int name;  // DNNL_ARG_...
    dnnl::memory::desc desc;
  };
  BoundPrimitive(dnnl::primitive primitive, std::span<const Argument> arguments);

  // `addresses` in the order of the arguments.
  void run(std::span<void* const> addresses);
  // oneDNN's name of what it chose, "brgconv:avx2" or the like; valid for ever.
  [[nodiscard]] const char* implementation() const;

 private:
  dnnl::primitive primitive_;
  dnnl::stream stream_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
};

// Memory of oneDNN's own layout that is made once and only read afterwards.
dnnl::memory reordered(const void* from,
                       const dnnl::memory::desc& from_desc,
                       const dnnl::memory::desc& to_desc);

}  // namespace sluice::engine::detail
