#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/bench.h"
#include "kernels/kernels.h"
#include "kernels/update_bench_cases.h"
#include "server/shard/shard_bench_cases.h"

namespace downpour {
namespace {

class StoreBench : public Bench {
 public:
  CLI::App* Register(CLI::App& bench) override {
    CLI::App* command = bench.add_subcommand("store", "Updates, pushes and pulls beside what memory allows");
    command->add_option("--elements", elements_, "Parameters of the table that is updated")
        ->check(CLI::Range(size_t{1}, size_t{1} << 32))
        ->capture_default_str();
    command->add_option("--rounds", rounds_, "Rounds, of which the median counts")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    return command;
  }

  absl::StatusOr<std::string> Run(const std::function<void(const BenchLine&)>& on_line) override {
    UpdateBenchOptions updates;
    updates.elements = elements_;
    updates.rounds = rounds_;
    updates.on_line = on_line;
    const Kernels& kernels = BestKernels();
    RunUpdateBench(kernels, updates);

    ShardBenchOptions shards;
    shards.shards = std::max<size_t>(1, elements_ / 1'000'000);  // of 1 Mi each: 25 M parameters are 100 MiB
    shards.elements = std::min(shards.elements, elements_);
    shards.rounds = rounds_;
    shards.on_line = on_line;
    RunShardBench(shards);
    // A table that stays in the cache of a core: what locks and checks cost where memory is no limit.
    shards.shards = 2;
    shards.elements = std::min(elements_, size_t{64} << 10);
    RunShardBench(shards);
    return absl::StrCat("kernels: ", kernels.Name());
  }

 private:
  size_t elements_ = UpdateBenchOptions().elements;
  int rounds_ = UpdateBenchOptions().rounds;
};

}  // namespace

std::unique_ptr<Bench> MakeStoreBench() { return std::make_unique<StoreBench>(); }

}  // namespace downpour
