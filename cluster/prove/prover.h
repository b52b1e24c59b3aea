// prove-swap: swaps of a model on a running cluster under load, with quiet windows between, and
// what its clients felt. One thread, one poll loop for the load and for the cluster's admin paths.
//
//   capacity (closed loop) → memory → open loop: quiet, swap, quiet, swap, ... quiet → put back →
//   memory
//
// A swap's window begins with the order and ends a moment after the replaced version's processes
// are gone (or kept warm), so that what their end costs is counted to the swap. Without swaps of
// its own it watches for those that others make, a changed folder for one.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cluster/prove/progress.h"
#include "cluster/prove/report.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/infer.h"

namespace sluice::cluster {

struct ProveOptions {
  std::string model;
  std::string url = "http://127.0.0.1:8000";
  std::size_t swaps = 10;  // 0: load alone, for `quiet`
  double rate = 0;         // requests a second; 0: half of the measured capacity
  std::size_t connections = 64;
  Duration quiet = std::chrono::seconds(2);     // before each swap and after the last
  Duration warm = std::chrono::seconds(1);      // of a load before anything is measured
  Duration capacity = std::chrono::seconds(3);  // how long that is measured
  std::optional<Duration> timeout;              // of a request; absent: the server's default
  std::vector<std::string> inputs;  // as of `sluice infer`; empty: as `sluice bench engine`
};

// `interrupt`: a descriptor that becomes readable when the run shall end early (the model is put
// back all the same); -1: none. An error: nothing was changed.
Result<Findings> prove_swap(const ProveOptions& options, int interrupt, Progress& progress);

}  // namespace sluice::cluster
