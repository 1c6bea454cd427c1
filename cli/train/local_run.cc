#include "cli/train/local_run.h"

#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/train/embedded_cluster.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/stop_signals.h"
#include "worker/train/job_data.h"
#include "worker/train/job_request.h"
#include "worker/train/run_devices.h"
#include "worker/train/run_outputs.h"
#include "worker/train/worker_run.h"

namespace downpour {
namespace {

int Fail(const absl::Status& status, int exit) {
  std::fprintf(stderr, "downpour: %s\n", std::string(status.message()).c_str());
  return exit;
}

}  // namespace

int RunLocally(const LoadedJob& job, const LocalRunOptions& options) {
  // Refused rather than forgotten.
  if (!job.config.checkpoint().folder().empty()) {
    return Fail(job.Wrong("checkpoint.folder", "this version does not write checkpoints yet: take it out"), kExitUsage);
  }
  const absl::StatusOr<RunDevices> devices = ChooseDevices(options.devices);
  if (!devices.ok()) return Fail(devices.status(), kExitUsage);
  absl::StatusOr<JobData> data = OpenJobData(job, options.data_dir);
  if (!data.ok()) return Fail(data.status(), kExitUsage);
  data->notes.insert(data->notes.end(), devices->notes.begin(), devices->notes.end());

  // What servers and workers of a cluster log would only break into the view; what matters of it is in the summary.
  SetMinLogSeverity(LogSeverity::kWarning);
  const absl::StatusOr<RunOutputs> outputs =
      RunOutputs::Create({.json_log = options.json_log,
                          .log_dir = options.log_dir.empty() ? job.config.logging().folder() : options.log_dir});
  if (!outputs.ok()) return Fail(outputs.status(), kExitUsage);

  const StopSignals signals(
      [] { std::fputs("\ndownpour: finishing the steps that are under way; Ctrl-C again stops at once\n", stderr); });
  absl::StatusOr<std::unique_ptr<EmbeddedCluster>> cluster =
      EmbeddedCluster::Start({.servers = options.servers, .carrier = options.carrier});
  if (!cluster.ok()) return Fail(cluster.status(), kExitUsage);
  const absl::StatusOr<wire::CreateJobRequest> request = MakeJobRequest(job, *data, (*cluster)->servers());
  if (!request.ok()) return Fail(request.status(), kExitUsage);
  // What servers refuse of a job is wrong in its file.
  for (const ServerId server : (*cluster)->servers()) {
    const absl::Status created = (*cluster)->host(server).CreateJob(*request, absl::InfiniteDuration()).status();
    if (!created.ok()) return Fail(Annotate(created, job.file), kExitUsage);
  }

  if (!options.listen.empty()) {
    if (const absl::Status told = (*cluster)->TellStatus(options.listen); !told.ok()) {
      return Fail(Annotate(told, "--listen"), kExitUsage);
    }
    data->notes.push_back(absl::StrCat("its status: downpour top ", (*cluster)->status_address()));
  }
  WorkerRunOptions run;
  run.job = &job;
  run.data = &*data;
  run.observers = outputs->observers();
  run.stop = &signals.stopped();
  run.devices = devices->names;
  run.carrier_is_inline = (*cluster)->carrier_is_inline();
  run.carrier = options.carrier;
  run.servers = options.servers;
  run.histograms = outputs->wants_histograms();
  run.join = [&](uint32_t worker, LoadDescriber describe_load) {
    PsClientOptions client = MakeClientOptions(job, *request, worker);
    if (!options.listen.empty()) client.describe_load = std::move(describe_load);
    return PsClient::Join(std::move(client), (*cluster)->Carriers());
  };
  const RunEnd end = RunWorker(run);
  if (end.interrupted) return kExitInterrupted;
  if (end.status.ok()) return kExitDone;
  return Fail(end.status, kExitFailed);
}

}  // namespace downpour
