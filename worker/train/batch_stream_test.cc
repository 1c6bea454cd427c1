#include "worker/train/batch_stream.h"

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Example i of an epoch is the number i, with the epoch for its label.
class Numbers final : public ExampleSet {
 public:
  explicit Numbers(uint64_t size) : size_(size) {}

  uint64_t size() const override { return size_; }
  absl::Status Make(const BatchRequest& request, HostBatch* batch) const override {
    const size_t bytes = request.indices.size() * sizeof(float);
    for (AlignedBuffer* const memory : {&batch->examples, &batch->labels}) {
      if (memory->size() < bytes) *memory = *AlignedBuffer::Allocate(bytes);
    }
    for (size_t i = 0; i < request.indices.size(); ++i) {
      if (request.indices[i] == broken_) return absl::DataLossError("this one is broken");
      batch->examples.Elements<float>()[i] = static_cast<float>(request.indices[i]);
      batch->labels.Elements<int32_t>()[i] = static_cast<int32_t>(request.epoch);
    }
    batch->size = static_cast<int64_t>(request.indices.size());
    return absl::OkStatus();
  }

  uint64_t broken_ = ~uint64_t{0};

 private:
  const uint64_t size_;
};

std::vector<uint64_t> ExamplesOf(const StreamBatch& batch) {
  const auto numbers = batch.examples.examples.Elements<float>().first(static_cast<size_t>(batch.examples.size));
  return {numbers.begin(), numbers.end()};
}

BatchStream::TakeSlice Slices(std::vector<DataSlice> slices) {
  return [slices = std::move(slices), next = size_t{0}]() mutable -> absl::StatusOr<std::optional<DataSlice>> {
    if (next == slices.size()) return std::nullopt;
    return slices[next++];
  };
}

struct Seen {
  std::vector<uint64_t> examples;
  uint64_t lease, epoch, used;
  bool ends_lease;

  friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> ReadAll(const ExampleSet& set, const std::vector<DataSlice>& slices,
                          const BatchStream::Options& options) {
  BatchStream stream(&set, Slices(slices), options);
  std::vector<Seen> seen;
  StreamBatch batch;
  while (true) {
    const absl::StatusOr<bool> more = stream.Next(&batch);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return seen;
    seen.push_back({ExamplesOf(batch), batch.lease, batch.epoch, batch.used, batch.ends_lease});
  }
}

TEST(BatchStreamTest, ASliceIsCutIntoBatchesOfWhichTheLastMayBeSmaller) {
  const Numbers set(20);
  const std::vector<Seen> seen = ReadAll(set, {{7, 2, 4, 14}, {9, 3, 0, 4}}, {.seed = 5, .batch = 4});
  ASSERT_EQ(seen.size(), 4u);
  const EpochOrder second(20, 5, 2), third(20, 5, 3);
  EXPECT_EQ(seen[0], (Seen{{second[4], second[5], second[6], second[7]}, 7, 2, 4, false}));
  EXPECT_EQ(seen[1], (Seen{{second[8], second[9], second[10], second[11]}, 7, 2, 8, false}));
  EXPECT_EQ(seen[2], (Seen{{second[12], second[13]}, 7, 2, 10, true}));
  EXPECT_EQ(seen[3], (Seen{{third[0], third[1], third[2], third[3]}, 9, 3, 4, true}));
}

TEST(BatchStreamTest, BatchesAreTheSameForAnyNumberOfThreads) {
  const Numbers set(1000);
  std::vector<DataSlice> slices;
  for (uint64_t i = 0; i < 40; ++i) slices.push_back({i + 1, i / 10, 100 * (i % 10), 100 * (i % 10) + 95});
  const std::vector<Seen> alone = ReadAll(set, slices, {.batch = 7});
  EXPECT_EQ(alone.size(), 40u * 14);
  for (const int threads : {1, 3}) {
    EXPECT_EQ(ReadAll(set, slices, {.batch = 7, .threads = threads, .ahead = 5}), alone);
  }
  EXPECT_NE(ReadAll(set, slices, {.seed = 2, .batch = 7}), alone);
}

TEST(BatchStreamTest, WithoutThreadsALeaseIsTakenWhenTheOneBeforeIsUsedUp) {
  const Numbers set(100);
  int taken = 0;
  BatchStream stream(&set,
                     [&]() -> absl::StatusOr<std::optional<DataSlice>> {
                       ++taken;
                       return DataSlice{1, 0, 0, 20};
                     },
                     {.batch = 10});
  EXPECT_EQ(taken, 0);
  StreamBatch batch;
  for (const int expected : {1, 1, 2, 2, 3}) {
    ASSERT_TRUE(*stream.Next(&batch));
    EXPECT_EQ(taken, expected);
  }
}

TEST(BatchStreamTest, WithThreadsTheNextLeaseIsTakenWhileThePresentOneIsTrainedOn) {
  const Numbers set(100);
  Mutex mutex;
  CondVar changed;
  int taken = 0;
  BatchStream stream(&set,
                     [&]() -> absl::StatusOr<std::optional<DataSlice>> {
                       MutexLock lock(&mutex);
                       if (taken == 3) return std::nullopt;
                       ++taken;
                       changed.SignalAll();
                       return DataSlice{static_cast<uint64_t>(taken), 0, 0, 20};
                     },
                     {.batch = 10, .threads = 1, .ahead = 3});
  StreamBatch batch;
  ASSERT_TRUE(*stream.Next(&batch));
  EXPECT_EQ(batch.lease, 1u);
  // This hangs if nothing is taken ahead of Next.
  MutexLock lock(&mutex);
  while (taken < 2) changed.Wait(&mutex);
}

TEST(BatchStreamTest, ErrorsComeInTheirPlace) {
  Numbers set(100);
  set.broken_ = EpochOrder(100, 1, 0)[25];
  for (const int threads : {0, 2}) {
    BatchStream stream(&set, Slices({{1, 0, 0, 100}}), {.batch = 10, .threads = threads});
    StreamBatch batch;
    EXPECT_TRUE(*stream.Next(&batch));
    EXPECT_TRUE(*stream.Next(&batch));
    EXPECT_EQ(batch.used, 20u);
    EXPECT_EQ(stream.Next(&batch).status().message(), "this one is broken");

    BatchStream no_leases(&set, [] { return absl::UnavailableError("the coordinator is gone"); },
                          {.batch = 10, .threads = threads});
    EXPECT_EQ(no_leases.Next(&batch).status().message(), "the coordinator is gone");
  }
}

TEST(BatchStreamTest, ASliceThatIsNotOfTheDataIsRefused) {
  const Numbers set(100);
  for (const DataSlice& slice :
       {DataSlice{1, 0, 90, 101}, DataSlice{1, 0, 5, 5}, DataSlice{1, 0, 6, 5}, DataSlice{1, 0, 0, ~uint64_t{0}}}) {
    BatchStream stream(&set, Slices({slice}), {.batch = 10});
    StreamBatch batch;
    EXPECT_EQ(stream.Next(&batch).status().code(), absl::StatusCode::kInternal);
  }
  BatchStream stream(&set, Slices({{3, 0, 0, 100}}), {.batch = ~uint64_t{0}});
  StreamBatch batch;
  EXPECT_TRUE(*stream.Next(&batch)) << "a batch may be larger than the data";
  EXPECT_EQ(batch.used, 100u);
}

TEST(BatchStreamTest, StopEndsAWaitForABatch) {
  const Numbers set(100);
  std::atomic<bool> ended{false};
  BatchStream stream(&set,
                     [&]() -> absl::StatusOr<std::optional<DataSlice>> {
                       while (!ended) std::this_thread::yield();
                       return std::nullopt;
                     },
                     {.threads = 1});
  std::thread stopper([&] { stream.Stop(); });
  StreamBatch batch;
  EXPECT_EQ(stream.Next(&batch).status().code(), absl::StatusCode::kCancelled);
  stopper.join();
  ended = true;
}

}  // namespace
}  // namespace downpour
