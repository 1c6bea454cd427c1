#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/command.h"
#include "common/base/interleaved.h"
#include "kernels/kernels.h"
#include "kernels/update_bench_cases.h"
#include "server/shard/shard_bench_cases.h"

namespace downpour {
namespace {

// `downpour bench store`: this machine's figures beside its limits.
class BenchCommand : public Command {
 public:
  CLI::App* Register(CLI::App& app) override {
    CLI::App* command = app.add_subcommand("bench", "Measure this machine, beside its limits in the same run");
    command->require_subcommand(1);
    CLI::App* store = command->add_subcommand("store", "Updates, pushes and pulls beside what memory allows");
    store->add_flag("--json", json_, "One JSON object a line instead of a table");
    store->add_option("--elements", elements_, "Parameters of the table that is updated")
        ->check(CLI::Range(size_t{1}, size_t{1} << 32))
        ->capture_default_str();
    store->add_option("--rounds", rounds_, "Rounds, of which the median counts")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    return command;
  }

  int Run() override {
    const auto on_line = [](const BenchLine& line) {
      std::printf("%s\n", ToJson(line).c_str());
      std::fflush(stdout);
    };
    UpdateBenchOptions updates;
    updates.elements = elements_;
    updates.rounds = rounds_;
    ShardBenchOptions shards;
    shards.shards = std::max<size_t>(1, elements_ / 1'000'000);  // of 1 Mi each: 25 M parameters are 100 MiB
    shards.elements = std::min(shards.elements, elements_);
    shards.rounds = rounds_;
    if (json_) updates.on_line = shards.on_line = on_line;

    const Kernels& kernels = BestKernels();
    std::vector<BenchLine> lines = RunUpdateBench(kernels, updates);
    const auto add = [&lines](const std::vector<BenchLine>& more) {
      lines.insert(lines.end(), more.begin(), more.end());
    };
    add(RunShardBench(shards));
    // A table that stays in the cache of a core: what locks and checks cost where memory is no limit.
    shards.shards = 2;
    shards.elements = std::min(elements_, size_t{64} << 10);
    add(RunShardBench(shards));
    if (!json_) std::printf("kernels: %s\n%s", kernels.Name(), ToTable(lines).c_str());
    return std::fflush(stdout) == 0 ? kExitDone : kExitFailed;
  }

 private:
  bool json_ = false;
  size_t elements_ = UpdateBenchOptions().elements;
  int rounds_ = UpdateBenchOptions().rounds;
};

}  // namespace

std::unique_ptr<Command> MakeBenchCommand() { return std::make_unique<BenchCommand>(); }

}  // namespace downpour
