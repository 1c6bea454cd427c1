#include "server/service/coordinator.h"

#include <cmath>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/cluster/task_name.h"

namespace downpour {
namespace {

constexpr uint64_t kAskAgainMs = 200;

// "5 minutes", "90 seconds"
std::string TimeText(double seconds) {
  const bool minutes = seconds >= 120;
  return absl::StrFormat("%g %s", minutes ? seconds / 60 : seconds, minutes ? "minutes" : "seconds");
}

struct ToResponse {
  wire::TakeWorkResponse* response;

  void operator()(const Lease& lease) const {
    wire::TakeWorkResponse::Training& training = *response->mutable_training();
    training.set_lease(lease.id);
    training.set_epoch(lease.slice.epoch);
    training.set_begin(lease.slice.begin);
    training.set_end(lease.slice.end);
  }
  void operator()(const RunBook::Evaluation& evaluation) const {
    response->mutable_evaluation()->set_number(evaluation.number);
    response->mutable_evaluation()->set_step(evaluation.step);
    response->mutable_evaluation()->set_last(evaluation.last);
  }
  void operator()(const RunBook::Nothing&) const { response->mutable_nothing()->set_ask_again_ms(kAskAgainMs); }
  void operator()(const RunBook::Finished& finished) const { response->mutable_finished()->set_why(finished.why); }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Create(const wire::WorkPlan& plan, const Clock* clock) {
  if (!std::isfinite(plan.seconds()) || plan.seconds() < 0) {
    return absl::InvalidArgumentError(absl::StrCat("plan.seconds is ", plan.seconds(), "; it must be in [0, inf)"));
  }
  absl::StatusOr<RunBook> book = RunBook::Create({.examples = plan.examples(),
                                                  .batch = plan.batch(),
                                                  .slice_batches_max = plan.slice_batches_max(),
                                                  .steps = plan.steps(),
                                                  .evaluate_every_steps = plan.evaluate_every_steps(),
                                                  .evaluate_at_end = plan.evaluate_at_end(),
                                                  .patience = plan.patience(),
                                                  .improvement = plan.improvement()});
  if (!book.ok()) return Annotate(book.status(), "the plan of the job");
  return std::unique_ptr<Coordinator>(new Coordinator(*std::move(book), plan.seconds(), clock));
}

void Coordinator::StopWhenTimeIsUp() {
  if (!started_.has_value()) started_ = clock_.Now();
  if (seconds_ > 0 && clock_.Now() - *started_ >= absl::Seconds(seconds_)) {
    book_.Stop(absl::StrCat("its ", TimeText(seconds_), " are over"), /*evaluate=*/true);
  }
}

absl::StatusOr<wire::TakeWorkResponse> Coordinator::Take(const wire::TakeWorkRequest& request, size_t workers) {
  MutexLock lock(&mutex_);
  StopWhenTimeIsUp();
  if (draining_.contains(TaskOfWorker(request.worker()))) {
    drained_.insert(request.worker());
    wire::TakeWorkResponse response;
    response.mutable_finished()->set_why("the worker was drained");
    return response;
  }
  DP_ASSIGN_OR_RETURN(const RunBook::Work work,
                      book_.Take(request.worker(), request.incarnation(), request.ticket(), workers));
  wire::TakeWorkResponse response;
  std::visit(ToResponse{&response}, work);
  return response;
}

absl::StatusOr<wire::ReportWorkResponse> Coordinator::Report(const wire::ReportWorkRequest& request) {
  MutexLock lock(&mutex_);
  StopWhenTimeIsUp();
  wire::ReportWorkResponse response;
  switch (request.work_case()) {
    case wire::ReportWorkRequest::kTraining:
      DP_RETURN_IF_ERROR(book_.ReportTraining(request.worker(), request.incarnation(), request.training().lease(),
                                              request.training().used()));
      break;
    case wire::ReportWorkRequest::kEvaluation: {
      DP_ASSIGN_OR_RETURN(const bool best,
                          book_.ReportEvaluation(request.worker(), request.incarnation(), request.evaluation().number(),
                                                 request.evaluation().score()));
      response.set_best(best);
      break;
    }
    case wire::ReportWorkRequest::WORK_NOT_SET:
      return absl::InvalidArgumentError("a report of no work");
  }
  response.set_stop(book_.stopped());
  response.set_steps(book_.steps());
  return response;
}

void Coordinator::Drain(uint32_t task) {
  MutexLock lock(&mutex_);
  draining_.insert(task);
}

bool Coordinator::IsDraining(uint32_t task) {
  MutexLock lock(&mutex_);
  return draining_.contains(task);
}

void Coordinator::Joined(WorkerId worker) {
  MutexLock lock(&mutex_);
  if (drained_.erase(worker) > 0) draining_.erase(TaskOfWorker(worker));
}

bool Coordinator::finished() {
  MutexLock lock(&mutex_);
  return book_.WhyFinished().has_value();
}

void Coordinator::Describe(wire::RunStatus* run) {
  MutexLock lock(&mutex_);
  const RunPlan& plan = book_.plan();
  const uint64_t batches = (plan.examples + plan.batch - 1) / plan.batch;
  run->set_steps(book_.steps());
  run->set_steps_planned(plan.steps);
  run->set_epoch(static_cast<double>(book_.steps()) / static_cast<double>(batches));
  if (started_.has_value()) run->set_seconds(absl::ToDoubleSeconds(clock_.Now() - *started_));
  run->set_seconds_planned(seconds_);
  run->set_examples_of_epoch(plan.examples);
  run->set_batch(plan.batch);
  run->set_leases_open(static_cast<uint32_t>(book_.leases().open_leases()));
  if (const auto& judged = book_.last_judged()) {
    run->mutable_last_evaluation()->set_step(judged->step);
    run->mutable_last_evaluation()->set_score(judged->score);
  }
  if (const auto& judged = book_.best_judged()) {
    run->mutable_best_evaluation()->set_step(judged->step);
    run->mutable_best_evaluation()->set_score(judged->score);
  }
  if (const std::optional<std::string> why = book_.WhyFinished()) {
    run->set_finished(true);
    run->set_why_finished(*why);
  }
}

void Coordinator::Release(WorkerId worker, uint64_t incarnation) {
  MutexLock lock(&mutex_);
  book_.Release(worker, incarnation);
}

void Coordinator::Stop(std::string why, bool evaluate) {
  MutexLock lock(&mutex_);
  book_.Stop(std::move(why), evaluate);
}

}  // namespace downpour
