#include "worker/train/run_monitor.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace downpour {
namespace {

// So often at least progress is told, however slow the steps are.
constexpr double kSilenceSeconds = 5;

double Ratio(double a, double b) { return b > 0 ? a / b : 0; }

}  // namespace

RunMonitor::RunMonitor(const Options& options, std::vector<RunObserver*> observers, size_t replicas)
    : options_(options),
      observers_(std::move(observers)),
      start_(options.clock->Now()),
      reported_(replicas),
      paces_(replicas),
      links_(replicas),
      states_(replicas),
      shares_(replicas) {}

double RunMonitor::SecondsSinceStart() const { return absl::ToDoubleSeconds(options_.clock->Now() - start_); }

void RunMonitor::Start(const RunStart& start) {
  MutexLock lock(&mutex_);
  start_ = options_.clock->Now();
  started_ = start;
  for (RunObserver* observer : observers_) observer->Started(start);
}

PushRecord RunMonitor::Pushes() const {
  PushRecord sum;
  for (const ReplicaState& state : states_) {
    for (const auto& [staleness, count] : state.record.staleness) sum.staleness[staleness] += count;
    sum.applied += state.record.applied;
    sum.staleness_sum += state.record.staleness_sum;
    sum.dropped += state.record.dropped;
  }
  return sum;
}

bool RunMonitor::StepDone(size_t replica, const BatchLoss& loss, const ReplicaState& state) {
  MutexLock lock(&mutex_);
  paces_[replica].Add(static_cast<uint64_t>(loss.examples), loss.loss,
                      state.phases.compute - states_[replica].phases.compute, SecondsSinceStart());
  states_[replica] = state;
  ++steps_;
  examples_ += static_cast<uint64_t>(loss.examples);
  recent_examples_ += static_cast<uint64_t>(loss.examples);
  loss_sum_ += loss.loss * static_cast<double>(loss.examples);
  correct_sum_ += loss.correct;
  if (steps_ % options_.log_every_steps == 0 || SecondsSinceStart() - told_at_ > kSilenceSeconds) TellProgress();
  return options_.histograms_every_steps != 0 && steps_ % options_.histograms_every_steps == 0;
}

void RunMonitor::TellProgress() {
  const PushRecord pushes = Pushes();
  RunProgress progress;
  // A worker that was lost takes steps with it that others do again.
  progress.step = told_step_ = std::max(told_step_, GlobalStep());
  progress.epoch = EpochOf(progress.step);
  progress.examples = examples_;
  progress.seconds = SecondsSinceStart();
  progress.loss = Ratio(loss_sum_, static_cast<double>(recent_examples_));
  progress.accuracy = options_.has_accuracy ? Ratio(correct_sum_, static_cast<double>(recent_examples_))
                                            : std::numeric_limits<double>::quiet_NaN();
  progress.learning_rate = learning_rate_;
  progress.examples_per_second = Ratio(static_cast<double>(recent_examples_), progress.seconds - told_at_);
  progress.staleness = Ratio(static_cast<double>(pushes.staleness_sum - told_staleness_),
                             static_cast<double>(pushes.applied - told_applied_));
  told_at_ = progress.seconds;
  loss_sum_ = correct_sum_ = 0;
  recent_examples_ = 0;
  told_applied_ = pushes.applied;
  told_staleness_ = pushes.staleness_sum;
  for (RunObserver* observer : observers_) observer->Progressed(progress);
}

void RunMonitor::Histograms(std::span<const RunTensor> tensors) {
  MutexLock lock(&mutex_);
  for (RunObserver* observer : observers_) observer->Histograms(GlobalStep(), tensors);
}

void RunMonitor::Reported(size_t replica, uint64_t own_steps, uint64_t all_steps, double learning_rate) {
  MutexLock lock(&mutex_);
  learning_rate_ = learning_rate;
  reported_[replica] = own_steps;
  if (options_.alone) return;
  const uint64_t own = std::accumulate(reported_.begin(), reported_.end(), uint64_t{0});
  steps_of_others_ = all_steps > own ? all_steps - own : 0;
}

void RunMonitor::Describe(size_t replica, wire::WorkerLoad* load) {
  const ReplicaState& state = states_[replica];
  const double now = SecondsSinceStart();
  load->set_seconds(now);
  load->set_steps(state.steps);
  load->set_examples(state.examples);
  load->set_examples_per_second(paces_[replica].ExamplesPerSecond(now));
  if (const std::optional<double> loss = paces_[replica].Loss(now)) load->set_loss(*loss);
  wire::PhaseSeconds& phases = *load->mutable_phases();
  phases.set_data(state.phases.data);
  phases.set_compute(state.phases.compute);
  phases.set_push(state.phases.push);
  phases.set_pull(state.phases.pull);
  phases.set_wait(state.phases.wait);
  phases.set_evaluate(state.phases.evaluate);
  if (replica < started_.devices.size()) load->set_device(started_.devices[replica]);
  load->set_device_busy(paces_[replica].Busy(now));
}

void RunMonitor::DescribeLoad(size_t replica, wire::WorkerLoad* load) {
  MutexLock lock(&mutex_);
  *links_[replica].mutable_links() = load->links();
  Describe(replica, load);
}

std::vector<wire::WorkerLoad> RunMonitor::Loads() {
  MutexLock lock(&mutex_);
  std::vector<wire::WorkerLoad> loads = links_;
  for (size_t replica = 0; replica < loads.size(); ++replica) Describe(replica, &loads[replica]);
  return loads;
}

void RunMonitor::DescribeRun(wire::RunStatus* run) {
  MutexLock lock(&mutex_);
  const double now = SecondsSinceStart();
  run->set_steps(GlobalStep());
  run->set_steps_planned(started_.steps.value_or(0));
  run->set_epoch(EpochOf(GlobalStep()));
  run->set_seconds(now);
  run->set_seconds_planned(started_.seconds_allowed.value_or(0));
  run->set_learning_rate(learning_rate_);
  run->set_examples_of_epoch(started_.examples);
  run->set_batch(started_.batch);
  double rate = 0;
  for (RecentPace& pace : paces_) rate += pace.ExamplesPerSecond(now);
  run->set_examples_per_second(rate);
}

void RunMonitor::Evaluated(size_t replica, RunEvaluation evaluation, const ReplicaState& state) {
  MutexLock lock(&mutex_);
  states_[replica] = state;
  evaluation.epoch = EpochOf(evaluation.step);
  evaluation.seconds = SecondsSinceStart();
  last_ = evaluation;
  if (evaluation.best) best_ = evaluation;
  for (RunObserver* observer : observers_) observer->Evaluated(evaluation);
}

void RunMonitor::Note(std::string_view text) {
  MutexLock lock(&mutex_);
  for (RunObserver* observer : observers_) observer->Noted(text);
}

void RunMonitor::ReplicaEnded(size_t replica, uint32_t worker, std::string device, const ReplicaState& state) {
  MutexLock lock(&mutex_);
  states_[replica] = state;
  shares_[replica] = {.worker = worker,
                      .device = std::move(device),
                      .steps = state.steps,
                      .examples = state.examples,
                      .phases = state.phases};
}

RunEnd RunMonitor::End(const absl::Status& status, std::string reason, bool interrupted) {
  MutexLock lock(&mutex_);
  if (recent_examples_ > 0) TellProgress();
  RunEnd end;
  end.status = status;
  end.reason = std::move(reason);
  end.interrupted = interrupted;
  end.steps = steps_;
  end.examples = examples_;
  end.seconds = SecondsSinceStart();
  double evaluating = 0;
  for (const ReplicaShare& share : shares_) evaluating += share.phases.evaluate;
  end.examples_per_second =
      Ratio(static_cast<double>(examples_), end.seconds - evaluating / static_cast<double>(shares_.size()));
  end.last = last_;
  end.best = best_;
  PushRecord pushes = Pushes();
  end.staleness_mean = Ratio(static_cast<double>(pushes.staleness_sum), static_cast<double>(pushes.applied));
  end.staleness = std::move(pushes.staleness);
  end.dropped_pushes = pushes.dropped;
  end.replicas = shares_;
  for (RunObserver* observer : observers_) observer->Ended(end);
  return end;
}

}  // namespace downpour
