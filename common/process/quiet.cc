#include "common/process/quiet.h"

#include <algorithm>

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice {
namespace {

constexpr int kLowNice = 10;
// ioprio_set(2): "who" is a thread (0: this one); class 3 is idle.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioIdle = 3 << 13;

}  // namespace

void be_quiet(Quiet how) {
  // Linux keeps all three per thread; new threads inherit them.
  if (how == Quiet::idle) {
    const sched_param none{};
    static_cast<void>(::sched_setscheduler(0, SCHED_IDLE, &none));
  } else {
    // Whoever was started nicer than that stays so.
    const int nice = std::max(::getpriority(PRIO_PROCESS, 0), kLowNice);
    static_cast<void>(::setpriority(PRIO_PROCESS, 0, nice));
  }
  static_cast<void>(::syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIoprioIdle));
}

}  // namespace sluice
