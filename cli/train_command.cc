#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/load_whole_job.h"
#include "cli/train/local_run.h"

namespace downpour {
namespace {

class TrainCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("train", "Train a job on this machine, everything in one process");
    command->add_option("JOB", file_, "The job's file (proto/job.proto as text)")->required();
    command
        ->add_option("--set", overrides_,
                     "PATH=VALUE: override a field, like optimizer.sgd.learning_rate=0.05; repeat it")
        ->take_all()
        ->allow_extra_args(false);
    command->add_option(
        "--devices", options_.devices,
        "A replica on each: cpu:0,cpu:1 | cpu:all | cuda:0 | cuda:all. Default: all GPUs, or all cores");
    command->add_option("--servers", options_.servers, "Parameter servers, in this process")->capture_default_str();
    command
        ->add_option("--carrier", options_.carrier,
                     "How replicas reach servers: memory (by calls), shm or grpc (over loopback sockets)")
        ->check(CLI::IsMember({"memory", "shm", "grpc"}))
        ->capture_default_str();
    command->add_option("--data_dir", options_.data_dir, "Where the data is; goes before the job's and DOWNPOUR_DATA");
    command->add_option("--log_dir", options_.log_dir, "For TensorBoard's event files; made if missing");
    command->add_option("--listen", options_.listen,
                        "HOST:PORT to tell its status at, for downpour status and top; port 0 takes any");
    command->add_option("--json_log", options_.json_log, "A file that gets one JSON object a line for each event");
    return command;
  }

  int Run() override {
    const absl::StatusOr<LoadedJob> job = LoadWholeJob(file_, overrides_);
    if (!job.ok()) {
      std::fprintf(stderr, "downpour: %s\n", std::string(job.status().message()).c_str());
      return kExitUsage;
    }
    return RunLocally(*job, options_);
  }

 private:
  std::string file_;
  std::vector<std::string> overrides_;
  LocalRunOptions options_;
};

}  // namespace

std::unique_ptr<Command> MakeTrainCommand() { return std::make_unique<TrainCommand>(); }

}  // namespace downpour
