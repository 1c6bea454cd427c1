#include "cli/train/local_run.h"

#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/train/embedded_cluster.h"
#include "cli/train/stop_signals.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "worker/device/devices.h"
#include "worker/train/job_data.h"
#include "worker/train/job_request.h"
#include "worker/train/json_log.h"
#include "worker/train/progress_view.h"
#include "worker/train/tensorboard_log.h"
#include "worker/train/worker_run.h"

namespace downpour {
namespace {

int Fail(const absl::Status& status, int exit) {
  std::fprintf(stderr, "downpour: %s\n", std::string(status.message()).c_str());
  return exit;
}

// All GPUs where there are some, else all cores.
absl::StatusOr<std::vector<std::string>> FindDevices(const std::string& wanted) {
  if (!wanted.empty()) return ParseDevices(wanted);
  absl::StatusOr<std::vector<std::string>> gpus = ParseDevices("cuda:all");
  return gpus.ok() && !gpus->empty() ? gpus : ParseDevices("cpu:all");
}

// Fails where a device is missing, before anything is shown.
absl::Status CheckDevices(const std::vector<std::string>& devices) {
  for (const std::string& device : devices) {
    if (!device.starts_with("cpu")) DP_RETURN_IF_ERROR(CreateDevice(device).status());
  }
  return absl::OkStatus();
}

void NoteWhatIsUnusual(const std::vector<std::string>& devices, std::vector<std::string>* notes) {
  const absl::StatusOr<std::vector<std::string>> cores = ParseDevices("cpu:all");
  size_t lanes = 0;
  for (const std::string& device : devices) lanes += device.starts_with("cpu");
  if (cores.ok() && lanes > cores->size()) {
    notes->push_back(absl::StrCat("there are ", lanes, " CPU devices and ", cores->size(),
                                  cores->size() == 1 ? " core" : " cores", ": they share the cores"));
  }
}

}  // namespace

int RunLocally(const LoadedJob& job, const LocalRunOptions& options) {
  // Refused rather than forgotten.
  if (!job.config.checkpoint().folder().empty()) {
    return Fail(job.Wrong("checkpoint.folder", "this version does not write checkpoints yet: take it out"), kExitUsage);
  }
  const absl::StatusOr<std::vector<std::string>> devices = FindDevices(options.devices);
  if (!devices.ok()) return Fail(Annotate(devices.status(), "--devices"), kExitUsage);
  if (const absl::Status there = CheckDevices(*devices); !there.ok()) return Fail(there, kExitUsage);
  absl::StatusOr<JobData> data = OpenJobData(job, options.data_dir);
  if (!data.ok()) return Fail(data.status(), kExitUsage);
  NoteWhatIsUnusual(*devices, &data->notes);

  // What servers and workers of a cluster log would only break into the view; what matters of it is in the summary.
  SetMinLogSeverity(LogSeverity::kWarning);
  ProgressView view(SteadyClock::Get(), ProgressOutput::Of(stdout));
  std::vector<RunObserver*> observers = {&view};
  std::unique_ptr<JsonLog> json;
  if (!options.json_log.empty()) {
    absl::StatusOr<std::unique_ptr<JsonLog>> log = JsonLog::Create(options.json_log);
    if (!log.ok()) return Fail(Annotate(log.status(), "--json_log"), kExitUsage);
    json = *std::move(log);
    observers.push_back(json.get());
  }
  std::unique_ptr<TensorBoardLog> tensorboard;
  const std::string& folder = options.log_dir.empty() ? job.config.logging().folder() : options.log_dir;
  if (!folder.empty()) {
    absl::StatusOr<std::unique_ptr<TensorBoardLog>> log = TensorBoardLog::Create(folder);
    if (!log.ok()) return Fail(Annotate(log.status(), "--log_dir"), kExitUsage);
    tensorboard = *std::move(log);
    observers.push_back(tensorboard.get());
  }

  EmbeddedCluster* running = nullptr;  // until the signals are watched no more
  const StopSignals signals([&running] {
    std::fputs("\ndownpour: finishing the steps that are under way; Ctrl-C again stops at once\n", stderr);
    if (running != nullptr) running->StopRun("stopped by Ctrl-C", /*evaluate=*/false);
  });
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

  WorkerRunOptions run;
  run.job = &job;
  run.data = &*data;
  run.observers = observers;
  run.stop = &signals.stopped();
  run.devices = *devices;
  run.carrier_is_inline = (*cluster)->carrier_is_inline();
  run.carrier = options.carrier;
  run.servers = options.servers;
  run.histograms = tensorboard != nullptr;
  run.join = [&](uint32_t worker) {
    PsClientOptions client;
    client.worker = worker;
    client.job_fingerprint = request->job_fingerprint();
    client.servers = (*cluster)->servers();
    client.send_table_norms = job.config.optimizer().clipping().has_by_table_norm();
    client.seed = job.config.seed() + worker;
    return PsClient::Join(std::move(client), (*cluster)->Carriers());
  };
  const RunEnd end = RunWorker(run);
  if (end.interrupted) return kExitInterrupted;
  if (end.status.ok()) return kExitDone;
  return Fail(end.status, kExitFailed);
}

}  // namespace downpour
