// What prove-swap found, for people and for programs, and the verdict. Pure.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/prove/comparison.h"
#include "cluster/prove/ledger.h"
#include "cluster/prove/memory_use.h"
#include "common/base/time.h"

namespace sluice::cluster {

struct SwapRecord {
  std::int64_t from = 0;
  std::int64_t to = 0;
  bool done = false;                  // else it was rolled back
  std::string reason{};               // of that
  Duration took{};                    // from the order to "done"
  std::optional<MemoryUse> memory{};  // once what was replaced has ended
};

struct Findings {
  std::string model;
  std::string url;
  std::vector<std::int64_t> versions;  // the two; one with no swaps
  std::size_t connections = 0;
  std::size_t request_bytes = 0;
  double capacity = 0;  // answers a second, closed loop; 0: not measured
  double rate = 0;      // requests a second, open loop
  std::size_t swaps_wanted = 0;
  std::vector<SwapRecord> swaps;  // with no swaps wanted: those that others made
  Totals totals;
  Histogram quiet_a;
  Histogram quiet_b;
  Histogram during;
  std::uint64_t failed_quiet = 0;
  std::uint64_t failed_during = 0;
  Comparison comparison;
  std::vector<Second> seconds;
  double started_s = 0;  // CLOCK_MONOTONIC
  std::optional<MemoryUse> before;
  std::optional<MemoryUse> after;
  std::string memory_left_out;  // why there is no memory
  std::string trouble;          // what ended the run early
  std::string not_put_back;     // why
  bool interrupted = false;
};

// Why this is not a pass; empty: it is one.
std::vector<std::string> objections(const Findings& findings);

std::string report_text(const Findings& findings);
std::string report_json(const Findings& findings);

}  // namespace sluice::cluster
