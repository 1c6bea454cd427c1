#include "server/membership/run_book.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

}  // namespace

absl::StatusOr<RunBook> RunBook::Create(const RunPlan& plan) {
  if (!std::isfinite(plan.improvement) || plan.improvement < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("plan.improvement is ", plan.improvement, "; it must be in [0, inf)"));
  }
  DP_ASSIGN_OR_RETURN(
      LeaseBook leases,
      LeaseBook::Create({.examples = plan.examples, .batch = plan.batch, .slice_batches_max = plan.slice_batches_max}));
  return RunBook(plan, std::move(leases));
}

absl::StatusOr<RunBook::Work> RunBook::Take(WorkerId worker, uint64_t incarnation, uint64_t ticket, size_t workers) {
  const auto asked = asked_.find(worker);
  if (asked != asked_.end() && asked->second.incarnation == incarnation) {
    if (asked->second.ticket == ticket) return asked->second.answer;
    if (ticket < asked->second.ticket) {
      return absl::FailedPreconditionError(
          absl::StrCat("worker ", worker, " asks for work by ticket ", ticket, " after ticket ", asked->second.ticket));
    }
  }
  Work answer = Decide(worker, incarnation, workers);
  asked_[worker] = {.incarnation = incarnation, .ticket = ticket, .answer = answer};
  return answer;
}

bool RunBook::TrainingIsOver() const {
  if (stopped_) return true;
  return plan_.steps != 0 && leases_.batches_used() >= plan_.steps;
}

bool RunBook::EvaluationIsDue() const {
  if (open_evaluation_.has_value()) return false;
  if (TrainingIsOver()) {
    return plan_.evaluate_at_end && (!stopped_ || evaluate_when_stopped_) && leases_.open_leases() == 0 &&
           evaluated_step_ != leases_.batches_used();
  }
  return next_evaluation_step_ != 0 && leases_.batches_used() >= next_evaluation_step_;
}

RunBook::Work RunBook::GiveEvaluation(WorkerId worker, uint64_t incarnation) {
  const uint64_t step = leases_.batches_used();
  while (next_evaluation_step_ != 0 && next_evaluation_step_ <= step) {
    next_evaluation_step_ += plan_.evaluate_every_steps;
  }
  const Evaluation evaluation = {.number = next_evaluation_++, .step = step, .last = TrainingIsOver()};
  open_evaluation_ = {.evaluation = evaluation, .worker = worker, .incarnation = incarnation};
  return evaluation;
}

uint64_t RunBook::BatchesMax(size_t workers) const {
  const uint64_t given = leases_.batches_used() + leases_.batches_open();
  uint64_t most = kNoLimit;
  if (plan_.steps != 0) {
    const uint64_t left = plan_.steps - std::min(plan_.steps, given);
    // As towards the end of an epoch: a half of an even share, so that all finish at about the same time.
    most = std::min(left, std::max<uint64_t>(left / (2 * std::max<uint64_t>(workers, 1)), 1));
  }
  if (next_evaluation_step_ > given) most = std::min(most, next_evaluation_step_ - given);
  return most;
}

RunBook::Work RunBook::Decide(WorkerId worker, uint64_t incarnation, size_t workers) {
  // Who asks for more has heard that the rest need not be done.
  if (stopped_) leases_.Release(worker, incarnation);
  if (EvaluationIsDue()) return GiveEvaluation(worker, incarnation);
  if (TrainingIsOver()) {
    // The last one at work may be about to do the last evaluation; if it dies, somebody else does.
    std::optional<std::string> why = WhyFinished();
    if (!why.has_value()) return Nothing();
    return Finished{*std::move(why)};
  }
  const uint64_t batches_max = BatchesMax(workers);
  if (batches_max == 0) return Nothing();
  const LeaseBook::Answer answer = leases_.Take(worker, incarnation, workers, batches_max);
  if (answer.verdict == LeaseBook::Verdict::kGiven) return answer.lease;
  return Nothing();
}

std::optional<std::string> RunBook::WhyFinished() const {
  if (!TrainingIsOver() || EvaluationIsDue()) return std::nullopt;
  const bool all_done = leases_.open_leases() == 0 && !open_evaluation_.has_value();
  if (!all_done && !(stopped_ && !evaluate_when_stopped_)) return std::nullopt;
  return why_.empty() ? absl::StrCat("all ", plan_.steps, " steps are done") : why_;
}

absl::Status RunBook::ReportTraining(WorkerId worker, uint64_t incarnation, uint64_t lease, uint64_t used) {
  return leases_.Report(worker, incarnation, lease, used);
}

absl::StatusOr<bool> RunBook::ReportEvaluation(WorkerId worker, uint64_t incarnation, uint64_t number, double score) {
  if (!std::isfinite(score)) return absl::InvalidArgumentError(absl::StrCat("the score of an evaluation is ", score));
  if (number != 0 && number == last_report_.number) return last_report_.best;
  if (!open_evaluation_.has_value() || open_evaluation_->evaluation.number != number ||
      open_evaluation_->worker != worker || open_evaluation_->incarnation != incarnation) {
    return absl::FailedPreconditionError(
        absl::StrCat("evaluation ", number, " is not worker ", worker, "'s any more: take other work"));
  }
  const bool best = !best_.has_value() || score > best_->score + plan_.improvement;
  evaluated_step_ = open_evaluation_->evaluation.step;
  last_judged_ = {.step = *evaluated_step_, .score = score};
  open_evaluation_.reset();
  last_report_ = {.number = number, .best = best};
  not_better_ = best ? 0 : not_better_ + 1;
  if (best) best_ = last_judged_;
  if (plan_.patience != 0 && not_better_ >= plan_.patience) {
    Stop(absl::StrCat(not_better_, " evaluations after another were no better than the best"), /*evaluate=*/false);
  }
  return best;
}

void RunBook::Release(WorkerId worker, uint64_t incarnation) {
  leases_.Release(worker, incarnation);
  if (open_evaluation_.has_value() && open_evaluation_->worker == worker &&
      open_evaluation_->incarnation == incarnation) {
    // Due again, at once.
    if (plan_.evaluate_every_steps != 0) next_evaluation_step_ = open_evaluation_->evaluation.step;
    open_evaluation_.reset();
  }
}

void RunBook::Stop(std::string why, bool evaluate) {
  if (stopped_) return;
  stopped_ = true;
  evaluate_when_stopped_ = evaluate;
  why_ = std::move(why);
}

}  // namespace downpour
