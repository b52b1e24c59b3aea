#include "common/actor/thread.h"

#include <csignal>
#include <utility>

#include <pthread.h>

namespace sluice::actor {

Thread::Thread(const std::string& name, std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread
  thread_ = std::jthread([name = name.substr(0, 15), body = std::move(body)] {
    pthread_setname_np(pthread_self(), name.c_str());
    body();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace sluice::actor
