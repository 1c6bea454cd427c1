// The `downpour_worker` program: one worker task of a cluster, from its command line to the end of the run.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "common/base/exit_status.h"
#include "common/base/log.h"
#include "common/base/port_file.h"
#include "common/base/process_facts.h"
#include "common/base/program.h"
#include "common/base/status.h"
#include "common/base/stop_signals.h"
#include "common/base/string_view.h"
#include "common/rpc/grpc_carrier.h"
#include "common/rpc/process_settings.h"
#include "common/rpc/security/credentials.h"
#include "common/rpc/shared_memory/channels.h"
#include "common/rpc/task_status.h"
#include "worker/status/status_server.h"
#include "worker/train/job_data.h"
#include "worker/train/job_request.h"
#include "worker/train/run_board.h"
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

// What all replicas of this process have in common.
void AddProcess(wire::WorkerLoad* load) {
  const ProcessFacts facts = FindProcessFacts();
  load->set_host(facts.host);
  load->set_device_memory_used(facts.resident_bytes);
}

// What this task tells of itself, from before the run to its end.
class Teller {
 public:
  explicit Teller(const WorkerSetup& setup) : setup_(setup) {}

  RunBoard& board() { return board_; }

  absl::Status Start() {
    auto server = StatusServer::Start({.listen = setup_.listen,
                                       .security = setup_.security,
                                       .describe = [this](const wire::StatusRequest&) { return Describe(); }});
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    port_.store(server_->port());
    return absl::OkStatus();
  }

  int port() const { return port_.load(); }

  // By which others reach it.
  std::string address() const {
    if (!setup_.address.empty()) return setup_.address;
    const std::string_view host = std::string_view(setup_.listen).substr(0, setup_.listen.rfind(':'));
    return absl::StrCat(ToAbsl(host), ":", port_.load());
  }

 private:
  wire::StatusReport Describe() {
    wire::StatusReport report;
    *report.mutable_task() = DescribeTask(setup_.task.ToString(), address());
    const bool runs = board_.Describe(&report);
    const bool trains = runs && std::ranges::any_of(report.workers(), [](const wire::WorkerStatus& worker) {
                          return worker.load().steps() > 0;
                        });
    report.mutable_task()->set_state(trains ? wire::TaskStatus::RUNNING : wire::TaskStatus::WAITING);
    if (!trains) report.mutable_task()->set_waiting_for(runs ? "servers, and the first weights" : "its data");
    for (wire::WorkerStatus& worker : *report.mutable_workers()) {
      AddProcess(worker.mutable_load());
    }
    wire::TaskAddress& own = *report.add_tasks();
    own.set_task(report.task().task());
    own.set_address(report.task().address());
    for (size_t server = 0; server < setup_.servers.size(); ++server) {
      wire::TaskAddress& other = *report.add_tasks();
      other.set_task(absl::StrCat("server/", server));
      other.set_address(setup_.servers[server]);
    }
    return report;
  }

  const WorkerSetup& setup_;
  RunBoard board_;
  std::atomic<int> port_ = 0;
  std::unique_ptr<StatusServer> server_;
};

int Work(const WorkerFlags& flags) {
  // Before there are other threads, gRPC's among them: one that does not block the signals would end the process.
  const StopSignals signals([] {
    std::fputs("\ndownpour_worker: finishing the steps that are under way, and leaving; again stops at once\n", stderr);
  });
  const absl::StatusOr<WorkerSetup> setup = SetUpWorker(flags);
  if (!setup.ok()) return Fail(setup.status(), kExitUsage);
  if (flags.job.empty())
    return Fail(absl::InvalidArgumentError("which job? Give --job=FILE (or DOWNPOUR_JOB)"), kExitUsage);
  const absl::StatusOr<LoadedJob> job = LoadJobOrShipped(flags.job, flags.overrides);
  if (!job.ok()) return Fail(job.status(), kExitUsage);
  // Refused rather than forgotten.
  if (!job->config.checkpoint().folder().empty()) {
    return Fail(job->Wrong("checkpoint.folder", "this version does not write checkpoints yet: take it out"),
                kExitUsage);
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
  Teller teller(*setup);
  if (const absl::Status started = teller.Start(); !started.ok()) return Fail(started, kExitUsage);
  if (!flags.port_file.empty()) {
    const absl::Status written = WritePortFile(flags.port_file, teller.port());
    if (!written.ok()) return Fail(written, kExitUsage);
  }
  absl::StatusOr<JobData> data = OpenJobData(*job, flags.data_dir);
  if (!data.ok()) return Fail(data.status(), kExitUsage);
  data->notes.insert(data->notes.end(), devices->notes.begin(), devices->notes.end());
  const absl::StatusOr<wire::CreateJobRequest> request = MakeJobRequest(*job, *data, NumbersOf(setup->servers));
  if (!request.ok()) return Fail(request.status(), kExitUsage);

  const absl::StatusOr<RunOutputs> outputs = RunOutputs::Create(
      {.json_log = flags.json_log, .log_dir = flags.log_dir.empty() ? job->config.logging().folder() : flags.log_dir});
  if (!outputs.ok()) return Fail(outputs.status(), kExitUsage);

  Ways ways(*setup, *credentials, flags.shared_memory);
  WorkerRunOptions run;
  run.job = &*job;
  run.data = &*data;
  run.observers = outputs->observers();
  run.stop = &signals.stopped();
  run.devices = devices->names;
  run.task = setup->task.number;
  run.board = &teller.board();
  run.carrier = flags.shared_memory ? "shm" : "grpc";
  run.servers = static_cast<uint32_t>(setup->servers.size());
  run.histograms = outputs->wants_histograms();
  run.join = [&](uint32_t worker, LoadDescriber describe_load) {
    PsClientOptions client = MakeClientOptions(*job, *request, worker);
    client.job = *request;
    client.status_address = teller.address();
    client.describe_load = [describe = std::move(describe_load)](wire::WorkerLoad* load) {
      describe(load);
      AddProcess(load);
    };
    client.join_timeout = absl::Seconds(flags.wait);
    client.operation_timeout = absl::Seconds(flags.wait);
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
  downpour::FindProcessFacts();  // uptime counts from here
  downpour::ApplyProcessSettings();
  CLI::App app("Trains a job together with other workers, over the servers that hold its weights.", "downpour_worker");
  downpour::WorkerFlags flags;
  flags.Register(&app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? downpour::kExitDone : downpour::kExitUsage;
  }
  if (const std::optional<int> status = downpour::StartProgram(flags.program)) return *status;
  return downpour::Work(flags);
}
