#ifndef DOWNPOUR_SERVER_CONSISTENCY_POLICY_DECORATOR_H_
#define DOWNPOUR_SERVER_CONSISTENCY_POLICY_DECORATOR_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/consistency/policy.h"

namespace downpour {

// A policy that stands before another and changes some of its rulings. By itself it changes nothing and has no state.
class PolicyDecorator : public Policy {
 public:
  explicit PolicyDecorator(std::unique_ptr<Policy> inner) : inner_(std::move(inner)) {}

  void WorkerJoined(WorkerId worker, uint64_t clock) override { inner_->WorkerJoined(worker, clock); }
  void WorkerLeft(WorkerId worker) override { inner_->WorkerLeft(worker); }
  uint64_t JoinClock() const override { return inner_->JoinClock(); }
  PushRuling OnPush(const PushFacts& push) override { return inner_->OnPush(push); }
  std::optional<PushBatch> TakeReady() override { return inner_->TakeReady(); }
  std::vector<uint64_t> TakeDropped() override { return inner_->TakeDropped(); }
  bool MayAnswer(const PullFacts& pull) const override { return inner_->MayAnswer(pull); }
  uint64_t AnswerClock(const PullFacts& pull) const override { return inner_->AnswerClock(pull); }
  std::string Save() const override { return inner_->Save(); }
  absl::Status Restore(std::string_view state) override { return inner_->Restore(state); }

 protected:
  Policy& inner() { return *inner_; }
  const Policy& inner() const { return *inner_; }

 private:
  std::unique_ptr<Policy> inner_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_POLICY_DECORATOR_H_
