#include "common/process/durable_file.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "common/process/unique_fd.h"

namespace sluice {
namespace {

Error failure(const std::string& what, int number) {
  return {ErrorCode::unavailable, what + ": " + std::generic_category().message(number)};
}

UniqueFd open_file(const std::string& path, int flags, unsigned mode = 0) {
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, mode));
}

Result<void> write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno != EINTR) {
      return failure("cannot write " + path, errno);
    }
    content.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
  }
  return {};
}

// The name in a folder is durable only once the folder is.
Result<void> sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (!fd || ::fsync(fd.get()) != 0) {
    return failure("cannot sync " + folder, errno);
  }
  return {};
}

}  // namespace

Result<std::optional<std::string>> DurableFile::read() const {
  const UniqueFd fd = open_file(path_, O_RDONLY);
  if (!fd) {
    if (errno == ENOENT) {
      return std::optional<std::string>();
    }
    return failure("cannot read " + path_, errno);
  }
  std::string content(limit_ + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t count = ::read(fd.get(), content.data() + size, content.size() - size);
    if (count < 0 && errno != EINTR) {
      return failure("cannot read " + path_, errno);
    }
    if (count == 0) {
      break;
    }
    size += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  if (size > limit_) {
    return Error{ErrorCode::data_corrupt,
                 path_ + " has more than " + std::to_string(limit_) + " bytes"};
  }
  content.resize(size);
  return std::optional<std::string>(std::move(content));
}

Result<void> DurableFile::write(std::string_view content) const {
  const std::string fresh = path_ + ".new";
  const UniqueFd fd = open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC, mode_);
  if (!fd) {
    return failure("cannot write " + fresh, errno);
  }
  auto written = write_all(fd.get(), content, fresh);
  if (written && ::fsync(fd.get()) != 0) {
    written = failure("cannot write " + fresh, errno);
  }
  if (!written) {
    static_cast<void>(::unlink(fresh.c_str()));
    return written;
  }
  if (::rename(fresh.c_str(), path_.c_str()) != 0) {
    const Error error = failure("cannot replace " + path_, errno);
    static_cast<void>(::unlink(fresh.c_str()));
    return error;
  }
  return sync_folder_of(path_);
}

}  // namespace sluice
