#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/command.h"
#include "cli/launch/launch_run.h"
#include "cli/load_whole_job.h"

namespace downpour {
namespace {

class LaunchCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand(
        "launch", "Train a job with servers and workers as processes, here or on a few machines over ssh");
    command->add_option("JOB", file_, "The job's file (proto/job.proto as text), or the name of a shipped job")
        ->required();
    command->add_option("--set", overrides_, "PATH=VALUE: override a field of the job; repeat it")
        ->take_all()
        ->allow_extra_args(false);
    LaunchOptions& plan = options_.plan;
    command->add_option("--hosts", plan.hosts, "a,b,me@c: as ssh takes them. Default: this machine, without ssh")
        ->delimiter(',')
        ->allow_extra_args(false);
    command->add_option("--servers", plan.servers, "Parameter servers, spread over the hosts")->capture_default_str();
    command->add_option("--workers", plan.workers, "Workers, spread over the hosts. Default: one on each")
        ->check(CLI::PositiveNumber);
    command->add_option("--devices", plan.devices,
                        "Of each worker: cpu:0,cpu:1 | cpu:all | cuda:0 | cuda:all. Workers on one machine divide what "
                        "\"all\", which is the default, stands for");
    command->add_option("--data_dir", plan.data_dir, "Where the data is, on each host");
    command->add_option("--log_dir", plan.log_dir,
                        "For TensorBoard's event files, on each host; several workers get a folder each in it");
    command->add_option("--json_log", plan.json_log,
                        "run.jsonl: one JSON object a line for each event, on each host; of several workers "
                        "run.worker-0.jsonl and so on");
    command->add_option("--restart", restart_, "Of a worker that died: never | on_failure")
        ->check(CLI::IsMember({"never", "on_failure"}))
        ->capture_default_str();
    command->add_option("--restarts_max", options_.supervision.restarts_max, "Of each worker, in all")
        ->capture_default_str();
    command->add_option("--binaries", options_.binaries,
                        "The folder of downpour_server and downpour_worker on the hosts. Default: as on this machine");
    command->add_option("--remote_dir", options_.remote_dir,
                        "The folder to run in on other hosts, made if missing. Default: where ssh begins");
    command
        ->add_option("--base_port", plan.base_port,
                     "The first port on each host; its tasks take one each. Default: free ones on this machine, 7070 "
                     "on others")
        ->check(CLI::Range(1, 65535));
    command->add_option("--ssh", options_.ssh, "The program, with flags of its own")->capture_default_str();
    AddSecurity(command, &plan.security);
    return command;
  }

  int Run() override {
    const absl::StatusOr<LoadedJob> job = LoadWholeJob(file_, overrides_);
    if (!job.ok()) {
      std::fprintf(stderr, "downpour: %s\n", std::string(job.status().message()).c_str());
      return kExitUsage;
    }
    options_.supervision.restart = restart_ == "on_failure";
    return RunLaunch(*job, options_);
  }

 private:
  static void AddSecurity(CLI::App* command, SecurityOptions* security) {
    const std::string names = " on each host; {role} stands for server or worker, {task} for server-0";
    command->add_option("--cert_file", security->cert_file, "A task's certificate (PEM)" + names)->group("Security");
    command->add_option("--key_file", security->key_file, "Its private key (PEM), likewise")->group("Security");
    command->add_option("--trusted_ca_file", security->trusted_ca_file, "The CAs of the others (PEM), likewise")
        ->group("Security");
    command->add_flag("--client_cert_auth", security->client_cert_auth, "Who comes must show a certificate")
        ->group("Security");
    command
        ->add_flag("--insecure_allow_plaintext", security->insecure_allow_plaintext,
                   "Talk without TLS where other machines can reach it")
        ->group("Security");
  }

  std::string file_;
  std::vector<std::string> overrides_;
  std::string restart_ = "on_failure";
  LaunchRunOptions options_;
};

}  // namespace

std::unique_ptr<Command> MakeLaunchCommand() { return std::make_unique<LaunchCommand>(); }

}  // namespace downpour
