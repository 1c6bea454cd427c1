#include "worker/train/job_request.h"

#include <algorithm>
#include <cmath>

#include "common/base/status.h"
#include "common/rpc/limits.h"
#include "common/sharding/placement.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "openssl/sha.h"
#include "worker/train/network.h"

namespace downpour {
namespace {

std::string Fingerprint(const LoadedJob& job, uint64_t examples, std::span<const ServerId> servers) {
  JobConfig agreed = job.config;
  agreed.clear_logging();
  agreed.clear_checkpoint();
  agreed.mutable_data()->clear_data_dir();
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    agreed.SerializeToCodedStream(&coded);
    coded.WriteLittleEndian64(examples);
    for (const ServerId server : servers) coded.WriteLittleEndian32(server);
  }
  std::string fingerprint(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(fingerprint.data()));
  return fingerprint;
}

uint64_t Rounded(double steps) { return std::max<uint64_t>(static_cast<uint64_t>(std::llround(steps)), 1); }

void PlanEvaluations(const LoadedJob& job, uint64_t batches, wire::WorkPlan* plan) {
  const EvaluationConfig& evaluation = job.config.evaluation();
  plan->set_evaluate_at_end(true);
  plan->set_evaluate_every_steps(evaluation.has_every_steps()
                                     ? evaluation.every_steps()
                                     : Rounded(evaluation.every_epochs() * static_cast<double>(batches)));
  if (!evaluation.has_early_stopping()) return;
  plan->set_patience(evaluation.early_stopping().patience());
  const double points = evaluation.early_stopping().improvement();
  plan->set_improvement(HasAccuracy(*job.graph) ? points / 100 : points);
}

}  // namespace

uint64_t BatchesOfEpoch(const LoadedJob& job, uint64_t examples) {
  return (examples + job.config.batch() - 1) / job.config.batch();
}

uint64_t StepsOf(const LoadedJob& job, uint64_t examples) {
  const BudgetConfig& budget = job.config.budget();
  uint64_t steps = budget.steps();
  if (budget.has_epochs()) {
    const uint64_t of_epochs = Rounded(budget.epochs() * static_cast<double>(BatchesOfEpoch(job, examples)));
    steps = steps == 0 ? of_epochs : std::min(steps, of_epochs);
  }
  return steps;
}

const ExampleSet* EvaluationSet(const LoadedJob& job, const JobData& data, std::string* split) {
  if (job.config.evaluation().off()) return nullptr;
  *split = data.validation != nullptr ? "validation" : "test";
  return data.validation != nullptr ? data.validation.get() : data.test.get();
}

absl::StatusOr<wire::CreateJobRequest> MakeJobRequest(const LoadedJob& job, const JobData& data,
                                                      std::span<const ServerId> servers) {
  const uint64_t examples = data.train->size();
  wire::CreateJobRequest request;
  request.mutable_versions()->set_version(kProtocolVersion);
  request.mutable_versions()->set_version_min(kProtocolVersionMin);
  request.set_job_fingerprint(Fingerprint(job, examples, servers));
  request.set_name(job.config.name());
  const std::vector<TableSpec> tables = job.graph->Tables();
  DP_ASSIGN_OR_RETURN(const ShardMap map, PlaceTables(tables, servers));
  *request.mutable_shard_map() = map.ToProto();
  *request.mutable_optimizer() = job.config.optimizer();
  *request.mutable_policy() = job.config.policy();
  request.set_seed(job.config.seed());

  wire::WorkPlan& plan = *request.mutable_plan();
  plan.set_examples(examples);
  plan.set_batch(job.config.batch());
  plan.set_slice_batches_max(job.config.data().slice_batches());
  plan.set_steps(StepsOf(job, examples));
  if (job.config.budget().has_minutes()) plan.set_seconds(job.config.budget().minutes() * 60);
  std::string split;
  if (EvaluationSet(job, data, &split) != nullptr) PlanEvaluations(job, BatchesOfEpoch(job, examples), &plan);
  return request;
}

PsClientOptions MakeClientOptions(const LoadedJob& job, const wire::CreateJobRequest& request, uint32_t worker) {
  PsClientOptions options;
  options.worker = worker;
  options.job_fingerprint = request.job_fingerprint();
  options.servers.assign(request.shard_map().servers().begin(), request.shard_map().servers().end());
  options.send_table_norms = job.config.optimizer().clipping().has_by_table_norm();
  options.seed = job.config.seed() + worker;
  return options;
}

}  // namespace downpour
