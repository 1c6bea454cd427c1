#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/model_file.h"
#include "worker/models/graph.h"
#include "worker/models/summary.h"

namespace downpour {
namespace {

// `downpour model summary`: what a model file describes, or what is wrong with it.
class ModelCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("model", "Look at models");
    command->require_subcommand(1);
    CLI::App* summary = command->add_subcommand(
        "summary", "Check a model file and show its layers, shapes, parameters, cost and memory");
    summary
        ->add_option("MODEL", model_,
                     "A text file as docs/models.md describes it, or the name of a shipped model, as cifar10")
        ->required();
    summary->add_option("--batch", batch_, "Examples of the step whose memory is shown")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
        ->capture_default_str();
    summary->add_flag("--json", json_, "One JSON object instead of a table");
    return command;
  }

  int Run() override {
    const absl::StatusOr<Graph> graph = OpenModel(model_);
    if (!graph.ok()) return Refuse(graph.status());
    const ModelSummary summary = Summarize(*graph, batch_);
    const std::string text = json_ ? SummaryJson(summary) : SummaryText(summary);
    const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return written ? kExitDone : kExitFailed;
  }

 private:
  static int Refuse(const absl::Status& status) {
    std::fprintf(stderr, "downpour: %s\n", std::string(status.message()).c_str());
    return kExitUsage;
  }

  std::string model_;
  int64_t batch_ = 128;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeModelCommand() { return std::make_unique<ModelCommand>(); }

}  // namespace downpour
