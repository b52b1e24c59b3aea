// ONNX Runtime through its C ABI: the shared library of the npm package onnxruntime-node, opened at
// run time, called through its table of functions. The package has no header; the numbers of the
// slots are facts of the ABI, which is append-only (API version 20 and newer).

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "common/base/result.h"

namespace sluice::bench {

// Opaque objects of the library.
struct OrtEnv;
struct OrtSession;
struct OrtSessionOptions;
struct OrtStatus;
struct OrtValue;
struct OrtTypeInfo;
struct OrtTensorInfo;
struct OrtMemoryInfo;
struct OrtAllocator;

// Places in the library's table of functions.
enum class OrtSlot : std::uint8_t {
  error_message = 2,
  create_env = 3,
  create_session = 7,
  run = 9,
  create_options = 10,
  set_optimization = 23,
  set_intra_threads = 24,
  set_inter_threads = 25,
  input_count = 30,
  output_count = 31,
  input_type = 33,
  output_type = 34,
  input_name = 36,
  output_name = 37,
  create_tensor = 48,
  create_tensor_with_data = 49,
  tensor_data = 51,
  fill_strings = 52,
  string_length = 53,
  string_content = 54,
  tensor_info_of_type = 55,
  kind_of_type = 56,
  element_type = 60,
  rank = 61,
  dims = 62,
  symbols = 63,
  tensor_info = 65,
  kind_of_value = 67,
  create_memory_info = 69,
  free_memory = 76,
  default_allocator = 78,
  release_env = 92,
  release_status = 93,
  release_memory_info = 94,
  release_session = 95,
  release_value = 96,
  release_type = 98,
  release_tensor_info = 99,
  release_options = 100,
};

// The functions that we call. One per process; never closed.
class OrtLibrary {
 public:
  // unavailable, with the loader's words or the API version that is missing.
  static Result<std::unique_ptr<OrtLibrary>> open(const std::string& path);

  [[nodiscard]] const std::string& version() const noexcept { return version_; }

  // Calls the function in `slot`; an error has the library's words.
  template <class... Arguments>
  Result<void> call(OrtSlot slot, Arguments... arguments) const {
    using Function = OrtStatus* (*)(Arguments...);
    return check(function<Function>(slot)(arguments...));
  }
  // The functions that return nothing: those that release an object.
  template <class Object>
  void release(OrtSlot slot, Object* object) const {
    using Function = void (*)(Object*);
    if (object != nullptr) {
      function<Function>(slot)(object);
    }
  }

 private:
  OrtLibrary() = default;
  template <class Function>
  [[nodiscard]] Function function(OrtSlot slot) const {
    Function found = nullptr;
    std::memcpy(&found, table_ + static_cast<std::size_t>(slot), sizeof found);
    return found;
  }
  [[nodiscard]] Result<void> check(OrtStatus* status) const;

  void* const* table_ = nullptr;
  std::string version_;
};

}  // namespace sluice::bench
