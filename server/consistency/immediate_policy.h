#ifndef DOWNPOUR_SERVER_CONSISTENCY_IMMEDIATE_POLICY_H_
#define DOWNPOUR_SERVER_CONSISTENCY_IMMEDIATE_POLICY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/consistency/live_workers.h"
#include "server/consistency/policy.h"

namespace downpour {

// What the policies that hold no push have in common: every push is applied at once, alone, and every pull is answered
// at once unless the policy says otherwise. Keeps the live workers and their clocks.
class ImmediatePolicy : public Policy {
 public:
  void WorkerJoined(WorkerId worker, uint64_t clock) override { live_.Join(worker, clock); }
  void WorkerLeft(WorkerId worker) override { live_.Leave(worker); }
  uint64_t JoinClock() const override { return live_.min_clock(); }
  PushRuling OnPush(const PushFacts& push) override;
  std::optional<PushBatch> TakeReady() override { return std::nullopt; }
  std::vector<uint64_t> TakeDropped() override { return {}; }
  bool MayAnswer(const PullFacts& pull) const override { return live_.Contains(pull.worker); }
  std::string Save() const override;
  absl::Status Restore(std::string_view state) override;

 protected:
  // `name` marks the saved state; it outlives the policy.
  explicit ImmediatePolicy(std::string_view name) : name_(name) {}

  // What a gradient counts when it is applied now.
  virtual float GradientScale() const { return 1; }

  const LiveWorkers& live() const { return live_; }

 private:
  std::string_view name_;
  LiveWorkers live_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_IMMEDIATE_POLICY_H_
