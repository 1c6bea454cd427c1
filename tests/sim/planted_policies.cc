#include "tests/sim/planted_policies.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "server/consistency/policy_decorator.h"
#include "server/consistency/policy_factory.h"

namespace downpour::sim {
namespace {

class StalenessBoundOffByOne final : public PolicyDecorator {
 public:
  using PolicyDecorator::PolicyDecorator;
  bool MayAnswer(const PullFacts& pull) const override {
    return inner().MayAnswer({.worker = pull.worker, .clock = pull.clock - (pull.clock > 0)});
  }
};

class DeadWorkerWaitedFor final : public PolicyDecorator {
 public:
  using PolicyDecorator::PolicyDecorator;
  void WorkerLeft(WorkerId) override {}
};

class JoinClockIsZero final : public PolicyDecorator {
 public:
  using PolicyDecorator::PolicyDecorator;
  uint64_t JoinClock() const override { return 0; }
};

class BatchNotAveraged final : public PolicyDecorator {
 public:
  using PolicyDecorator::PolicyDecorator;
  std::optional<PushBatch> TakeReady() override {
    std::optional<PushBatch> batch = inner().TakeReady();
    if (batch.has_value()) batch->scale = 1;
    return batch;
  }
};

class LateGradientApplied final : public PolicyDecorator {
 public:
  using PolicyDecorator::PolicyDecorator;
  PushRuling OnPush(const PushFacts& push) override {
    PushRuling ruling = inner().OnPush(push);
    if (ruling.verdict == PushVerdict::kDrop) ruling.verdict = PushVerdict::kApply;
    return ruling;
  }
};

class HeldPushLostOnLeave final : public PolicyDecorator {
 public:
  using PolicyDecorator::PolicyDecorator;
  PushRuling OnPush(const PushFacts& push) override {
    PushRuling ruling = inner().OnPush(push);
    if (ruling.verdict == PushVerdict::kHold) held_[push.worker] = push.push_id;
    return ruling;
  }
  void WorkerLeft(WorkerId worker) override {
    inner().WorkerLeft(worker);
    if (const auto held = held_.find(worker); held != held_.end()) lost_.insert(held->second);
  }
  std::optional<PushBatch> TakeReady() override {
    std::optional<PushBatch> batch = inner().TakeReady();
    if (batch.has_value()) std::erase_if(batch->push_ids, [this](uint64_t push) { return lost_.contains(push); });
    return batch;
  }

 private:
  std::map<WorkerId, uint64_t> held_;
  std::set<uint64_t> lost_;
};

class PullAnsweredEarly final : public PolicyDecorator {
 public:
  using PolicyDecorator::PolicyDecorator;
  bool MayAnswer(const PullFacts&) const override { return true; }
};

class ShareCountsTheDead final : public PolicyDecorator {
 public:
  using PolicyDecorator::PolicyDecorator;
  void WorkerJoined(WorkerId worker, uint64_t clock) override {
    ever_.insert(worker);
    inner().WorkerJoined(worker, clock);
  }
  PushRuling OnPush(const PushFacts& push) override {
    PushRuling ruling = inner().OnPush(push);
    ruling.gradient_scale = 1.0f / static_cast<float>(ever_.size());
    return ruling;
  }

 private:
  std::set<WorkerId> ever_;
};

class StalenessRateOffByOne final : public PolicyDecorator {
 public:
  using PolicyDecorator::PolicyDecorator;
  PushRuling OnPush(const PushFacts& push) override {
    PushRuling ruling = inner().OnPush(push);
    ruling.rate_scale = 1.0f / static_cast<float>(push.version_now - push.version_pulled + 1);
    return ruling;
  }
};

// The policy inside never hears that the worker with the smallest id has left.
class WarmStartEndsWithItsWorker final : public PolicyDecorator {
 public:
  using PolicyDecorator::PolicyDecorator;
  void WorkerJoined(WorkerId worker, uint64_t clock) override {
    live_.insert(worker);
    inner().WorkerJoined(worker, clock);
  }
  void WorkerLeft(WorkerId worker) override {
    const bool first = !live_.empty() && *live_.begin() == worker;
    live_.erase(worker);
    if (!first) inner().WorkerLeft(worker);
  }

 private:
  std::set<WorkerId> live_;
};

class NewcomersWaitForEachOther final : public PolicyDecorator {
 public:
  using PolicyDecorator::PolicyDecorator;
  void WorkerJoined(WorkerId worker, uint64_t clock) override {
    inner().WorkerJoined(worker, clock);
    if (underway_) newcomers_.insert(worker);
  }
  void WorkerLeft(WorkerId worker) override {
    inner().WorkerLeft(worker);
    newcomers_.erase(worker);
  }
  PushRuling OnPush(const PushFacts& push) override {
    underway_ = true;
    return inner().OnPush(push);
  }
  std::optional<PushBatch> TakeReady() override {
    std::optional<PushBatch> batch = inner().TakeReady();
    if (batch.has_value()) newcomers_.clear();
    return batch;
  }
  bool MayAnswer(const PullFacts& pull) const override {
    return !newcomers_.contains(pull.worker) && inner().MayAnswer(pull);
  }

 private:
  bool underway_ = false;  // somebody has pushed
  std::set<WorkerId> newcomers_;
};

// Of a step that `by` more than the required pushes finish.
PolicyConfig RequireMore(const PolicyConfig& config, int by) {
  PolicyConfig changed = config;
  changed.mutable_sync()->set_required(std::max<int64_t>(1, int64_t{config.sync().required()} + by));
  return changed;
}

}  // namespace

std::unique_ptr<Policy> MakeSimulatedPolicy(const Scenario& scenario, Bug bug) {
  PolicyConfig config = scenario.policy;
  if (config.has_sync() && bug == Bug::kBatchOneShort) config = RequireMore(config, -1);
  if (config.has_sync() && bug == Bug::kBatchOneTooMany) config = RequireMore(config, 1);
  std::unique_ptr<Policy> policy = *MakePolicy(config);
  switch (bug) {
    case Bug::kStalenessBoundOffByOne:
      return std::make_unique<StalenessBoundOffByOne>(std::move(policy));
    case Bug::kDeadWorkerWaitedFor:
      return std::make_unique<DeadWorkerWaitedFor>(std::move(policy));
    case Bug::kJoinClockIsZero:
      return std::make_unique<JoinClockIsZero>(std::move(policy));
    case Bug::kBatchNotAveraged:
      return std::make_unique<BatchNotAveraged>(std::move(policy));
    case Bug::kLateGradientApplied:
      return std::make_unique<LateGradientApplied>(std::move(policy));
    case Bug::kHeldPushLostOnLeave:
      return std::make_unique<HeldPushLostOnLeave>(std::move(policy));
    case Bug::kPullAnsweredEarly:
    case Bug::kWarmStartNotAlone:
      return std::make_unique<PullAnsweredEarly>(std::move(policy));
    case Bug::kShareCountsTheDead:
      return std::make_unique<ShareCountsTheDead>(std::move(policy));
    case Bug::kStalenessRateOffByOne:
      return std::make_unique<StalenessRateOffByOne>(std::move(policy));
    case Bug::kWarmStartEndsWithItsWorker:
      return std::make_unique<WarmStartEndsWithItsWorker>(std::move(policy));
    case Bug::kNewcomersWaitForEachOther:
      return std::make_unique<NewcomersWaitForEachOther>(std::move(policy));
    default:
      return policy;
  }
}

}  // namespace downpour::sim
