#include "bench/engine/ort_library.h"

#include <cstdlib>
#include <cstring>

#include <dlfcn.h>

namespace sluice::bench {
namespace {

constexpr std::uint32_t kApiVersion = 20;

struct ApiBase {
  void* const* (*get_api)(std::uint32_t version);
  const char* (*version)();
};

std::string loader_error() {
  const char* text = ::dlerror();
  return text == nullptr ? "unknown" : text;
}

}  // namespace

Result<std::unique_ptr<OrtLibrary>> OrtLibrary::open(const std::string& path) {
  // Its builds for Linux send measurements home unless told not to.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread so far.
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Error{ErrorCode::unavailable, loader_error()};
  }
  void* symbol = ::dlsym(library, "OrtGetApiBase");
  if (symbol == nullptr) {
    return Error{ErrorCode::unavailable, loader_error()};
  }
  const ApiBase* (*get_base)() = nullptr;
  std::memcpy(&get_base, &symbol, sizeof get_base);
  const ApiBase* base = get_base();
  std::unique_ptr<OrtLibrary> opened(new OrtLibrary());
  opened->version_ = base->version();
  opened->table_ = base->get_api(kApiVersion);
  if (opened->table_ == nullptr) {
    return Error{
        ErrorCode::unavailable,
        path + " (" + opened->version_ + ") has no API version " + std::to_string(kApiVersion)};
  }
  return opened;
}

Result<void> OrtLibrary::check(OrtStatus* status) const {
  if (status == nullptr) {
    return {};
  }
  using Message = const char* (*)(const OrtStatus*);
  const std::string detail = function<Message>(OrtSlot::error_message)(status);
  release(OrtSlot::release_status, status);
  return Error{ErrorCode::internal, "ONNX Runtime: " + detail};
}

}  // namespace sluice::bench
