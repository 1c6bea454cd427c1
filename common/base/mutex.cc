#include "common/base/mutex.h"

#include <chrono>

namespace downpour {

// The unique_locks below only borrow a mutex that the caller holds and go on holding for it: adopt, wait, let go.

void CondVar::Wait(Mutex* mutex) {
  std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
  condition_.wait(lock);
  lock.release();
}

bool CondVar::WaitFor(Mutex* mutex, absl::Duration timeout) {
  // The standard library adds the timeout to the present time in nanoseconds and overflows on long ones.
  constexpr absl::Duration kForever = absl::Hours(24 * 365);
  if (timeout >= kForever) {
    Wait(mutex);
    return true;
  }
  std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
  const std::cv_status status = condition_.wait_for(lock, absl::ToChronoNanoseconds(timeout));
  lock.release();
  return status == std::cv_status::no_timeout;
}

}  // namespace downpour
