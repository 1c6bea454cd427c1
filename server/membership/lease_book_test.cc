#include "server/membership/lease_book.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/philox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;
using Verdict = LeaseBook::Verdict;

LeaseBook MakeBook(const LeaseOptions& options) {
  absl::StatusOr<LeaseBook> book = LeaseBook::Create(options);
  EXPECT_TRUE(book.ok()) << book.status();
  return *std::move(book);
}

LeaseSlice TakeSlice(LeaseBook& book, WorkerId worker, size_t workers = 1) {
  const LeaseBook::Answer answer = book.Take(worker, 1, workers);
  EXPECT_EQ(answer.verdict, Verdict::kGiven);
  return answer.lease.slice;
}

TEST(LeaseBookTest, RefusesOptionsThatMakeNoSense) {
  EXPECT_THAT(LeaseBook::Create({.examples = 0}).status().ToString(), HasSubstr("no examples"));
  EXPECT_THAT(LeaseBook::Create({.examples = 1, .batch = 0}).status().ToString(), HasSubstr("at least 1 example"));
  EXPECT_THAT(LeaseBook::Create({.examples = 1, .slice_batches_max = 0}).status().ToString(),
              HasSubstr("at least 1 batch"));
}

TEST(LeaseBookTest, OneWorkerWalksThroughEveryEpochInOrder) {
  LeaseBook book = MakeBook({.examples = 1000, .epochs = 3, .batch = 7, .slice_batches_max = 5});
  std::vector<uint64_t> position(3, 0);
  uint64_t epoch = 0;
  for (LeaseBook::Answer answer; (answer = book.Take(4, 1, 1)).verdict == Verdict::kGiven;) {
    const LeaseSlice& slice = answer.lease.slice;
    ASSERT_GE(slice.epoch, epoch);
    epoch = slice.epoch;
    EXPECT_EQ(slice.begin, position[epoch]);
    EXPECT_EQ(slice.begin % 7, 0u);
    EXPECT_LE(slice.size(), 35u);
    position[epoch] = slice.end;
    EXPECT_TRUE(book.Report(4, 1, answer.lease.id, slice.size()).ok());
  }
  EXPECT_EQ(position, std::vector<uint64_t>({1000, 1000, 1000}));
  EXPECT_TRUE(book.finished());
  EXPECT_EQ(book.Take(4, 1, 1).verdict, Verdict::kFinished);
}

TEST(LeaseBookTest, SlicesGetSmallerTowardsTheEndOfAnEpoch) {
  LeaseBook book = MakeBook({.examples = 6400, .epochs = 1, .batch = 10, .slice_batches_max = 1000});
  uint64_t before = TakeSlice(book, 0, 2).size();
  EXPECT_EQ(before, 1600u);
  for (WorkerId worker = 1; book.used(0) == 0 && worker < 20; ++worker) {
    const uint64_t size = TakeSlice(book, worker, 2).size();
    EXPECT_LE(size, before);
    before = size;
  }
  EXPECT_LT(before, 50u);
}

TEST(LeaseBookTest, ASlowWorkerTakesLess) {
  LeaseBook book = MakeBook({.examples = 10'000, .epochs = 1, .batch = 10});
  std::map<WorkerId, uint64_t> used;
  std::map<WorkerId, Lease> working;
  // Worker 0 works at each tick, worker 1 at every fourth; a tick is a batch.
  std::map<WorkerId, uint64_t> done;
  for (int tick = 0; !book.finished() && tick < 10'000; ++tick) {
    for (const WorkerId worker : {0, 1}) {
      if (worker == 1 && tick % 4 != 0) continue;
      if (!working.contains(worker)) {
        const LeaseBook::Answer answer = book.Take(worker, 1, 2);
        if (answer.verdict != Verdict::kGiven) continue;
        working[worker] = answer.lease;
        done[worker] = 0;
      }
      done[worker] += 10;
      ASSERT_TRUE(book.Report(worker, 1, working[worker].id, done[worker]).ok());
      used[worker] += 10;
      if (done[worker] == working[worker].slice.size()) working.erase(worker);
    }
  }
  EXPECT_TRUE(book.finished());
  EXPECT_EQ(used[0] + used[1], 10'000u);
  EXPECT_NEAR(static_cast<double>(used[1]), 2000, 300);
}

TEST(LeaseBookTest, WhatALostWorkerHadNotUsedIsGivenToTheNext) {
  LeaseBook book = MakeBook({.examples = 100, .epochs = 1, .batch = 10, .slice_batches_max = 5});
  const LeaseBook::Answer lost = book.Take(1, 7, 1);
  ASSERT_EQ(lost.lease.slice, (LeaseSlice{0, 0, 50}));
  ASSERT_TRUE(book.Report(1, 7, lost.lease.id, 20).ok());
  book.Release(1, 6);  // an incarnation that holds nothing
  EXPECT_EQ(book.open_leases(), 1u);
  book.Release(1, 7);
  EXPECT_EQ(book.open_leases(), 0u);
  EXPECT_EQ(book.used(0), 20u);
  EXPECT_EQ(TakeSlice(book, 2), (LeaseSlice{0, 20, 60}));
  EXPECT_EQ(book.Report(1, 7, lost.lease.id, 50).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(book.used(0), 20u);
}

TEST(LeaseBookTest, WhatWasGivenBackWithinABatchIsGivenUpToItsEnd) {
  LeaseBook book = MakeBook({.examples = 100, .epochs = 1, .batch = 10, .slice_batches_max = 1});
  const LeaseBook::Answer lost = book.Take(1, 1, 1);
  ASSERT_TRUE(book.Report(1, 1, lost.lease.id, 3).ok());
  book.Release(1, 1);
  EXPECT_EQ(TakeSlice(book, 2), (LeaseSlice{0, 3, 10}));
  EXPECT_EQ(TakeSlice(book, 2), (LeaseSlice{0, 10, 20}));
}

TEST(LeaseBookTest, ReportsMayBeRepeatedAndReorderedButNotExceedTheSlice) {
  LeaseBook book = MakeBook({.examples = 10, .epochs = 1, .batch = 10});
  const Lease lease = book.Take(1, 1, 1).lease;
  EXPECT_TRUE(book.Report(1, 1, lease.id, 6).ok());
  EXPECT_TRUE(book.Report(1, 1, lease.id, 4).ok());
  EXPECT_TRUE(book.Report(1, 1, lease.id, 6).ok());
  EXPECT_EQ(book.used(0), 6u);
  EXPECT_EQ(book.Report(1, 1, lease.id, 11).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(book.Report(2, 1, lease.id, 7).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(book.Report(1, 2, lease.id, 7).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(book.Report(1, 1, lease.id + 1, 7).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(book.Report(1, 1, lease.id, 10).ok());
  EXPECT_TRUE(book.finished());
}

TEST(LeaseBookTest, TheNextEpochBeginsWhileOthersStillWorkOnTheLast) {
  LeaseBook book = MakeBook({.examples = 20, .epochs = 2, .batch = 10, .slice_batches_max = 1});
  const Lease slow = book.Take(1, 1, 2).lease;
  const Lease fast = book.Take(2, 1, 2).lease;
  ASSERT_TRUE(book.Report(2, 1, fast.id, 10).ok());
  const Lease next = book.Take(2, 1, 2).lease;
  EXPECT_EQ(next.slice.epoch, 1u);
  EXPECT_EQ(book.epoch(), 0u);
  // What comes back of the earlier epoch goes first.
  book.Release(1, 1);
  EXPECT_EQ(book.Take(2, 1, 2).lease.slice, slow.slice);
}

TEST(LeaseBookTest, AWorkerThatFindsNothingWaitsForWhatMayComeBack) {
  LeaseBook book = MakeBook({.examples = 10, .epochs = 1, .batch = 10});
  const Lease lease = book.Take(1, 1, 2).lease;
  EXPECT_EQ(book.Take(2, 1, 2).verdict, Verdict::kNothingNow);
  ASSERT_TRUE(book.Report(1, 1, lease.id, 10).ok());
  EXPECT_EQ(book.Take(2, 1, 2).verdict, Verdict::kFinished);
}

TEST(LeaseBookTest, OneWorkerHoldsAFewLeasesAtMost) {
  LeaseBook book = MakeBook({.examples = 1000, .batch = 10, .slice_batches_max = 1});
  for (size_t i = 0; i < kLeasesOfWorkerMax; ++i) TakeSlice(book, 1);
  EXPECT_EQ(book.Take(1, 1, 1).verdict, Verdict::kTooMany);
  TakeSlice(book, 2);
}

TEST(LeaseBookTest, PositionsUpToTheLargestDataSetDoNotOverflow) {
  LeaseBook book = MakeBook({.examples = UINT64_MAX, .epochs = 1, .batch = UINT64_MAX / 2, .slice_batches_max = 100});
  std::vector<LeaseSlice> slices;
  for (WorkerId worker = 1; worker <= 3; ++worker) slices.push_back(TakeSlice(book, worker));
  EXPECT_EQ(slices[0].begin, 0u);
  EXPECT_EQ(slices[1].begin, slices[0].end);
  EXPECT_EQ(slices[2].begin, slices[1].end);
  EXPECT_EQ(slices[2].end, UINT64_MAX);
}

// Many workers that come, go and lose reports: every example is used in every epoch, and twice only where a worker was
// lost between using and reporting. In the middle of it the book is saved and restored.
TEST(LeaseBookTest, EveryExampleIsUsedWhateverHappensToTheWorkers) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    PhiloxStream random(seed);
    const LeaseOptions options{.examples = 1 + random.UniformInt(500),
                               .epochs = 1 + random.UniformInt(3),
                               .batch = 1 + random.UniformInt(20),
                               .slice_batches_max = 1 + random.UniformInt(8)};
    LeaseBook book = MakeBook(options);
    struct Worker {
      uint64_t incarnation = 1;
      std::optional<Lease> lease = {};
      uint64_t used = 0;
      uint64_t reported = 0;
    };
    std::vector<Worker> workers(4);
    std::vector<std::vector<int>> times(options.epochs, std::vector<int>(options.examples, 0));
    uint64_t unreported_losses = 0;
    const auto lose = [&](WorkerId id) {
      Worker& worker = workers[id];
      unreported_losses += worker.used - worker.reported;
      book.Release(id, worker.incarnation);
      worker = Worker{.incarnation = worker.incarnation + 1};
    };
    for (int turn = 0; !book.finished(); ++turn) {
      ASSERT_LT(turn, 200'000);
      const WorkerId id = static_cast<WorkerId>(random.UniformInt(workers.size()));
      Worker& worker = workers[id];
      if (!worker.lease) {
        const LeaseBook::Answer answer = book.Take(id, worker.incarnation, workers.size());
        if (answer.verdict == Verdict::kGiven) worker.lease = answer.lease;
        worker.used = worker.reported = 0;
      } else if (random.UniformInt(60) == 0) {
        lose(id);
      } else if (random.UniformInt(500) == 0) {
        const std::string text = book.Save();
        for (WorkerId other = 0; other < workers.size(); ++other) lose(other);
        LeaseBook restored = MakeBook(options);
        ASSERT_TRUE(restored.Restore(text).ok());
        EXPECT_EQ(restored.Save(), text);
        book = restored;
      } else if (worker.used < worker.lease->slice.size()) {
        const LeaseSlice& slice = worker.lease->slice;
        ++times[slice.epoch][slice.begin + worker.used++];
      } else {
        worker.reported = worker.used;
        ASSERT_TRUE(book.Report(id, worker.incarnation, worker.lease->id, worker.used).ok());
        worker.lease.reset();
      }
    }
    uint64_t again = 0;
    for (const std::vector<int>& epoch : times) {
      for (const int count : epoch) {
        EXPECT_GE(count, 1);
        again += static_cast<uint64_t>(count - 1);
      }
    }
    EXPECT_EQ(again, unreported_losses);
  }
}

TEST(LeaseBookTest, RefusesADamagedPositionAndStaysAsItWas) {
  LeaseBook book = MakeBook({.examples = 100, .epochs = 2, .batch = 10, .slice_batches_max = 2});
  TakeSlice(book, 1);
  const Lease second = book.Take(2, 1, 1).lease;
  ASSERT_TRUE(book.Report(2, 1, second.id, 20).ok());
  const std::string good = book.Save();
  LeaseBook other = MakeBook({.examples = 100, .epochs = 2, .batch = 20});
  EXPECT_EQ(other.Restore(good).code(), absl::StatusCode::kDataLoss);

  const std::vector<std::string> bad = {
      "",
      good.substr(0, good.size() - 1),
      good + "1\n",
      "leases 2\n100\n10\n1\n0\n0\n",              // another version
      "leases 1\n100\n10\n0\n0\n0\n",              // lease numbers start at 1
      "leases 1\n100\n10\n1\n3\n0\n",              // more epochs than the job has
      "leases 1\n100\n10\n1\n1\n1\n1\n1\n0\n9\n",  // an epoch that has not begun
      "leases 1\n100\n10\n1\n1\n1\n0\n0\n",        // nothing left in it
      "leases 1\n100\n10\n1\n1\n1\n0\n1\n5\n5\n",  // an empty range
      "leases 1\n100\n10\n1\n1\n1\n0\n1\n5\n101\n",
      "leases 1\n100\n10\n1\n1\n1\n0\n2\n0\n5\n5\n9\n",  // ranges that touch
      "leases 1\n100\n10\n1\n1\n1\n0\n18446744073709551615\n0\n5\n",
  };
  for (const std::string& text : bad) {
    EXPECT_EQ(book.Restore(text).code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_EQ(book.Save(), good) << text;
  }
  EXPECT_EQ(book.open_leases(), 1u);
  ASSERT_TRUE(book.Restore(good).ok());
  EXPECT_EQ(book.open_leases(), 0u);
  EXPECT_EQ(TakeSlice(book, 3), (LeaseSlice{0, 0, 20}));
}

}  // namespace
}  // namespace downpour
