// TempDir: a folder that is gone with its object. Its path is short enough for ipc sockets.

#pragma once

#include <string>
#include <string_view>

namespace sluice::test {

class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const;
  // Writes a file and returns its path; folders in `name` are made.
  [[nodiscard]] std::string write(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
};

// The whole file; empty when it cannot be read.
std::string read_file(const std::string& path);

}  // namespace sluice::test
