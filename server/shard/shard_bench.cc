#include <cstdint>
#include <cstdio>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "common/base/interleaved.h"
#include "server/shard/shard_bench_cases.h"

ABSL_FLAG(bool, json, false, "Print one JSON object for each case instead of a table.");
ABSL_FLAG(uint32_t, shards, 25, "Shards of the table, each of 1 Mi elements (4 MiB).");
ABSL_FLAG(int, rounds, 9, "Rounds, of which the median counts.");

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Measures pushes to and pulls from shards in memory, without any transport.");
  absl::ParseCommandLine(argc, argv);
  downpour::ShardBenchOptions options;
  options.shards = absl::GetFlag(FLAGS_shards);
  options.rounds = absl::GetFlag(FLAGS_rounds);
  if (options.shards == 0 || options.rounds < 1) {
    std::fprintf(stderr, "--shards and --rounds must be at least 1\n");
    return 2;
  }
  const bool json = absl::GetFlag(FLAGS_json);
  if (json) {
    options.on_line = [](const downpour::BenchLine& line) { std::printf("%s\n", ToJson(line).c_str()); };
  }
  const std::vector<downpour::BenchLine> lines = downpour::RunShardBench(options);
  if (!json) std::printf("%s", downpour::ToTable(lines).c_str());
  return lines.empty() ? 1 : 0;  // none: a push or pull failed
}
