// MappedFile: a file's bytes without reading them.

#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "common/base/result.h"

namespace sluice::engine {

// Read-only and private. Move-only; unmapped on destruction.
class MappedFile {
 public:
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  // not_found, unavailable (not readable), invalid_argument (not a regular file), data_corrupt
  // (empty). The sentence names `path` as given.
  static Result<MappedFile> open(const std::string& path);
  // The same for a file named by a model: `location` is relative to the folder `folder`, below
  // which it must stay, whatever links there are on the way.
  static Result<MappedFile> open_below(const std::string& folder, const std::string& location);

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  static Result<MappedFile> map(int fd, const std::string& shown);
  std::span<const std::byte> bytes_;
};

}  // namespace sluice::engine
