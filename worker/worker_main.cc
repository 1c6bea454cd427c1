// The `downpour_worker` program: one worker task of a cluster, from its command line to the end of the run.

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "common/base/exit_status.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/stop_signals.h"
#include "common/base/version_facts.h"
#include "common/rpc/grpc_carrier.h"
#include "common/rpc/process_settings.h"
#include "common/rpc/security/credentials.h"
#include "common/rpc/shared_memory/channels.h"
#include "worker/train/job_data.h"
#include "worker/train/job_request.h"
#include "worker/train/run_devices.h"
#include "worker/train/run_outputs.h"
#include "worker/train/shipped_job.h"
#include "worker/train/worker_run.h"
#include "worker/worker_flags.h"

namespace downpour {
namespace {

int Fail(const absl::Status& status, int exit) {
  std::fprintf(stderr, "downpour_worker: %s\n", std::string(status.message()).c_str());
  return exit;
}

// Two servers or many: each by its number.
std::vector<ServerId> NumbersOf(const std::vector<std::string>& servers) {
  std::vector<ServerId> numbers;
  for (ServerId id = 0; id < servers.size(); ++id) numbers.push_back(id);
  return numbers;
}

// The ways to the servers. Outlives the clients.
class Ways {
 public:
  Ways(const WorkerSetup& setup, std::shared_ptr<grpc::ChannelCredentials> credentials, bool shared_memory)
      : servers_(setup.servers), credentials_(std::move(credentials)), use_shared_memory_(shared_memory) {}

  CarrierFactory Factory() {
    return [this](ServerId id) -> absl::StatusOr<std::unique_ptr<Carrier>> {
      if (id >= servers_.size()) {
        return absl::NotFoundError(absl::StrCat("the shard map has server/", id, ", of which this worker has no ",
                                                "address: it knows ", servers_.size()));
      }
      GrpcCarrierOptions options;
      options.address = servers_[id];
      options.credentials = credentials_;
      if (use_shared_memory_) options.payload_channels = &shared_memory_;
      return std::make_unique<GrpcCarrier>(std::move(options));
    };
  }

 private:
  const std::vector<std::string> servers_;
  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  const bool use_shared_memory_;
  SharedMemoryClientChannels shared_memory_;
};

int Work(const WorkerFlags& flags) {
  const absl::StatusOr<WorkerSetup> setup = SetUpWorker(flags);
  if (!setup.ok()) return Fail(setup.status(), kExitUsage);
  if (flags.job.empty()) return Fail(absl::InvalidArgumentError("which job? Give --job=FILE (or DOWNPOUR_JOB)"), kExitUsage);
  const absl::StatusOr<LoadedJob> job = LoadJobOrShipped(flags.job, flags.overrides);
  if (!job.ok()) return Fail(job.status(), kExitUsage);
  // Refused rather than forgotten.
  if (!job->config.checkpoint().folder().empty()) {
    return Fail(job->Wrong("checkpoint.folder", "this version does not write checkpoints yet: take it out"), kExitUsage);
  }
  const absl::StatusOr<RunDevices> devices = ChooseDevices(setup->devices);
  if (!devices.ok()) return Fail(devices.status(), kExitUsage);
  if (devices->names.size() > kReplicasOfTaskMax) {
    return Fail(absl::InvalidArgumentError(absl::StrCat("--devices: ", devices->names.size(), " devices are more than ",
                                                        kReplicasOfTaskMax, " of one task")),
                kExitUsage);
  }
  const auto credentials = MakeChannelCredentials(setup->security);
  if (!credentials.ok()) return Fail(credentials.status(), kExitUsage);
  absl::StatusOr<JobData> data = OpenJobData(*job, flags.data_dir);
  if (!data.ok()) return Fail(data.status(), kExitUsage);
  data->notes.insert(data->notes.end(), devices->notes.begin(), devices->notes.end());
  const absl::StatusOr<wire::CreateJobRequest> request = MakeJobRequest(*job, *data, NumbersOf(setup->servers));
  if (!request.ok()) return Fail(request.status(), kExitUsage);

  const StopSignals signals([] {
    std::fputs("\ndownpour_worker: finishing the steps that are under way, and leaving; again stops at once\n", stderr);
  });
  const absl::StatusOr<RunOutputs> outputs =
      RunOutputs::Create({.json_log = flags.json_log,
                          .log_dir = flags.log_dir.empty() ? job->config.logging().folder() : flags.log_dir});
  if (!outputs.ok()) return Fail(outputs.status(), kExitUsage);

  Ways ways(*setup, *credentials, flags.shared_memory);
  WorkerRunOptions run;
  run.job = &*job;
  run.data = &*data;
  run.observers = outputs->observers();
  run.stop = &signals.stopped();
  run.devices = devices->names;
  run.task = setup->task.number;
  run.carrier = flags.shared_memory ? "shm" : "grpc";
  run.servers = static_cast<uint32_t>(setup->servers.size());
  run.histograms = outputs->wants_histograms();
  run.join = [&](uint32_t worker, LoadDescriber describe_load) {
    PsClientOptions client = MakeClientOptions(*job, *request, worker);
    client.job = *request;
    client.describe_load = std::move(describe_load);
    client.join_timeout = absl::Seconds(flags.wait);
    client.give_up = [&signals] { return signals.stopped().load(); };
    return PsClient::Join(std::move(client), ways.Factory());
  };
  const RunEnd end = RunWorker(run);
  if (end.interrupted || signals.stopped().load()) return kExitInterrupted;
  if (end.status.ok()) return kExitDone;
  // What the servers refuse of a job is wrong in its file.
  return Fail(end.status, absl::IsInvalidArgument(end.status) && end.steps == 0 ? kExitUsage : kExitFailed);
}

}  // namespace
}  // namespace downpour

int main(int argc, char** argv) {
  downpour::ApplyProcessSettings();
  CLI::App app("Trains a job together with other workers, over the servers that hold its weights.", "downpour_worker");
  downpour::WorkerFlags flags;
  flags.Register(&app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? downpour::kExitDone : downpour::kExitUsage;
  }
  if (flags.version) {
    const std::string text = downpour::VersionText(downpour::VersionFacts());
    const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return written ? downpour::kExitDone : downpour::kExitFailed;
  }
  if (flags.log_format == "json") downpour::SetLogFormat(downpour::LogFormat::kJson);
  return downpour::Work(flags);
}
