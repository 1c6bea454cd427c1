#include <cstdint>
#include <cstdio>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "common/base/interleaved.h"
#include "kernels/kernels.h"
#include "kernels/update_bench_cases.h"

ABSL_FLAG(bool, json, false, "Print one JSON object for each case instead of a table.");
ABSL_FLAG(uint64_t, elements, 25'000'000, "Elements of the table.");
ABSL_FLAG(int, rounds, 9, "Rounds, of which the median counts.");

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Measures optimizer updates beside what memory allows. DOWNPOUR_SIMD=avx512|avx2|sse4|scalar chooses the "
      "kernels.");
  absl::ParseCommandLine(argc, argv);
  downpour::UpdateBenchOptions options;
  options.elements = absl::GetFlag(FLAGS_elements);
  options.rounds = absl::GetFlag(FLAGS_rounds);
  if (options.elements == 0 || options.rounds < 1) {
    std::fprintf(stderr, "--elements and --rounds must be at least 1\n");
    return 2;
  }
  const bool json = absl::GetFlag(FLAGS_json);
  if (json) {
    options.on_line = [](const downpour::BenchLine& line) { std::printf("%s\n", ToJson(line).c_str()); };
  }
  const std::vector<downpour::BenchLine> lines = RunUpdateBench(downpour::BestKernels(), options);
  if (!json) std::printf("kernels: %s\n%s", downpour::BestKernels().Name(), ToTable(lines).c_str());
  return 0;
}
