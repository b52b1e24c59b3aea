// The functions of libgomp that oneDNN calls, over the engine's own threads.
//
// Debian's oneDNN is built for OpenMP. Its calls come here and not to libgomp, which stays loaded
// and starts no thread, because the dynamic linker finds these first: libsluice_engine.so exports
// them (exports.map) and comes before libgomp where it looks for what libdnnl.so needs; programs
// that have the engine linked in export them too (CMakeLists.txt), and come before every library.

#pragma once

#include <cstdint>

namespace sluice::engine {

// Regions that oneDNN has opened on this thread.
[[nodiscard]] std::uint64_t openmp_region_count();

}  // namespace sluice::engine
