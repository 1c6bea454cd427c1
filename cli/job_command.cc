#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/command.h"
#include "cli/load_whole_job.h"
#include "google/protobuf/text_format.h"

namespace downpour {
namespace {

class JobCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("job", "Check a job's file, or show it whole");
    command->require_subcommand(1);
    check_ = command->add_subcommand("check", "Check everything that can be checked without data");
    CLI::App* print = command->add_subcommand("print", "Show the job with its model and every default filled in");
    for (CLI::App* action : {check_, print}) {
      action->add_option("JOB", file_, "The job's file (proto/job.proto as text)")->required();
      action
          ->add_option("--set", overrides_,
                       "PATH=VALUE: override a field, like optimizer.adagrad.learning_rate=0.05; repeat it")
          ->take_all()
          ->allow_extra_args(false);
    }
    return command;
  }

  int Run() override {
    const absl::StatusOr<LoadedJob> job = LoadWholeJob(file_, overrides_);
    if (!job.ok()) {
      std::fprintf(stderr, "downpour: %s\n", std::string(job.status().message()).c_str());
      return kExitUsage;
    }
    std::string text;
    if (check_->parsed()) {
      text = file_ + ": job " + job->config.name() + " is all right: " + std::to_string(job->graph->layers().size()) +
             " layers, " + std::to_string(ParameterCount(*job->graph)) + " parameters\n";
    } else {
      google::protobuf::TextFormat::PrintToString(job->config, &text);
    }
    const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return written ? kExitDone : kExitFailed;
  }

 private:
  static int64_t ParameterCount(const Graph& graph) {
    int64_t count = 0;
    for (const Graph::Parameter& parameter : graph.parameters()) count += parameter.spec->elements;
    return count;
  }

  std::string file_;
  std::vector<std::string> overrides_;
  CLI::App* check_ = nullptr;
};

}  // namespace

std::unique_ptr<Command> MakeJobCommand() { return std::make_unique<JobCommand>(); }

}  // namespace downpour
