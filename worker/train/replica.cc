#include "worker/train/replica.h"

#include <algorithm>
#include <cmath>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/stopwatch.h"
#include "worker/train/job_request.h"

namespace downpour {
namespace {

// A worker reports at the end of each lease, and so often within it.
constexpr absl::Duration kReportPeriod = absl::Milliseconds(500);

// That are held at once, with threads that make batches ahead: fewer than the coordinator allows.
constexpr size_t kLeasesMax = 3;

bool IsGivenUp(const absl::Status& status) { return status.code() == absl::StatusCode::kAborted; }

}  // namespace

Replica::Replica(const ReplicaOptions& options) : options_(options), config_(options.job->config) {}

absl::Status Replica::SetUp() {
  NetworkOptions network;
  network.compute = config_.replica().compute() == BFLOAT16 ? DType::kBFloat16 : DType::kFloat32;
  network.batch_max = config_.batch();
  network.fuse = !config_.replica().without_fusion();
  network.seed = config_.seed();
  DP_ASSIGN_OR_RETURN(network_, MakeNetwork(options_.job->graph, options_.job->inputs, options_.devices, network));
  return absl::OkStatus();
}

ReplicaState Replica::State() const {
  ReplicaState state = state_;
  if (exchange_ == nullptr) return state;
  const PushRecord& record = exchange_->record();
  for (const auto& [staleness, count] : record.staleness) state.record.staleness[staleness] += count;
  state.record.applied += record.applied;
  state.record.staleness_sum += record.staleness_sum;
  state.record.dropped += record.dropped;
  state.phases.push += exchange_->times().push;
  state.phases.pull += exchange_->times().pull;
  return state;
}

absl::StatusOr<std::string> Replica::Run() {
  DP_RETURN_IF_ERROR(SetUp());
  absl::StatusOr<std::string> result = std::string();
  while (!Stopped()) {
    absl::StatusOr<std::unique_ptr<PsClient>> client = options_.join();
    if (!client.ok()) {
      result = client.status();
      break;
    }
    client_ = *std::move(client);
    absl::StatusOr<std::unique_ptr<Exchange>> exchange =
        MakeExchange(*options_.job, {.carrier_is_inline = options_.carrier_is_inline}, client_.get(), network_.get());
    absl::StatusOr<Work> last = Work();
    if (exchange.ok()) {
      exchange_ = *std::move(exchange);
      last = TakePart();
    } else {
      last = exchange.status();
    }
    // Also after an error: nobody shall wait for this one.
    absl::Status left = exchange_ != nullptr && last.ok() ? exchange_->Finish() : absl::OkStatus();
    const absl::Status goodbye = client_->Leave();
    if (left.ok() && last.ok() && !goodbye.ok()) DP_LOG(WARNING) << "leaving: " << goodbye;
    state_ = State();
    exchange_ = nullptr;
    client_ = nullptr;
    if (!last.ok()) left = last.status();
    if (!left.ok()) {
      result = left;
      break;
    }
    if (last->has_finished()) {
      result = last->finished().why();
      break;
    }
    if (last->has_nothing()) {
      const Stopwatch watch(&state_.phases.wait);
      Sleep(absl::Milliseconds(last->nothing().ask_again_ms()));
    }
  }
  options_.monitor->ReplicaEnded(options_.index, options_.worker, network_->device_names(), State());
  return result;
}

void Replica::Sleep(absl::Duration time) const {
  for (absl::Duration slept; slept < time && !Stopped(); slept += absl::Milliseconds(20)) {
    absl::SleepFor(absl::Milliseconds(20));
  }
}

absl::StatusOr<Replica::Work> Replica::TakePart() {
  while (!Stopped()) {
    absl::StatusOr<std::optional<Work>> work = Train();
    if (work.ok() && work->has_value()) {
      if ((*work)->has_evaluation()) {
        const absl::Status judged = Evaluate((*work)->evaluation());
        if (!judged.ok()) work = judged;
      } else {
        return **work;
      }
    }
    if (work.ok()) continue;
    if (!IsGivenUp(work.status())) return work.status();
    // Whoever was silent for too long begins anew, from the weights as they are.
    options_.monitor->Note(absl::StrCat("worker ", options_.worker,
                                        " was given up, and joins again: ", std::string(work.status().message())));
    DP_RETURN_IF_ERROR(client_->Rejoin().status());
    exchange_->Rejoined();
  }
  return Work();
}

absl::StatusOr<std::optional<DataSlice>> Replica::TakeSlice() {
  {
    // Threads that make batches ahead would else take more than a worker may hold.
    MutexLock lock(&mutex_);
    while (streaming_ && slices_.size() >= kLeasesMax) changed_.Wait(&mutex_);
    if (!streaming_) return std::optional<DataSlice>();
  }
  DP_ASSIGN_OR_RETURN(Work work, client_->TakeWork());
  MutexLock lock(&mutex_);
  if (!work.has_training()) {
    other_work_ = std::move(work);
    return std::optional<DataSlice>();
  }
  const Work::Training& training = work.training();
  const DataSlice slice = {
      .lease = training.lease(), .epoch = training.epoch(), .begin = training.begin(), .end = training.end()};
  slices_[slice.lease] = slice;
  return std::optional<DataSlice>(slice);
}

absl::StatusOr<std::optional<Replica::Work>> Replica::Train() {
  {
    MutexLock lock(&mutex_);
    other_work_.reset();
    slices_.clear();
    streaming_ = true;
  }
  BatchStream::Options options;
  options.seed = config_.seed();
  options.batch = config_.batch();
  const bool on_cpu = options_.devices.front().starts_with("cpu");
  options.threads =
      config_.data().has_prefetch_threads() ? static_cast<int>(config_.data().prefetch_threads()) : (on_cpu ? 0 : 1);
  BatchStream stream(
      options_.data->train.get(), [this] { return TakeSlice(); }, options);
  const absl::Cleanup end_stream = [this] { EndStream(); };
  StreamBatch batch;
  while (!Stopped()) {
    absl::StatusOr<bool> more = false;
    {
      const Stopwatch watch(&state_.phases.data);
      more = stream.Next(&batch);
    }
    if (!more.ok()) return more.status();
    if (!*more) {
      MutexLock lock(&mutex_);
      return std::exchange(other_work_, std::nullopt);
    }
    DP_RETURN_IF_ERROR(Step(batch));
    DP_ASSIGN_OR_RETURN(const bool go_on, Report(batch));
    if (!go_on) break;
  }
  return std::optional<Work>();
}

void Replica::EndStream() {
  MutexLock lock(&mutex_);
  streaming_ = false;
  changed_.SignalAll();
}

// The same for the same batch of the same epoch, whoever trains on it.
uint64_t Replica::StepNumber(const StreamBatch& batch) {
  MutexLock lock(&mutex_);
  const uint64_t end = slices_[batch.lease].begin + batch.used;
  return batch.epoch * BatchesOfEpoch(*options_.job, options_.data->train->size()) + (end - 1) / config_.batch();
}

absl::Status Replica::Step(const StreamBatch& batch) {
  const uint64_t step = StepNumber(batch);
  const absl::Status begun = exchange_->Begin();
  if (!begun.ok()) return Explain(begun, batch, step);
  const double pushing = exchange_->times().push;
  double seconds = 0;
  absl::StatusOr<BatchLoss> loss = BatchLoss();
  {
    const Stopwatch watch(&seconds);
    loss = network_->Train(batch.examples, step, [this](size_t parameter) { exchange_->GradientReady(parameter); });
  }
  state_.phases.compute += seconds - (exchange_->times().push - pushing);
  if (!loss.ok()) return loss.status();
  if (!std::isfinite(loss->loss))
    return Explain(absl::InvalidArgumentError(absl::StrCat("the loss is ", loss->loss)), batch, step);
  const absl::Status ended = exchange_->End();
  if (!ended.ok()) return Explain(ended, batch, step);
  ++state_.steps;
  state_.examples += static_cast<uint64_t>(loss->examples);
  if (options_.monitor->StepDone(options_.index, *loss, State())) Histograms();
  return absl::OkStatus();
}

// What a server refuses for good, and a loss that is not finite, have their cause in some tensor.
absl::Status Replica::Explain(const absl::Status& status, const StreamBatch& batch, uint64_t step) {
  if (!absl::IsInvalidArgument(status)) return status;
  std::string where;
  const absl::StatusOr<std::string> found = network_->FindNonFinite(batch.examples, step);
  if (found.ok() && !found->empty()) where = absl::StrCat("; the first value that is not finite: ", *found);
  return absl::InvalidArgumentError(absl::StrCat(
      "step ", state_.steps + 1, " of worker ", options_.worker, " (epoch ", batch.epoch + 1, "): ",
      std::string(status.message()), where, ". A smaller learning rate, warm-up or replica.clip_global_norm may help"));
}

absl::StatusOr<bool> Replica::Report(const StreamBatch& batch) {
  const absl::Duration now = SteadyClock::Get().Now();
  if (!batch.ends_lease && now - last_report_ < kReportPeriod && !Stopped()) return true;
  last_report_ = now;
  const Stopwatch watch(&state_.phases.wait);
  wire::ReportWorkRequest report;
  report.mutable_training()->set_lease(batch.lease);
  report.mutable_training()->set_used(batch.used);
  const absl::StatusOr<wire::ReportWorkResponse> answer = client_->ReportWork(std::move(report));
  if (absl::IsFailedPrecondition(answer.status()) && client_->status().ok()) return false;  // the lease was lost
  if (!answer.ok()) return answer.status();
  options_.monitor->Reported(options_.index, state_.steps, answer->steps(), answer->learning_rate());
  if (batch.ends_lease) {
    MutexLock lock(&mutex_);
    slices_.erase(batch.lease);
    changed_.SignalAll();
  }
  return !answer->stop();
}

absl::StatusOr<BatchLoss> Replica::Judge(const ExampleSet& examples) {
  uint64_t count = examples.size();
  if (config_.evaluation().has_examples()) count = std::min<uint64_t>(count, config_.evaluation().examples());
  BatchLoss sum;
  HostBatch batch;
  for (uint64_t first = 0; first < count && !Stopped(); first += config_.batch()) {
    BatchRequest request;
    for (uint64_t i = first; i < std::min<uint64_t>(count, first + config_.batch()); ++i) request.indices.push_back(i);
    DP_RETURN_IF_ERROR(examples.Make(request, &batch));
    DP_ASSIGN_OR_RETURN(const BatchLoss loss, network_->Evaluate(batch));
    sum.examples += loss.examples;
    sum.correct += loss.correct;
    sum.loss += loss.loss * static_cast<double>(loss.examples);
  }
  sum.loss /= static_cast<double>(std::max<int64_t>(sum.examples, 1));
  return sum;
}

absl::Status Replica::Evaluate(const Work::Evaluation& work) {
  double seconds = 0;
  RunEvaluation evaluation;
  {
    const Stopwatch watch(&seconds);
    DP_RETURN_IF_ERROR(work.last() ? exchange_->Finish() : exchange_->Settle());
    const ExampleSet* const examples = EvaluationSet(*options_.job, *options_.data, &evaluation.split);
    if (examples == nullptr) return absl::InternalError("the coordinator asks for an evaluation of no data");
    exchange_->KeepOwnWeights();
    evaluation.average = config_.evaluation().use_average();
    DP_RETURN_IF_ERROR(exchange_->FetchForEvaluation(evaluation.average));
    DP_ASSIGN_OR_RETURN(const BatchLoss loss, Judge(*examples));
    exchange_->RestoreOwnWeights();
    if (Stopped()) return absl::OkStatus();
    evaluation.examples = static_cast<uint64_t>(loss.examples);
    evaluation.loss = loss.loss;
    evaluation.accuracy =
        HasAccuracy(network_->graph()) ? loss.correct / static_cast<double>(loss.examples) : std::nan("");
  }
  state_.phases.evaluate += seconds;
  evaluation.step = work.step();
  evaluation.took_seconds = seconds;
  const double score = std::isnan(evaluation.accuracy) ? -evaluation.loss : evaluation.accuracy;
  if (!std::isfinite(score)) {
    return absl::InvalidArgumentError(absl::StrCat("after step ", work.step(), " the ", evaluation.split, " loss is ",
                                                   evaluation.loss, ": the training has diverged"));
  }
  wire::ReportWorkRequest report;
  report.mutable_evaluation()->set_number(work.number());
  report.mutable_evaluation()->set_score(score);
  const absl::StatusOr<wire::ReportWorkResponse> answer = client_->ReportWork(std::move(report));
  // Given to another meanwhile, who tells of it.
  if (absl::IsFailedPrecondition(answer.status()) && client_->status().ok()) return absl::OkStatus();
  if (!answer.ok()) return answer.status();
  evaluation.best = answer->best();
  options_.monitor->Evaluated(options_.index, evaluation, State());
  return absl::OkStatus();
}

void Replica::Histograms() {
  std::vector<RunTensor> tensors;
  for (size_t p = 0; p < network_->parameter_count(); ++p) {
    tensors.push_back({.name = network_->graph().parameters()[p].spec->name,
                       .weights = network_->weights(p),
                       .gradient = network_->gradient(p)});
  }
  options_.monitor->Histograms(tensors);
}

}  // namespace downpour
