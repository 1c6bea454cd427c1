#include "server/consistency/policy_conformance.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "server/consistency/policy_world.h"

namespace downpour::testing {
namespace {

constexpr uint64_t kSeeds = 300;
constexpr int kEvents = 120;
constexpr uint32_t kWorkersMax = 6;

PolicyWorld MakeWorld(const PolicyCase& policy, PhiloxStream& random, PolicyWorld::Observer* observer = nullptr) {
  return PolicyWorld(policy.make(), 1 + random.UniformInt(kWorkersMax), policy.steps, observer);
}

bool Same(const PushRuling& a, const PushRuling& b) {
  return a.verdict == b.verdict && a.rate_scale == b.rate_scale && a.gradient_scale == b.gradient_scale &&
         a.reason == b.reason;
}

// Two policies that are told the same and must answer the same.
class Twins final : public Policy {
 public:
  Twins(std::unique_ptr<Policy> one, std::unique_ptr<Policy> two) : one_(std::move(one)), two_(std::move(two)) {}

  void WorkerJoined(WorkerId worker, uint64_t clock) override {
    one_->WorkerJoined(worker, clock);
    two_->WorkerJoined(worker, clock);
  }
  void WorkerLeft(WorkerId worker) override {
    one_->WorkerLeft(worker);
    two_->WorkerLeft(worker);
  }
  uint64_t JoinClock() const override {
    EXPECT_EQ(one_->JoinClock(), two_->JoinClock());
    return one_->JoinClock();
  }
  PushRuling OnPush(const PushFacts& push) override {
    PushRuling ruling = one_->OnPush(push);
    EXPECT_TRUE(Same(ruling, two_->OnPush(push)));
    return ruling;
  }
  std::optional<PushBatch> TakeReady() override {
    std::optional<PushBatch> batch = one_->TakeReady();
    const std::optional<PushBatch> other = two_->TakeReady();
    EXPECT_EQ(batch.has_value(), other.has_value());
    if (batch && other) {
      EXPECT_EQ(batch->push_ids, other->push_ids);
      EXPECT_EQ(batch->scale, other->scale);
    }
    return batch;
  }
  std::vector<uint64_t> TakeDropped() override {
    std::vector<uint64_t> dropped = one_->TakeDropped();
    EXPECT_EQ(dropped, two_->TakeDropped());
    return dropped;
  }
  bool MayAnswer(const PullFacts& pull) const override {
    EXPECT_EQ(one_->MayAnswer(pull), two_->MayAnswer(pull));
    return one_->MayAnswer(pull);
  }
  uint64_t AnswerClock(const PullFacts& pull) const override {
    EXPECT_EQ(one_->AnswerClock(pull), two_->AnswerClock(pull));
    return one_->AnswerClock(pull);
  }
  std::string Save() const override {
    EXPECT_EQ(one_->Save(), two_->Save());
    return one_->Save();
  }
  absl::Status Restore(std::string_view) override { return absl::UnimplementedError("twins"); }

 private:
  std::unique_ptr<Policy> one_, two_;
};

std::string Damage(std::string state, PhiloxStream& random) {
  const size_t at = random.UniformInt(state.size());
  switch (random.UniformInt(6)) {
    case 0:
      return state.substr(0, at);
    case 1:
      state[at] ^= 1 << random.UniformInt(8);
      return state;
    case 2:
      state.insert(at, 1, static_cast<char>(random.UniformInt(256)));
      return state;
    case 3:
      state.erase(at, 1 + random.UniformInt(8));
      return state;
    case 4:
      state.insert(at, absl::StrCat(random.Next64()));
      return state;
    default:
      return state + state.substr(at);
  }
}

TEST_P(PolicyConformance, NobodyWaitsInVainOnAnySchedule) {
  for (uint64_t seed = 0; seed < kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    PhiloxStream random(seed);
    PolicyWorld world = MakeWorld(GetParam(), random);
    for (int i = 0; i < kEvents; ++i) world.RandomEvent(random);
    world.ExpectLiveness();
  }
}

TEST_P(PolicyConformance, GoesOnWithOneSurvivorAndWithNewcomersWhenAllHaveLeft) {
  for (uint64_t seed = 0; seed < kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    PhiloxStream random(seed);
    PolicyWorld world = MakeWorld(GetParam(), random);
    for (int i = 0; i < kEvents / 2; ++i) world.RandomEvent(random);
    for (WorkerId id = 1; id < world.workers().size(); ++id) world.Leave(id);
    world.ExpectLiveness();
    const uint64_t before = world.policy().JoinClock();
    world.Leave(0);
    EXPECT_GE(world.policy().JoinClock(), before) << "the job's clock went back when its last worker left";
    for (WorkerId id = 0; id < world.workers().size(); ++id) world.Join(id);
    world.ExpectLiveness();
  }
}

TEST_P(PolicyConformance, RefusesThePushOfAWorkerThatIsNotLiveAndChangesNothing) {
  for (uint64_t seed = 0; seed < kSeeds / 10 && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    PhiloxStream random(seed);
    PolicyWorld world = MakeWorld(GetParam(), random);
    for (int i = 0; i < kEvents; ++i) world.RandomEvent(random);
    const std::string before = world.policy().Save();
    const WorkerId stranger = kWorkersMax + 1;
    const PushRuling ruling = world.policy().OnPush({.worker = stranger, .push_id = 1u << 30, .clock = 1});
    EXPECT_EQ(ruling.verdict, PushVerdict::kRefuse);
    EXPECT_FALSE(ruling.reason.empty());
    EXPECT_FALSE(world.policy().MayAnswer({.worker = stranger, .clock = 0}));
    world.policy().WorkerLeft(stranger);
    EXPECT_EQ(world.policy().Save(), before);
    EXPECT_FALSE(world.policy().TakeReady().has_value());
  }
}

TEST_P(PolicyConformance, RestoredInMidRunItRulesAsIfNothingHadHappened) {
  uint64_t restored = 0;
  for (uint64_t seed = 0; seed < kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    PhiloxStream random(seed);
    PolicyWorld world = MakeWorld(GetParam(), random);
    for (uint64_t i = random.UniformInt(kEvents); i > 0; --i) world.RandomEvent(random);
    // The pushes of the dead do not come again.
    if (std::any_of(world.held().begin(), world.held().end(), [](auto& h) { return !h.second.worker_lives; })) continue;
    ++restored;
    const std::string state = world.policy().Save();
    std::unique_ptr<Policy> twin = GetParam().make();
    ASSERT_EQ(twin->Restore(state), absl::OkStatus());
    EXPECT_EQ(twin->Save(), state);
    for (const auto& [push, held] : world.held()) EXPECT_EQ(twin->OnPush(held.facts).verdict, PushVerdict::kHold);
    EXPECT_FALSE(twin->TakeReady().has_value());
    auto twins = std::make_unique<Twins>(world.Replace(nullptr), std::move(twin));
    world.Replace(std::move(twins));
    for (int i = 0; i < kEvents; ++i) {
      world.RandomEvent(random);
      world.policy().Save();
    }
  }
  EXPECT_GT(restored, kSeeds / 4);
}

TEST_P(PolicyConformance, TakesNoHarmFromADamagedState) {
  uint64_t refused = 0;
  for (uint64_t seed = 0; seed < kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    PhiloxStream random(seed);
    PolicyWorld world = MakeWorld(GetParam(), random);
    for (int i = 0; i < kEvents / 4; ++i) world.RandomEvent(random);
    const std::string damaged = Damage(world.policy().Save(), random);
    for (int i = 0; i < kEvents / 4; ++i) world.RandomEvent(random);
    const std::string before = world.policy().Save();
    if (!world.policy().Restore(damaged).ok()) {
      ++refused;
      EXPECT_EQ(world.policy().Save(), before);
      for (int i = 0; i < kEvents / 4; ++i) world.RandomEvent(random);
      world.ExpectLiveness();
      continue;
    }
    EXPECT_EQ(world.policy().Save(), damaged) << "took what it would not have written";
    for (uint64_t i = 0; i < kEvents; ++i) {  // anything goes now but a crash
      const WorkerId worker = random.UniformInt(kWorkersMax);
      world.policy().OnPush({.worker = worker, .push_id = (1u << 30) + i, .clock = random.UniformInt(30)});
      world.policy().TakeReady();
      world.policy().MayAnswer({.worker = worker, .clock = random.UniformInt(30)});
      world.policy().WorkerLeft(random.UniformInt(kWorkersMax));
      world.policy().WorkerJoined(worker, world.policy().JoinClock());
    }
  }
  EXPECT_GT(refused, kSeeds / 3);
}

TEST_P(PolicyConformance, RefusesTheStateOfAnotherPolicyByName) {
  std::unique_ptr<Policy> policy = GetParam().make();
  const absl::Status status = policy->Restore("dictatorship 1\n0\n0\n");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("dictatorship 1"), absl::string_view::npos) << status;
}

}  // namespace

}  // namespace downpour::testing
