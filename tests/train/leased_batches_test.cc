// The audit of leases: workers read their batches by them, and each example is counted.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/membership/lease_book.h"
#include "worker/train/batch_stream.h"
#include "worker/train/job_data.h"

namespace downpour {
namespace {

using ::testing::Each;
using ::testing::Ge;

constexpr uint64_t kExamples = 1003;  // the last batch of an epoch is smaller
constexpr uint64_t kBatch = 8;
constexpr uint64_t kEpochs = 3;
constexpr int kWorkers = 4;

// Example i is the number i.
class Numbers final : public ExampleSet {
 public:
  uint64_t size() const override { return kExamples; }
  absl::Status Make(const BatchRequest& request, HostBatch* batch) const override {
    const size_t bytes = request.indices.size() * sizeof(int32_t);
    if (batch->labels.size() < bytes) batch->labels = *AlignedBuffer::Allocate(bytes);
    for (size_t i = 0; i < request.indices.size(); ++i) {
      batch->labels.Elements<int32_t>()[i] = static_cast<int32_t>(request.indices[i]);
    }
    batch->size = static_cast<int64_t>(request.indices.size());
    return absl::OkStatus();
  }
};

// A coordinator for workers on threads, and the audit.
class Audit {
 public:
  Audit()
      : book_(*LeaseBook::Create({.examples = kExamples, .epochs = kEpochs, .batch = kBatch, .slice_batches_max = 16})),
        used_(kEpochs, std::vector<int>(kExamples)) {}

  // Trains as worker `worker` until all is done, or until it dies after `batches_max` batches, with its last one used
  // and not reported.
  void Work(WorkerId worker, int threads, uint64_t batches_max) {
    BatchStream stream(&numbers_, [this, worker] { return Take(worker); },
                       {.batch = kBatch, .threads = threads, .ahead = 3});
    StreamBatch batch;
    for (uint64_t batches = 0;; ++batches) {
      const absl::StatusOr<bool> more = stream.Next(&batch);
      ASSERT_TRUE(more.ok()) << more.status();
      if (!*more) return;
      MutexLock lock(&mutex_);
      for (const int32_t example :
           batch.examples.labels.Elements<int32_t>().first(static_cast<size_t>(batch.examples.size))) {
        ++used_[batch.epoch][static_cast<size_t>(example)];
      }
      if (batches + 1 == batches_max) {
        dead_ |= 1u << worker;
        book_.Release(worker, 1);
        changed_.SignalAll();
        return;
      }
      ASSERT_TRUE(book_.Report(worker, 1, batch.lease, batch.used).ok());
      EXPECT_FALSE(batch.ends_lease && book_.Report(worker, 1, batch.lease, batch.used).ok())
          << "a lease whose end was reported is over";
      changed_.SignalAll();
    }
  }

  // How often each example of an epoch was used. After the workers.
  const std::vector<int>& used(uint64_t epoch) const { return used_[epoch]; }
  bool finished() const { return book_.finished(); }

 private:
  absl::StatusOr<std::optional<DataSlice>> Take(WorkerId worker) {
    MutexLock lock(&mutex_);
    while ((dead_ >> worker & 1) == 0) {
      const LeaseBook::Answer answer = book_.Take(worker, 1, kWorkers);
      if (answer.verdict == LeaseBook::Verdict::kGiven) {
        const LeaseSlice& slice = answer.lease.slice;
        return DataSlice{answer.lease.id, slice.epoch, slice.begin, slice.end};
      }
      if (answer.verdict == LeaseBook::Verdict::kFinished) break;
      changed_.Wait(&mutex_);  // until somebody reports or dies
    }
    return std::nullopt;
  }

  const Numbers numbers_;
  Mutex mutex_;
  CondVar changed_;
  LeaseBook book_;
  uint32_t dead_ = 0;  // a bit for each worker
  std::vector<std::vector<int>> used_;
};

void RunWorkers(Audit* audit, int prefetch_threads, uint64_t first_dies_after) {
  std::vector<std::thread> workers;
  for (WorkerId worker = 0; worker < kWorkers; ++worker) {
    workers.emplace_back([=] { audit->Work(worker, prefetch_threads, worker == 0 ? first_dies_after : ~uint64_t{0}); });
  }
  for (std::thread& worker : workers) worker.join();
}

class LeasedBatchesTest : public ::testing::TestWithParam<int> {};

TEST_P(LeasedBatchesTest, EachExampleIsUsedOnceInEachEpochWhenNothingFails) {
  Audit audit;
  RunWorkers(&audit, GetParam(), ~uint64_t{0});
  EXPECT_TRUE(audit.finished());
  for (uint64_t epoch = 0; epoch < kEpochs; ++epoch) EXPECT_THAT(audit.used(epoch), Each(1)) << epoch;
}

TEST_P(LeasedBatchesTest, EachExampleIsUsedAtLeastOnceWhenAWorkerDiesWithALease) {
  for (const uint64_t batches : {1, 5, 20}) {
    Audit audit;
    RunWorkers(&audit, GetParam(), batches);
    EXPECT_TRUE(audit.finished());
    uint64_t twice = 0;
    for (uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
      EXPECT_THAT(audit.used(epoch), Each(Ge(1))) << epoch;
      for (const int used : audit.used(epoch)) twice += static_cast<uint64_t>(used - 1);
    }
    // A worker that gets no batches, since the others were faster, cannot die of one.
    EXPECT_LE(twice, kBatch) << "only what was used and not reported is used again";
  }
}

INSTANTIATE_TEST_SUITE_P(PrefetchThreads, LeasedBatchesTest, ::testing::Values(0, 1, 2),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace downpour
