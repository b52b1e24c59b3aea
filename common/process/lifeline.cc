#include "common/process/lifeline.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice {

namespace {

Error last_failure() {
  return {ErrorCode::unavailable,
          std::string("cannot arm the lifeline: ") + ::strerrordesc_np(errno)};
}

}  // namespace

Result<LifelinePipe> make_lifeline() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return Error{ErrorCode::unavailable,
                 std::string("cannot make a pipe: ") + ::strerrordesc_np(errno)};
  }
  LifelinePipe pipe;
  pipe.give = UniqueFd(ends[0]);
  pipe.keep = UniqueFd(ends[1]);
  return pipe;
}

Result<void> guard_with_lifeline(int give, pid_t child) {
  // Input or end of file on the pipe becomes SIGKILL for the child (fcntl(2), F_SETSIG).
  const int flags = ::fcntl(give, F_GETFL);
  const bool armed = flags >= 0 && ::fcntl(give, F_SETSIG, SIGKILL) == 0 &&
                     ::fcntl(give, F_SETOWN, child) == 0 &&
                     ::fcntl(give, F_SETFL, flags | O_ASYNC) == 0;
  return armed ? Result<void>() : Result<void>(last_failure());
}

Result<void> hold_lifeline(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) {
    return Error{ErrorCode::invalid_argument,
                 "the lifeline (descriptor " + std::to_string(fd) + ") is not a pipe"};
  }
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return last_failure();
  }
  SLUICE_TRY(guard_with_lifeline(fd, ::getpid()));
  // Second belt, should the parent's end have leaked into another process.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd gone{.fd = fd, .events = POLLIN, .revents = 0};
  if (::poll(&gone, 1, 0) > 0) {
    ::_exit(1);
  }
  return {};
}

}  // namespace sluice
