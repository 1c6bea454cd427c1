#include "worker/data/prefetcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>

#include "common/base/mutex.h"

namespace downpour {
namespace {

using Numbers = Prefetcher<int, std::vector<int>>;

// 0, 1, ..., count - 1.
Numbers::Source CountTo(int count) {
  return [next = 0, count]() mutable -> absl::StatusOr<std::optional<int>> {
    if (next == count) return std::nullopt;
    return next++;
  };
}

absl::Status Repeat(const int& number, std::vector<int>* batch) {
  batch->assign(100, number);
  return absl::OkStatus();
}

TEST(PrefetcherTest, HandsOutEveryBatchInOrderWithAnyNumberOfThreads) {
  for (const int threads : {0, 1, 2, 5}) {
    for (const int ahead : {0, 1, 2, 8}) {
      Numbers prefetcher(CountTo(300), Repeat, {threads, ahead});
      std::vector<int> batch;
      for (int i = 0; i < 300; ++i) {
        ASSERT_TRUE(*prefetcher.Next(&batch));
        ASSERT_EQ(batch, std::vector<int>(100, i)) << threads << " threads, " << ahead << " ahead";
      }
      EXPECT_FALSE(*prefetcher.Next(&batch));
      EXPECT_FALSE(*prefetcher.Next(&batch)) << "again";
    }
  }
}

TEST(PrefetcherTest, StaysWithinItsBound) {
  std::atomic<int> made = 0;
  const auto make = [&](const int& number, std::vector<int>* batch) {
    ++made;
    return Repeat(number, batch);
  };
  Numbers prefetcher(CountTo(1000), make, {3, 4});
  std::vector<int> batch;
  for (int taken = 0; taken < 50; ++taken) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (made < taken + 4 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(made, taken + 4) << "it does work ahead";
    if (taken % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(made, taken + 4) << "and no further";
    ASSERT_TRUE(*prefetcher.Next(&batch));
  }
}

TEST(PrefetcherTest, WorksOnSeveralBatchesAtOnce) {
  std::atomic<int> inside = 0;
  const auto make = [&](const int& number, std::vector<int>* batch) {
    ++inside;  // the first two wait for each other
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (inside < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_GE(inside, 2);
    return Repeat(number, batch);
  };
  Numbers prefetcher(CountTo(2), make, {2, 2});
  std::vector<int> batch;
  EXPECT_TRUE(*prefetcher.Next(&batch));
  EXPECT_TRUE(*prefetcher.Next(&batch));
}

TEST(PrefetcherTest, UsesTheMemoryOfBatchesAgain) {
  Mutex mutex;
  std::vector<const int*> memories;
  const auto make = [&](const int& number, std::vector<int>* batch) {
    absl::Status status = Repeat(number, batch);
    MutexLock lock(&mutex);
    memories.push_back(batch->data());
    return status;
  };
  {
    Numbers prefetcher(CountTo(100), make, {2, 3});
    std::vector<int> batch;
    while (*prefetcher.Next(&batch)) {
    }
  }
  std::sort(memories.begin(), memories.end());
  EXPECT_LE(std::unique(memories.begin(), memories.end()) - memories.begin(), 4) << "three ahead and one in use";
}

TEST(PrefetcherTest, GivesErrorsTheirPlaceInTheOrder) {
  for (const int threads : {0, 1, 3}) {
    const auto make = [](const int& number, std::vector<int>* batch) {
      return number == 5 ? absl::DataLossError("the fifth") : Repeat(number, batch);
    };
    Numbers bad_make(CountTo(100), make, {threads, 4});
    std::vector<int> batch;
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(*bad_make.Next(&batch));
    EXPECT_EQ(bad_make.Next(&batch).status(), absl::DataLossError("the fifth"));
    EXPECT_EQ(bad_make.Next(&batch).status(), absl::DataLossError("the fifth")) << "again";

    const auto source = [next = 0]() mutable -> absl::StatusOr<std::optional<int>> {
      if (next == 3) return absl::UnavailableError("no lease");
      return next++;
    };
    Numbers bad_source(source, Repeat, {threads, 4});
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(*bad_source.Next(&batch));
    EXPECT_EQ(bad_source.Next(&batch).status(), absl::UnavailableError("no lease"));
    EXPECT_EQ(bad_source.Next(&batch).status(), absl::UnavailableError("no lease")) << "again";
  }
}

TEST(PrefetcherTest, AsksForNothingAfterABatchThatFailed) {
  for (const int threads : {0, 1}) {
    int asked = 0;
    {
      const auto source = [&]() -> absl::StatusOr<std::optional<int>> { return asked++; };
      const auto make = [](const int& number, std::vector<int>* batch) {
        return number == 5 ? absl::DataLossError("the fifth") : Repeat(number, batch);
      };
      Numbers prefetcher(source, make, {threads, 4});
      std::vector<int> batch;
      for (int i = 0; i < 5; ++i) ASSERT_TRUE(*prefetcher.Next(&batch));
      for (int i = 0; i < 3; ++i) EXPECT_FALSE(prefetcher.Next(&batch).ok());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(asked, 6) << threads << " threads";
  }
}

TEST(PrefetcherTest, EndsAtOnceWhileBatchesAreMadeAndWaitedFor) {
  for (int round = 0; round < 50; ++round) {
    Numbers prefetcher(CountTo(1'000'000), Repeat, {2, 3});
    std::vector<int> batch;
    for (int i = 0; i < round % 5; ++i) ASSERT_TRUE(*prefetcher.Next(&batch));
  }
}

TEST(PrefetcherTest, StopEndsAWaitOfNext) {
  std::atomic<bool> release = false;
  const auto make = [&](const int& number, std::vector<int>* batch) {
    while (!release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Repeat(number, batch);
  };
  for (const bool early : {false, true}) {
    release = false;
    Numbers prefetcher(CountTo(10), make, {1, 2});
    std::thread stopper([&] {
      if (!early) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      prefetcher.Stop();
    });
    std::vector<int> batch;
    EXPECT_EQ(prefetcher.Next(&batch).status().code(), absl::StatusCode::kCancelled);
    stopper.join();
    EXPECT_EQ(prefetcher.Next(&batch).status().code(), absl::StatusCode::kCancelled) << "from now on";
    release = true;
  }
}

}  // namespace
}  // namespace downpour
