#include "cluster/serve/run_dir.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"

namespace sluice::cluster {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLockFile = "serve.lock";
constexpr int kTries = 10;
// The longest name among those in a run directory; shards are at most three digits.
constexpr std::string_view kLongestSocket = "/shard-255.sock";

Error failure(const std::string& what, int reason) {
  return {ErrorCode::unavailable, what + ": " + ::strerrordesc_np(reason)};
}

// The pid that the lock's holder wrote; "another process" when it cannot be read.
std::string holder_of(int fd) {
  char text[32] = {};
  const ssize_t count = ::pread(fd, text, sizeof text - 1, 0);
  std::string pid(text, count > 0 ? static_cast<std::size_t>(count) : 0);
  pid.resize(std::min(pid.find_first_not_of("0123456789"), pid.size()));
  return pid.empty() ? "another process" : "process " + pid;
}

Result<void> lock_or_name_holder(int fd, const std::string& run_dir) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) {
    return {};
  }
  if (errno != EWOULDBLOCK) {
    return failure("cannot lock " + run_dir, errno);
  }
  return Error{ErrorCode::unavailable,
               "another sluice serve (" + holder_of(fd) + ") uses the run directory " + run_dir +
                   ": stop it, or choose another --run-dir"};
}

}  // namespace

std::string default_run_dir() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread exists.
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime != '\0') {
    return std::string(runtime) + "/sluice";
  }
  return "/tmp/sluice-" + std::to_string(::geteuid());
}

std::string state_file_in(const std::string& run_dir, const std::vector<std::string>& sources) {
  // FNV-1a, 64 bit (draft-eastlake-fnv, section 2): names a file, protects nothing.
  std::uint64_t key = 0xcbf29ce484222325U;
  for (const std::string& source : sources) {
    std::error_code ignored;
    for (const char c : fs::weakly_canonical(source, ignored).string() + '\n') {
      key = (key ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
  }
  char name[32];
  static_cast<void>(std::snprintf(
      name, sizeof name, "/state-%016llx.json", static_cast<unsigned long long>(key)));
  return run_dir + name;
}

Result<void> prepare_run_dir(const std::string& run_dir) {
  if (run_dir.size() + kLongestSocket.size() > limits::kIpcPathBytes) {
    return Error{ErrorCode::invalid_argument,
                 "the run directory's path has " + std::to_string(run_dir.size()) +
                     " bytes, at most " +
                     std::to_string(limits::kIpcPathBytes - kLongestSocket.size()) +
                     " leave room for its sockets: choose a shorter --run-dir"};
  }
  if (::mkdir(run_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return failure("cannot make the run directory " + run_dir, errno);
  }
  struct stat status {};
  if (::stat(run_dir.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return Error{ErrorCode::unavailable, "the run directory " + run_dir + " is not a folder"};
  }
  if (status.st_uid != ::geteuid()) {
    return Error{ErrorCode::unavailable,
                 "the run directory " + run_dir + " belongs to user " +
                     std::to_string(status.st_uid) + ", not to " + std::to_string(::geteuid())};
  }
  return {};
}

Result<RunLock> RunLock::take(const std::string& run_dir) {
  const std::string path = run_dir + "/" + kLockFile;
  // A holder that is just leaving removes the file and the directory under us: then once more.
  for (int turn = 0; turn < kTries; ++turn) {
    SLUICE_TRY(prepare_run_dir(run_dir));
    UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file && errno == ENOENT) {
      continue;
    }
    if (!file) {
      return failure("cannot open " + path, errno);
    }
    SLUICE_TRY(lock_or_name_holder(file.get(), run_dir));
    struct stat locked {};
    struct stat present {};
    if (::fstat(file.get(), &locked) != 0 || ::stat(path.c_str(), &present) != 0 ||
        locked.st_ino != present.st_ino) {
      continue;
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file.get(), 0) != 0 ||
        ::pwrite(file.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
      return failure("cannot write " + path, errno);
    }
    return RunLock(std::move(file));
  }
  return Error{ErrorCode::unavailable, "the run directory " + run_dir + " does not stay"};
}

void clean_run_dir(const std::string& run_dir) {
  std::error_code ignored;
  std::vector<fs::path> ours;
  for (fs::directory_iterator at(run_dir, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    const std::string extension = at->path().extension().string();
    if (extension == ".sock" || extension == ".lock") {
      ours.push_back(at->path());
    }
  }
  for (const fs::path& path : ours) {
    fs::remove(path, ignored);
  }
  fs::remove(run_dir, ignored);  // only when it is empty
}

}  // namespace sluice::cluster
