#include "common/process/quiet_start.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include <linux/capability.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice {
namespace {

// getrlimit(2): RLIMIT_NICE allows nice values down to 20 - limit, and SCHED_OTHER after SCHED_IDLE
// to those that may have the nice value that they have.
bool limit_allows_own_nice() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NICE, &limit) == 0 &&
         limit.rlim_cur >= static_cast<rlim_t>(20 - ::getpriority(PRIO_PROCESS, 0));
}

// Root alone hands its capabilities on to the programs that it starts.
bool is_root_with_sys_nice() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  return ::geteuid() == 0 && ::syscall(SYS_capget, &header, sets) == 0 &&
         (sets[CAP_TO_INDEX(CAP_SYS_NICE)].effective & CAP_TO_MASK(CAP_SYS_NICE)) != 0;
}

bool use(int policy, pid_t who) {
  const sched_param none{};
  return ::sched_setscheduler(who, policy, &none) == 0;
}

}  // namespace

bool quiet_can_end() {
  return ::sched_getscheduler(0) == SCHED_OTHER &&
         (is_root_with_sys_nice() || limit_allows_own_nice());
}

Result<UniqueFd> make_quiet_start() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC));
  if (!fd) {
    return Error{ErrorCode::unavailable, "cannot make an eventfd: out of descriptors"};
  }
  return fd;
}

void start_quietly(int quiet_start, pid_t child) {
  static_cast<void>(use(SCHED_IDLE, child));
  const std::uint64_t done = 1;
  static_cast<void>(::write(quiet_start, &done, sizeof done));
}

void end_quiet_start_of(pid_t child) {
  static_cast<void>(use(SCHED_OTHER, child));
}

Result<void> end_quiet_start(int quiet_start) {
  std::uint64_t done = 0;
  while (::read(quiet_start, &done, sizeof done) < 0) {
    if (errno != EINTR) {
      return Error{ErrorCode::invalid_argument,
                   "descriptor " + std::to_string(quiet_start) +
                       " of the quiet start: " + ::strerrordesc_np(errno)};
    }
  }
  if (::sched_getscheduler(0) == SCHED_IDLE && !use(SCHED_OTHER, 0)) {
    return Error{ErrorCode::unavailable,
                 std::string("cannot leave SCHED_IDLE: ") + ::strerrordesc_np(errno)};
  }
  return {};
}

}  // namespace sluice
