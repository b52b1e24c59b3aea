// Before a loop over sums: they stay in registers only where it is unrolled.

#pragma once

#include <hwy/base.h>

// clang unrolls short loops by itself; told to, it takes minutes for what sanitizers make of them.
#if HWY_COMPILER_GCC_ACTUAL
#define SLUICE_UNROLL HWY_UNROLL(12)
#else
#define SLUICE_UNROLL
#endif
