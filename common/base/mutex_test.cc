#include "common/base/mutex.h"

#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(MutexTest, KeepsIncrementsOfManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kIncrements = 10000;
  Mutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kIncrements; ++i) {
        MutexLock lock(&mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, kThreads * kIncrements);
}

TEST(MutexTest, TryLockFailsWhileAnotherThreadHoldsIt) {
  Mutex mutex;
  mutex.Lock();
  std::thread([&] {
    if (mutex.TryLock()) {
      mutex.Unlock();
      ADD_FAILURE() << "took a mutex that another thread holds";
    }
  }).join();
  mutex.Unlock();
  if (mutex.TryLock()) {
    mutex.Unlock();
  } else {
    ADD_FAILURE() << "could not take a mutex that nobody holds";
  }
}

TEST(CondVarTest, WaitSeesWhatTheSignallerWrote) {
  Mutex mutex;
  CondVar changed;
  int value = 0;
  std::thread writer([&] {
    MutexLock lock(&mutex);
    value = 42;
    changed.Signal();
  });
  {
    MutexLock lock(&mutex);
    while (value == 0) changed.Wait(&mutex);
    EXPECT_EQ(value, 42);
  }
  writer.join();
}

TEST(CondVarTest, SignalAllWakesEveryWaiter) {
  Mutex mutex;
  CondVar changed;
  bool go = false;
  int waiting = 0;
  int woken = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    // The longest times must not overflow into none.
    const absl::Duration timeout = t % 2 == 0 ? absl::InfiniteDuration() : absl::Hours(24 * 365 * 280);
    threads.emplace_back([&, timeout] {
      MutexLock lock(&mutex);
      ++waiting;
      while (!go) EXPECT_TRUE(changed.WaitFor(&mutex, timeout));
      ++woken;
    });
  }
  for (bool all = false; !all; std::this_thread::yield()) {
    MutexLock lock(&mutex);
    all = waiting == 4;
  }
  {
    MutexLock lock(&mutex);
    go = true;
    changed.SignalAll();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(woken, 4);
}

TEST(CondVarTest, WaitForReturnsFalseOnceTheTimeRanOutAndHoldsTheMutex) {
  Mutex mutex;
  CondVar never;
  mutex.Lock();
  const absl::Time start = absl::Now();
  while (never.WaitFor(&mutex, absl::Milliseconds(20))) {
  }
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(15));
  std::thread([&] {
    if (mutex.TryLock()) {
      mutex.Unlock();
      ADD_FAILURE() << "WaitFor returned without the mutex";
    }
  }).join();
  mutex.Unlock();
}

TEST(CondVarTest, WaitForTakesZeroAndNegativeTimes) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(&mutex);
  EXPECT_FALSE(never.WaitFor(&mutex, absl::ZeroDuration()));
  EXPECT_FALSE(never.WaitFor(&mutex, absl::Seconds(-5)));
  EXPECT_FALSE(never.WaitFor(&mutex, -absl::InfiniteDuration()));
}

}  // namespace
}  // namespace downpour
