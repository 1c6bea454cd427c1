// The speed of CRC-32C beside that of memcpy over the same bytes, in cache and out of it:
//   bazel run -c opt //common/base:crc32c_bench
#include <cstddef>
#include <cstring>
#include <vector>

#include "benchmark/benchmark.h"
#include "common/base/crc32c.h"
#include "common/base/crc32c_backends.h"

namespace downpour {
namespace {

void Count(benchmark::State& state) { state.SetBytesProcessed(state.iterations() * state.range(0)); }

void BM_Crc32c(benchmark::State& state) {
  const std::vector<std::byte> data(state.range(0), std::byte{7});
  for (auto _ : state) benchmark::DoNotOptimize(Crc32c(data));
  Count(state);
}

void BM_Crc32cPortable(benchmark::State& state) {
  const std::vector<std::byte> data(state.range(0), std::byte{7});
  for (auto _ : state) benchmark::DoNotOptimize(crc32c::FeedPortable(~0u, data.data(), data.size()));
  Count(state);
}

void BM_Memcpy(benchmark::State& state) {
  const std::vector<std::byte> data(state.range(0), std::byte{7});
  std::vector<std::byte> copy(data.size());
  for (auto _ : state) {
    std::memcpy(copy.data(), data.data(), data.size());
    benchmark::ClobberMemory();
  }
  Count(state);
}

constexpr int64_t kSizes[] = {64, 1 << 10, 16 << 10, 256 << 10, 4 << 20, 64 << 20};

void Sizes(benchmark::internal::Benchmark* bench) {
  for (const int64_t size : kSizes) bench->Arg(size);
}

BENCHMARK(BM_Crc32c)->Apply(Sizes);
BENCHMARK(BM_Crc32cPortable)->Apply(Sizes);
BENCHMARK(BM_Memcpy)->Apply(Sizes);

}  // namespace
}  // namespace downpour

BENCHMARK_MAIN();
