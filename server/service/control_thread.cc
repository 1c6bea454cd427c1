#include "server/service/control_thread.h"

#include <utility>

namespace downpour {
namespace {

constexpr size_t kWorkMax = 1024;

}  // namespace

ControlThread::ControlThread() : thread_([this] { Run(); }) {}

bool ControlThread::Post(std::function<void()> work) {
  MutexLock lock(&mutex_);
  if (stopping_ || work_.size() >= kWorkMax) return false;
  work_.push_back(std::move(work));
  changed_.Signal();
  return true;
}

void ControlThread::Run() {
  while (true) {
    std::function<void()> work;
    {
      MutexLock lock(&mutex_);
      while (work_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (work_.empty()) return;
      work = std::move(work_.front());
      work_.pop_front();
    }
    work();
  }
}

void ControlThread::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace downpour
