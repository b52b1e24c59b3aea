// DurableFile: a small file that is replaced as a whole, so that whoever reads it after a crash, a
// kill or a power cut finds what was written last or what was there before, never a mixture.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace sluice {

class DurableFile {
 public:
  static constexpr unsigned kOwnerAlone = 0600;
  static constexpr unsigned kAsUmaskSays = 0666;

  // `path` names the file; beside it a write makes `path` + ".new", which a crash may leave behind
  // and the next write replaces. `limit` is the most bytes read() accepts; `mode` is a new file's,
  // less the umask.
  DurableFile(std::string path, std::size_t limit, unsigned mode = kOwnerAlone)
      : path_(std::move(path)), limit_(limit), mode_(mode) {}

  // Nothing: there is no such file. unavailable with the system's words; data_corrupt when it is
  // longer than the limit.
  [[nodiscard]] Result<std::optional<std::string>> read() const;

  // Returns once the kernel says that content and name are on the disk. After an error the old
  // content is still there. unavailable with the system's words ("No space left on device").
  [[nodiscard]] Result<void> write(std::string_view content) const;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  std::size_t limit_;
  unsigned mode_;
};

}  // namespace sluice
