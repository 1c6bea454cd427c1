#include "worker/device/cpu/processor.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string_view>
#include <vector>

#include "kernels/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace downpour {
namespace {

constexpr int kRounds = 5;
constexpr int kSteps = 50'000;
constexpr size_t kReadBytes = size_t{48} << 20;

// The best rate of some rounds: what disturbs them only makes them slower.
double BestRate(double work, const std::function<void()>& run) {
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    best = std::max(best, work / std::max(elapsed.count(), 1e-9));
  }
  return best;
}

// Keeps the compiler from computing nothing.
template <typename Vector>
void Use(Vector& vector) {
#if defined(__clang__)
  asm volatile("" : "+m"(vector));  // it would want the callers' instruction set here for a register
#else
  asm volatile("" : "+x"(vector));
#endif
}

#if defined(__x86_64__)

constexpr int kChains = 12;  // independent: more than latency times throughput of any processor

__attribute__((target("avx512f"))) void MultiplyAdd512() {
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_set1_ps(1.F);
  __m512 x = _mm512_set1_ps(1e-9F);
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = _mm512_fmadd_ps(x, x, sums[i]);
    asm volatile("" : "+v"(x));
  }
  for (__m512& sum : sums) asm volatile("" : "+v"(sum));
}

__attribute__((target("avx512f,avx512bf16"))) void DotProduct512() {
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_set1_ps(1.F);
  __m512i bits = _mm512_set1_epi32(0x30003000);
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = _mm512_dpbf16_ps(sums[i], (__m512bh)bits, (__m512bh)bits);
    asm volatile("" : "+v"(bits));
  }
  for (__m512& sum : sums) asm volatile("" : "+v"(sum));
}

__attribute__((target("avx2,fma"))) void MultiplyAdd256() {
  __m256 sums[kChains];
  for (__m256& sum : sums) sum = _mm256_set1_ps(1.F);
  __m256 x = _mm256_set1_ps(1e-9F);
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = _mm256_fmadd_ps(x, x, sums[i]);
    Use(x);
  }
  for (__m256& sum : sums) Use(sum);
}

void MultiplyAdd128() {
  __m128 sums[kChains];
  for (__m128& sum : sums) sum = _mm_set1_ps(1.F);
  __m128 x = _mm_set1_ps(1e-9F);
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = _mm_add_ps(sums[i], _mm_mul_ps(x, x));
    Use(x);
  }
  for (__m128& sum : sums) Use(sum);
}

void MeasureFlops(std::string_view level, Processor* processor) {
  constexpr double kVectorFlops = 2.0 * kChains * kSteps;
  if (level == "avx512") {
    processor->flops_float32 = BestRate(kVectorFlops * 16, MultiplyAdd512);
    if (__builtin_cpu_supports("avx512bf16")) processor->flops_bfloat16 = BestRate(kVectorFlops * 32, DotProduct512);
  } else if (level == "avx2") {
    processor->flops_float32 = BestRate(kVectorFlops * 8, MultiplyAdd256);
  } else {
    processor->flops_float32 = BestRate(kVectorFlops * 4, MultiplyAdd128);
  }
}

#else

void MeasureFlops(std::string_view /*level*/, Processor* /*processor*/) {}

#endif

double MeasureReading() {
  const std::vector<uint64_t> memory(kReadBytes / sizeof(uint64_t), 1);
  return BestRate(static_cast<double>(kReadBytes), [&memory] {
    uint64_t sums[8] = {};
    for (size_t i = 0; i + 8 <= memory.size(); i += 8) {
      for (size_t j = 0; j < 8; ++j) sums[j] += memory[i + j];
    }
    for (uint64_t& sum : sums) asm volatile("" : "+r"(sum));
  });
}

std::string Name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t begin = line.find_first_not_of(" \t:", line.find(':'));
    if (begin != std::string::npos) return line.substr(begin);
  }
  return "unknown processor";
}

}  // namespace

const Processor& ThisProcessor() {
  static const auto* const processor = [] {
    auto* const measured = new Processor{.name = Name()};
    MeasureFlops(BestKernels().Name(), measured);
    measured->bytes_per_second = MeasureReading();
    return measured;
  }();
  return *processor;
}

}  // namespace downpour
