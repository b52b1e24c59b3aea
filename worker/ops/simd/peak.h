// What a core can do at most, for profiles to compare with: measured by loops that do nothing else.

#pragma once

namespace sluice::engine::simd {

// 10^9 float32 multiplications and additions a second, with the widest vectors there are.
double peak_gflops();
// 10^9 bytes a second, read from memory that no cache holds.
double peak_gb_per_s();

}  // namespace sluice::engine::simd
