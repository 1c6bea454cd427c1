#include "common/base/stop_signals.h"

#include <cstdio>
#include <ctime>
#include <utility>

namespace downpour {

StopSignals::StopSignals(std::function<void()> on_stop) : on_stop_(std::move(on_stop)) {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { Watch(); });
}

StopSignals::~StopSignals() {
  ending_.store(true);
  thread_.join();
}

void StopSignals::Watch() {
  const timespec time = {.tv_sec = 0, .tv_nsec = 50'000'000};
  while (!ending_.load()) {
    const int signal = sigtimedwait(&signals_, nullptr, &time);
    if (signal < 0) continue;
    if (stopped_.exchange(true)) {
      std::fputs("\ndownpour: stopped at once\n", stderr);
      std::signal(signal, SIG_DFL);
      pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
      raise(signal);
    }
    on_stop_();
  }
}

}  // namespace downpour
