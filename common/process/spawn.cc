#include "common/process/spawn.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/check.h"

extern char** environ;  // NOLINT: POSIX's name for it.

namespace sluice {

namespace {

// posix_spawn's two option objects, freed together.
class SpawnOptions {
 public:
  SpawnOptions() {
    SLUICE_CHECK(::posix_spawn_file_actions_init(&actions_) == 0);
    SLUICE_CHECK(::posix_spawnattr_init(&attributes_) == 0);
  }
  SpawnOptions(const SpawnOptions&) = delete;
  SpawnOptions& operator=(const SpawnOptions&) = delete;
  ~SpawnOptions() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  // False when the system refuses a setting.
  bool fill(const SpawnSpec& spec) {
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    const short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
    bool good = ::posix_spawnattr_setsigmask(&attributes_, &none) == 0 &&
                ::posix_spawnattr_setsigdefault(&attributes_, &all) == 0 &&
                ::posix_spawnattr_setpgroup(&attributes_, 0) == 0 &&
                ::posix_spawnattr_setflags(&attributes_, flags) == 0;
    for (const int fd : spec.keep) {
      // Onto itself: clears close-on-exec in the child alone.
      good = good && ::posix_spawn_file_actions_adddup2(&actions_, fd, fd) == 0;
    }
    if (spec.error_output >= 0) {
      good = good &&
             ::posix_spawn_file_actions_adddup2(&actions_, spec.error_output, STDERR_FILENO) == 0;
    }
    return good;
  }

  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::string_view variable_name(std::string_view setting) {
  return setting.substr(0, setting.find('='));
}

std::vector<std::string> merged_environment(const std::vector<std::string>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name = variable_name(*entry);
    const auto replaces = [&](const std::string& other) { return variable_name(other) == name; };
    if (std::none_of(added.begin(), added.end(), replaces)) {
      merged.emplace_back(*entry);
    }
  }
  merged.insert(merged.end(), added.begin(), added.end());
  return merged;
}

std::vector<char*> pointers_into(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& string : strings) {
    pointers.push_back(string.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::string describe(const ProcessExit& exit) {
  if (exit.signal == 0) {
    return "exit code " + std::to_string(exit.code);
  }
  const char* name = ::sigabbrev_np(exit.signal);
  return "killed by signal " + std::to_string(exit.signal) +
         (name != nullptr ? " (SIG" + std::string(name) + ")" : "");
}

Result<Child> spawn(const SpawnSpec& spec) {
  SpawnOptions options;
  if (!options.fill(spec)) {
    return Error{ErrorCode::unavailable, "cannot prepare a child process"};
  }
  std::vector<std::string> arguments = {spec.program.substr(spec.program.find_last_of('/') + 1)};
  arguments.insert(arguments.end(), spec.arguments.begin(), spec.arguments.end());
  std::vector<std::string> environment = merged_environment(spec.environment);
  std::vector<char*> argv = pointers_into(arguments);
  std::vector<char*> envp = pointers_into(environment);
  Child child;
  const int failed = ::posix_spawn(&child.pid,
                                   spec.program.c_str(),
                                   options.actions(),
                                   options.attributes(),
                                   argv.data(),
                                   envp.data());
  if (failed != 0) {
    return Error{ErrorCode::unavailable,
                 "cannot start " + spec.program + ": " + ::strerrordesc_np(failed)};
  }
  // Ours and not reaped: the number cannot belong to anybody else yet.
  child.pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0U)));
  if (!child.pidfd) {
    const int reason = errno;
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
    return Error{ErrorCode::unavailable,
                 std::string("cannot watch a child process: ") + ::strerrordesc_np(reason)};
  }
  return child;
}

std::optional<ProcessExit> reap(const Child& child) {
  siginfo_t info{};
  const auto id = static_cast<id_t>(child.pid);
  int done = -1;
  do {
    done = ::waitid(P_PID, id, &info, WEXITED | WNOHANG);
  } while (done != 0 && errno == EINTR);
  SLUICE_CHECK(done == 0);  // fails only when `child` is not ours or was reaped before
  if (info.si_pid == 0) {
    return std::nullopt;
  }
  if (info.si_code == CLD_EXITED) {
    return ProcessExit{.code = info.si_status, .signal = 0};
  }
  return ProcessExit{.code = 0, .signal = info.si_status};
}

bool send_signal(const Child& child, int signal) {
  return ::syscall(SYS_pidfd_send_signal, child.pidfd.get(), signal, nullptr, 0U) == 0;
}

std::string own_executable() {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  // A file replaced under the running program reads as "... (deleted)"; the link itself still
  // works.
  if (size > 0 && size < static_cast<ssize_t>(sizeof path)) {
    std::string name(path, static_cast<std::size_t>(size));
    if (::access(name.c_str(), X_OK) == 0) {
      return name;
    }
  }
  return "/proc/self/exe";
}

std::string own_host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "host";
}

}  // namespace sluice
