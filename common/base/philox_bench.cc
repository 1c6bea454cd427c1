// What a random number costs, beside std::mt19937_64:
//   bazel run -c opt //common/base:philox_bench
#include <random>

#include "benchmark/benchmark.h"
#include "common/base/philox.h"

namespace downpour {
namespace {

void BM_PhiloxNext32(benchmark::State& state) {
  PhiloxStream random(1);
  for (auto _ : state) benchmark::DoNotOptimize(random.Next32());
}
BENCHMARK(BM_PhiloxNext32);

void BM_PhiloxNext64(benchmark::State& state) {
  PhiloxStream random(1);
  for (auto _ : state) benchmark::DoNotOptimize(random.Next64());
}
BENCHMARK(BM_PhiloxNext64);

void BM_PhiloxUniformInt(benchmark::State& state) {
  PhiloxStream random(1);
  for (auto _ : state) benchmark::DoNotOptimize(random.UniformInt(1000));
}
BENCHMARK(BM_PhiloxUniformInt);

void BM_PhiloxNewStream(benchmark::State& state) {
  uint64_t stream = 0;
  for (auto _ : state) benchmark::DoNotOptimize(PhiloxStream(1, stream++).Next64());
}
BENCHMARK(BM_PhiloxNewStream);

void BM_MersenneTwister64(benchmark::State& state) {
  std::mt19937_64 random(1);
  for (auto _ : state) benchmark::DoNotOptimize(random());
}
BENCHMARK(BM_MersenneTwister64);

}  // namespace
}  // namespace downpour

BENCHMARK_MAIN();
