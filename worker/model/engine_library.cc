// The door to the engine's shared library: dlopen, the ABI check, nothing else.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include <dlfcn.h>

#include "worker/engine/engine.h"

namespace sluice::engine {

Result<std::unique_ptr<Engine>> open_engine(const std::string& library) {
  // Never closed: its threads and static objects live as long as the process.
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    return Error{
        ErrorCode::unavailable,
        std::string("cannot open the engine library: ") + (reason != nullptr ? reason : "")};
  }
  // NOLINTNEXTLINE: dlsym gives functions as void*.
  const auto open = reinterpret_cast<OpenFunction>(::dlsym(handle, kOpenFunction));
  if (open == nullptr) {
    return Error{ErrorCode::unavailable, "the engine library has no " + std::string(kOpenFunction)};
  }
  std::unique_ptr<Engine> engine(open(kAbi));
  if (engine == nullptr) {
    return Error{ErrorCode::unavailable,
                 "the engine library is of another version than this program"};
  }
  return engine;
}

std::string default_library() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): read once, before any thread is started.
  if (const char* path = std::getenv("SLUICE_ENGINE_LIBRARY"); path != nullptr && *path != '\0') {
    return path;
  }
  std::error_code ignored;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return (self.parent_path() / "libsluice_engine.so").string();
}

}  // namespace sluice::engine
