#include "worker/engine/read/mapped_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::engine {
namespace {

Error cannot_open(const std::string& shown, int code) {
  const ErrorCode kind =
      code == ENOENT || code == ENOTDIR ? ErrorCode::not_found : ErrorCode::unavailable;
  return {kind, "cannot open '" + shown + "': " + std::system_category().message(code)};
}

}  // namespace

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) {
    // munmap takes the address as it was given; it does not write.
    ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
}

// Takes the descriptor over.
Result<MappedFile> MappedFile::map(int fd, const std::string& shown) {
  struct stat status {};
  const bool known = ::fstat(fd, &status) == 0;
  void* address = nullptr;
  int code = errno;
  const bool regular = known && S_ISREG(status.st_mode);
  const auto size = regular ? static_cast<std::size_t>(status.st_size) : 0;
  if (size > 0) {
    address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    code = errno;
  }
  ::close(fd);
  if (known && !regular) {
    return Error{ErrorCode::invalid_argument, "'" + shown + "' is not a regular file"};
  }
  if (known && size == 0) {
    return Error{ErrorCode::data_corrupt, "'" + shown + "' is empty"};
  }
  if (!known || address == MAP_FAILED) {
    return cannot_open(shown, code);
  }
  MappedFile file;
  file.bytes_ = {static_cast<const std::byte*>(address), size};
  return file;
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return cannot_open(path, errno);
  }
  return map(fd, path);
}

Result<MappedFile> MappedFile::open_below(const std::string& folder, const std::string& location) {
  const int directory =
      ::open(folder.empty() ? "." : folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    return cannot_open(folder, errno);
  }
  // The kernel itself refuses a path, or a link on it, that leaves the folder.
  struct open_how how {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, directory, location.c_str(), &how, sizeof(how));
  const int code = errno;
  ::close(directory);
  if (fd < 0 && code == EXDEV) {
    return Error{ErrorCode::data_corrupt,
                 "external data '" + location + "' is outside of the model's folder"};
  }
  if (fd < 0) {
    return cannot_open(location, code);
  }
  return map(static_cast<int>(fd), location);
}

}  // namespace sluice::engine
