// Mutex, MutexLock and CondVar: the standard library's, with the attributes by which Clang checks at compile time that
// guarded members are touched only under their lock. Not absl::Mutex: the system's Abseil is not instrumented, so the
// thread sanitizer would see no synchronisation in it.
//
//   Mutex mutex_;
//   CondVar changed_;
//   int64_t version_ DP_GUARDED_BY(mutex_) = 0;
//
//   MutexLock lock(&mutex_);
//   while (version_ == seen) changed_.Wait(&mutex_);
#ifndef DOWNPOUR_COMMON_BASE_MUTEX_H_
#define DOWNPOUR_COMMON_BASE_MUTEX_H_

#include <condition_variable>
#include <mutex>

#include "absl/time/time.h"
#include "common/base/thread_annotations.h"

namespace downpour {

// A mutex that is not recursive: a thread that locks it twice hangs. Unlocked by the thread that locked it.
class DP_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() DP_ACQUIRE() { mutex_.lock(); }
  void Unlock() DP_RELEASE() { mutex_.unlock(); }
  [[nodiscard]] bool TryLock() DP_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

  // Tells the compile-time analysis that the mutex is held, where it cannot see that (in a lambda called under the
  // lock, for example). Checks nothing at run time.
  void AssertHeld() const DP_ASSERT_HELD(this) {}

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a mutex for a scope.
class DP_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) DP_ACQUIRE(mutex) : mutex_(mutex) { mutex_->Lock(); }
  ~MutexLock() DP_RELEASE() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

// A condition variable. Wakes without cause are allowed: wait in a loop over the condition. Must outlive its waits.
class CondVar {
 public:
  CondVar() = default;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;

  // Releases the mutex, waits for a signal and takes the mutex again.
  void Wait(Mutex* mutex) DP_REQUIRES(mutex);

  // The same, for at most `timeout` of monotonic time (infinite is allowed; zero or negative only yields the mutex
  // for a moment). Returns false if the time ran out, true if woken.
  bool WaitFor(Mutex* mutex, absl::Duration timeout) DP_REQUIRES(mutex);

  void Signal() { condition_.notify_one(); }
  void SignalAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_MUTEX_H_
