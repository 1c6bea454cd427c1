#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/bench.h"
#include "cli/command.h"
#include "common/base/interleaved.h"

namespace downpour {
namespace {

// `downpour bench store|transport|step`: this machine's figures beside its limits.
class BenchCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("bench", "Measure this machine, beside its limits in the same run");
    command->require_subcommand(1);
    for (auto& make : {MakeStoreBench, MakeTransportBench, MakeStepBench}) {
      std::unique_ptr<Bench> bench = make();
      CLI::App* part = bench->Register(*command);
      part->add_flag("--json", json_, "One JSON object a line instead of a table");
      benches_.emplace_back(part, std::move(bench));
    }
    return command;
  }

  int Run() override {
    std::vector<BenchLine> lines;
    const auto on_line = [&](const BenchLine& line) {
      lines.push_back(line);
      if (!json_) return;
      std::printf("%s\n", ToJson(line).c_str());
      std::fflush(stdout);
    };
    for (const auto& [part, bench] : benches_) {
      if (!part->parsed()) continue;
      const absl::StatusOr<std::string> heading = bench->Run(on_line);
      if (!json_ && !lines.empty()) std::printf("%s\n%s", heading.value_or("").c_str(), ToTable(lines).c_str());
      if (!heading.ok()) {
        std::fprintf(stderr, "downpour bench: %s\n", std::string(heading.status().message()).c_str());
        const bool wrong_words = absl::IsInvalidArgument(heading.status()) || absl::IsNotFound(heading.status());
        return wrong_words ? kExitUsage : kExitFailed;
      }
    }
    return std::fflush(stdout) == 0 ? kExitDone : kExitFailed;
  }

 private:
  bool json_ = false;
  std::vector<std::pair<CLI::App*, std::unique_ptr<Bench>>> benches_;
};

}  // namespace

std::unique_ptr<Command> MakeBenchCommand() { return std::make_unique<BenchCommand>(); }

}  // namespace downpour
