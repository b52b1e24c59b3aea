#include "tests/support/process.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/check.h"

namespace sluice::test {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : more) {
      replaced = replaced || (text.starts_with(name) && text.substr(name.size(), 1) == "=");
    }
    if (!replaced) {
      all.push_back(text);
    }
  }
  for (const auto& [name, value] : more) {
    all.push_back(name + "=" + value);
  }
  return all;
}

}  // namespace

Process::Process(const ProcessSpec& spec) {
  posix_spawn_file_actions_t actions;
  SLUICE_CHECK(::posix_spawn_file_actions_init(&actions) == 0);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, (dir_ / "out").c_str(), kFlags, 0600);
  ::posix_spawn_file_actions_addopen(&actions, 2, (dir_ / "err").c_str(), kFlags, 0600);
  for (const auto& [ours, theirs] : spec.descriptors) {
    ::posix_spawn_file_actions_adddup2(&actions, ours, theirs);
  }
  std::vector<std::string> arguments = spec.arguments;
  std::vector<std::string> environment = environment_with(spec.environment);
  const int failure = ::posix_spawn(&pid_,
                                    arguments.front().c_str(),
                                    &actions,
                                    nullptr,
                                    pointers_to(arguments).data(),
                                    pointers_to(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  SLUICE_CHECK(failure == 0);
  pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  SLUICE_CHECK(pidfd_ >= 0);
}

Process::~Process() {
  if (running()) {
    signal(SIGKILL);
    wait(std::chrono::seconds(30));
  }
  ::close(pidfd_);
}

void Process::signal(int number) const {
  if (!status_) {
    ::kill(pid_, number);
  }
}

std::optional<ExitStatus> Process::wait(std::chrono::milliseconds limit) {
  if (status_) {
    return status_;
  }
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd ended{.fd = pidfd_, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready > 0) {
      break;
    }
    if (ready == 0 || errno != EINTR) {
      return std::nullopt;
    }
  }
  int status = 0;
  SLUICE_CHECK(::waitpid(pid_, &status, 0) == pid_);
  status_ = WIFEXITED(status) ? ExitStatus{.code = WEXITSTATUS(status)}
                              : ExitStatus{.signal = WTERMSIG(status)};
  return status_;
}

bool Process::running() {
  return !wait(std::chrono::milliseconds(0));
}

Pipe::Pipe() {
  int ends[2] = {-1, -1};
  SLUICE_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  read = ends[0];
  write = ends[1];
}

Pipe::~Pipe() {
  ::close(read);
  close_write();
}

void Pipe::close_write() {
  if (write >= 0) {
    ::close(write);
    write = -1;
  }
}

}  // namespace sluice::test
