#ifndef DOWNPOUR_SERVER_CONSISTENCY_WARM_START_H_
#define DOWNPOUR_SERVER_CONSISTENCY_WARM_START_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/consistency/live_workers.h"
#include "server/consistency/policy_decorator.h"

namespace downpour {

// Downpour's warm start: one worker trains alone until its clock is `steps`, under the policy inside as if there were
// no other; the pulls of the others wait. Promise: until then every update is of the one worker, and if it leaves or
// dies the next takes over where it was.
//
// The one is the live worker with the smallest id, so all shards agree on it whatever order the news reach them in; a
// push of a worker whose turn is over is dropped. The end is a matter of the clock, not of a count, for the same
// reason: the push that ends the warm start ends it on every shard. Those who waited go on from the clock that it ended
// with.
class WarmStart final : public PolicyDecorator {
 public:
  WarmStart(std::unique_ptr<Policy> inner, uint64_t steps) : PolicyDecorator(std::move(inner)), steps_(steps) {}

  void WorkerJoined(WorkerId worker, uint64_t clock) override;
  void WorkerLeft(WorkerId worker) override;
  PushRuling OnPush(const PushFacts& push) override;
  std::optional<PushBatch> TakeReady() override;
  bool MayAnswer(const PullFacts& pull) const override;
  uint64_t AnswerClock(const PullFacts& pull) const override;
  std::string Save() const override;
  absl::Status Restore(std::string_view state) override;

 private:
  bool IsFirst(WorkerId worker) const { return !workers_.empty() && workers_.workers().front().id == worker; }
  void EndIfWarm();

  const uint64_t steps_;
  bool warm_ = false;        // the warm start is over
  uint64_t warm_clock_ = 0;  // that it ended with
  LiveWorkers workers_;      // until it is over: all; the policy inside knows of the first alone
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_WARM_START_H_
