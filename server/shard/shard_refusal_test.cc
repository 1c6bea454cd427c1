// Every way in which a push or a pull can be wrong: refused whole, by the right name, with nothing changed.

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/shard/shard.h"
#include "server/shard/shard_fixture.h"

namespace downpour::testing {
namespace {

using ::testing::HasSubstr;

constexpr size_t kElements = kBlockElements + 77;

struct BadPush {
  std::string name;
  RefusalReason reason;
  absl::StatusCode code;
  std::string message;
  std::function<void(TestPush*)> spoil;
};

std::vector<BadPush> BadPushes() {
  using Code = absl::StatusCode;
  using Reason = RefusalReason;
  const auto last = [](float value) {
    return [value](TestPush* push) {
      push->gradient.back() = value;
      push->Slice({3, kElements * 4 - 5});  // the last element straddles the last two slices
    };
  };
  return {
      {"EpochStale", Reason::kEpochStale, Code::kFailedPrecondition, "epoch 1 is out of date, this is epoch 2",
       [](TestPush* push) { push->request.epoch = 1; }},
      {"EpochFuture", Reason::kEpochFuture, Code::kUnavailable, "epoch 3 is not known here yet",
       [](TestPush* push) { push->request.epoch = 3; }},
      {"UnknownWorker", Reason::kUnknownWorker, Code::kFailedPrecondition, "worker 9 has not joined",
       [](TestPush* push) { push->request.worker = 9; }},
      {"WorkerThatLeft", Reason::kUnknownWorker, Code::kFailedPrecondition, "worker 2 (incarnation 4) has left",
       [](TestPush* push) {
         push->request.worker = 2;
         push->request.incarnation = 4;
       }},
      {"StaleIncarnation", Reason::kIncarnationStale, Code::kFailedPrecondition, "incarnation 6 of worker 1 is fenced",
       [](TestPush* push) { push->request.incarnation = 6; }},
      {"FutureIncarnation", Reason::kIncarnationFuture, Code::kFailedPrecondition, "incarnation 8 of worker 1 has not",
       [](TestPush* push) { push->request.incarnation = 8; }},
      {"SequenceZero", Reason::kSequenceZero, Code::kInvalidArgument, "they start at 1",
       [](TestPush* push) { push->request.sequence = 0; }},
      {"SequenceBelowTheWindow", Reason::kSequenceOld, Code::kFailedPrecondition, "push 36 of worker 1 is 64 below",
       [](TestPush* push) { push->request.sequence = 36; }},
      {"SequenceTooFarAhead", Reason::kSequenceAhead, Code::kFailedPrecondition, "push 165 of worker 1 is too far",
       [](TestPush* push) { push->request.sequence = 165; }},
      {"LargestSequence", Reason::kSequenceAhead, Code::kFailedPrecondition, "too far ahead",
       [](TestPush* push) { push->request.sequence = UINT64_MAX; }},
      {"FutureVersion", Reason::kVersionFuture, Code::kFailedPrecondition, "version 3, this is version 2",
       [](TestPush* push) { push->request.version_pulled = 3; }},
      {"WrongDType", Reason::kDType, Code::kInvalidArgument, "a gradient cannot be int32",
       [](TestPush* push) { push->request.dtype = DType::kInt32; }},
      {"DTypeOutsideTheEnumeration", Reason::kDType, Code::kInvalidArgument, "cannot be invalid",
       [](TestPush* push) { push->request.dtype = static_cast<DType>(200); }},
      {"TooFewElements", Reason::kElementCount, Code::kInvalidArgument, "has 65612 elements, the shard 65613",
       [](TestPush* push) { push->request.element_count = kElements - 1; }},
      {"AbsurdElementCount", Reason::kElementCount, Code::kInvalidArgument, "has 18446744073709551615 elements",
       [](TestPush* push) { push->request.element_count = UINT64_MAX; }},
      {"ElementCountThatWrapsAround", Reason::kElementCount, Code::kInvalidArgument, "elements",
       [](TestPush* push) { push->request.element_count = kElements + (uint64_t{1} << 62); }},
      {"TooFewBytes", Reason::kByteCount, Code::kInvalidArgument, "came with 262451 bytes",
       [](TestPush* push) { push->request.slices[0] = push->request.slices[0].subspan(1); }},
      {"TooManyBytes", Reason::kByteCount, Code::kInvalidArgument, "are 262452",
       [](TestPush* push) { push->request.slices.push_back(push->request.slices[0].subspan(0, 4)); }},
      {"NoBytes", Reason::kByteCount, Code::kInvalidArgument, "came with 0 bytes",
       [](TestPush* push) { push->request.slices.clear(); }},
      {"BytesOfAnotherDType", Reason::kByteCount, Code::kInvalidArgument, "elements of bfloat16 are 131226",
       [](TestPush* push) { push->request.dtype = DType::kBFloat16; }},
      {"NanFirst", Reason::kNotFinite, Code::kInvalidArgument, "element 0 of 65613 of the gradient is nan",
       [](TestPush* push) { push->gradient[0] = NAN; }},
      {"NanInTheLastElement", Reason::kNotFinite, Code::kInvalidArgument, "element 65612 of 65613", last(NAN)},
      {"InfinityInTheLastElement", Reason::kNotFinite, Code::kInvalidArgument, "gradient is inf",
       last(std::numeric_limits<float>::infinity())},
      {"MinusInfinityInTheLastElement", Reason::kNotFinite, Code::kInvalidArgument, "gradient is -inf",
       last(-std::numeric_limits<float>::infinity())},
      {"SignallingNan", Reason::kNotFinite, Code::kInvalidArgument, "element 65612",
       last(std::numeric_limits<float>::signaling_NaN())},
      {"AllAtOnceNamesTheFirst", Reason::kEpochStale, Code::kFailedPrecondition, "epoch",
       [](TestPush* push) {
         push->request.epoch = 0;
         push->request.worker = 9;
         push->request.sequence = 0;
         push->request.dtype = DType::kInt32;
         push->request.slices.clear();
       }},
  };
}

class BadPushTest : public ::testing::TestWithParam<BadPush> {};

TEST_P(BadPushTest, IsRefusedAndLeavesTheShardAsItWas) {
  BlockPool pool;
  const std::unique_ptr<Shard> shard = MakeShard(&pool, {.element_count = kElements,
                                                         .optimizer = "adam {} average { decay: 0.9 }",
                                                         .initializer = "uniform { low: -1 high: 1 }",
                                                         .options = {.name = "table[0, 65613)", .epoch = 2}});
  ASSERT_FALSE(shard->Join(1, 7, 0).refusal);
  ASSERT_FALSE(shard->Join(2, 4, 0).refusal);
  shard->Leave(2, 4);
  for (const uint64_t sequence : {64, 100}) {
    TestPush push(std::vector<float>(kElements, 0.5f), sequence);
    push.request.epoch = 2;
    push.request.incarnation = 7;
    ASSERT_EQ(shard->Push(push.request).outcome.fate, PushFate::kApplied);
  }
  const uint64_t hash = shard->Hash();
  const std::vector<float> weights = WeightsOf(*shard);
  const BlockPoolStatistics memory = pool.statistics();

  TestPush push(std::vector<float>(kElements, 0.25f), 101);
  push.request.epoch = 2;
  push.request.incarnation = 7;
  push.request.version_pulled = 2;
  const TestPush good = [&] {
    TestPush copy(push.gradient, 101);
    copy.request.epoch = 2;
    copy.request.incarnation = 7;
    copy.request.version_pulled = 2;
    return copy;
  }();
  GetParam().spoil(&push);
  for (int sent = 1; sent <= 2; ++sent) {
    const PushAnswer answer = shard->Push(push.request);
    EXPECT_EQ(answer.outcome.fate, PushFate::kRefused);
    EXPECT_FALSE(answer.outcome.duplicate);
    EXPECT_EQ(answer.outcome.refusal.reason, GetParam().reason)
        << RefusalReasonName(answer.outcome.refusal.reason) << ": " << answer.outcome.refusal.status;
    EXPECT_EQ(answer.outcome.refusal.status.code(), GetParam().code);
    const std::string message(answer.outcome.refusal.status.message());
    EXPECT_THAT(message, HasSubstr(GetParam().message));
    EXPECT_THAT(message, HasSubstr("table[0, 65613): "));
    EXPECT_TRUE(answer.completions.empty());
    EXPECT_EQ(shard->counters().refused(GetParam().reason), static_cast<uint64_t>(sent));
  }
  EXPECT_EQ(shard->Hash(), hash);
  EXPECT_EQ(WeightsOf(*shard), weights);
  EXPECT_EQ(pool.statistics().blocks_in_use, memory.blocks_in_use);
  EXPECT_EQ(shard->counters().pushes_applied, 2u);

  EXPECT_EQ(shard->Push(good.request).outcome.fate, PushFate::kApplied) << "the same without the fault is all right";
  EXPECT_NE(shard->Hash(), hash);
}

INSTANTIATE_TEST_SUITE_P(All, BadPushTest, ::testing::ValuesIn(BadPushes()),
                         [](const auto& test) { return test.param.name; });

TEST(ShardRefusalTest, PullsAreCheckedTheSameWay) {
  BlockPool pool;
  const std::unique_ptr<Shard> shard = MakeShard(&pool, {.options = {.epoch = 2}});
  ASSERT_FALSE(shard->Join(1, 7, 0).refusal);
  const uint64_t hash = shard->Hash();
  const auto reason = [&](uint64_t epoch, WorkerId worker, uint64_t incarnation) {
    const PullOutcome outcome = shard->Pull({.epoch = epoch, .worker = worker, .incarnation = incarnation});
    return outcome.fate == PullFate::kRefused ? outcome.refusal.reason : RefusalReason::kNone;
  };
  EXPECT_EQ(reason(1, 1, 7), RefusalReason::kEpochStale);
  EXPECT_EQ(reason(3, 1, 7), RefusalReason::kEpochFuture);
  EXPECT_EQ(reason(2, 2, 7), RefusalReason::kUnknownWorker);
  EXPECT_EQ(reason(2, 1, 6), RefusalReason::kIncarnationStale);
  EXPECT_EQ(reason(2, 1, 8), RefusalReason::kIncarnationFuture);
  EXPECT_EQ(reason(2, 1, 7), RefusalReason::kNone);
  EXPECT_EQ(shard->Hash(), hash);
}

TEST(ShardRefusalTest, ANormIsAskedForWhereTheShardIsAPartOfItsTable) {
  BlockPool pool;
  ShardSetup setup = {.element_count = 2, .optimizer = "sgd { learning_rate: 1 } clipping { by_table_norm: 5 }"};
  const std::unique_ptr<Shard> whole = MakeShard(&pool, setup);
  setup.options.whole_table = false;
  const std::unique_ptr<Shard> part = MakeShard(&pool, setup);
  for (Shard* shard : {whole.get(), part.get()}) ASSERT_FALSE(shard->Join(1, 1, 0).refusal);

  TestPush push({6, 8}, 1);  // norm 10
  EXPECT_EQ(whole->Push(push.request).outcome.fate, PushFate::kApplied);
  EXPECT_NEAR(WeightsOf(*whole)[0], -3, 1e-5);

  const uint64_t hash = part->Hash();
  EXPECT_EQ(part->Push(push.request).outcome.refusal.reason, RefusalReason::kGradientNorm);
  for (const double norm : {-1.0, std::nan(""), HUGE_VAL, 1e200}) {
    push.request.table_gradient_norm = norm;
    EXPECT_EQ(part->Push(push.request).outcome.refusal.reason, RefusalReason::kGradientNorm) << norm;
  }
  EXPECT_EQ(part->Hash(), hash);
  push.request.table_gradient_norm = 20;  // other shards have the rest of it
  EXPECT_EQ(part->Push(push.request).outcome.fate, PushFate::kApplied);
  EXPECT_NEAR(WeightsOf(*part)[0], -1.5, 1e-5);
}

TEST(ShardRefusalTest, WithoutMemoryForTheUpdateAPushIsRefusedAndMayComeAgain) {
  const size_t block = kBlockElements * sizeof(float);
  BlockPool pool({.bytes_in_use_max = 3 * block});
  const std::unique_ptr<Shard> shard =
      MakeShard(&pool, {.element_count = 2 * kBlockElements, .policy = "bounded_staleness { bound: 3 }"});
  ASSERT_FALSE(shard->Join(1, 1, 0).refusal);
  PullOutcome reader = shard->Pull({.epoch = 1, .worker = 1, .incarnation = 1});
  ASSERT_EQ(reader.fate, PullFate::kAnswered);
  const uint64_t hash = shard->Hash();
  const TestPush push(std::vector<float>(2 * kBlockElements, 1));
  const PushAnswer answer = shard->Push(push.request);
  EXPECT_EQ(answer.outcome.refusal.reason, RefusalReason::kOutOfMemory);
  EXPECT_EQ(answer.outcome.refusal.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(shard->Hash(), hash);
  reader = PullOutcome();
  EXPECT_EQ(shard->Push(push.request).outcome.fate, PushFate::kApplied);
}

}  // namespace
}  // namespace downpour::testing
