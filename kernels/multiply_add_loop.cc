#include "kernels/multiply_add_loop.h"

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace downpour {
namespace {

// Two units with a latency of up to five cycles.
constexpr size_t kChains = 12;

// An accumulator goes through the empty assembly, so the compiler can neither drop nor shorten its chain.
#define DP_KEEP_IN_REGISTER(sum) asm volatile("" : "+v"(sum))

[[gnu::target("avx512f")]] void Float512(int64_t rounds) {
  __m512 sums[kChains] = {};
  const __m512 factor = _mm512_set1_ps(0.9999f);
  const __m512 term = _mm512_set1_ps(1e-7f);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (size_t k = 0; k < kChains; ++k) {
      sums[k] = _mm512_fmadd_ps(sums[k], factor, term);
      DP_KEEP_IN_REGISTER(sums[k]);
    }
  }
}

[[gnu::target("avx512f,avx512bf16")]] void BFloat512(int64_t rounds) {
  __m512 sums[kChains] = {};
  const __m512bh ones = (__m512bh)_mm512_set1_epi16(0x3f80);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (size_t k = 0; k < kChains; ++k) {
      sums[k] = _mm512_dpbf16_ps(sums[k], ones, ones);
      DP_KEEP_IN_REGISTER(sums[k]);
    }
  }
}

[[gnu::target("avx2,fma")]] void Float256(int64_t rounds) {
  __m256 sums[kChains] = {};
  const __m256 factor = _mm256_set1_ps(0.9999f);
  const __m256 term = _mm256_set1_ps(1e-7f);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (size_t k = 0; k < kChains; ++k) {
      sums[k] = _mm256_fmadd_ps(sums[k], factor, term);
      DP_KEEP_IN_REGISTER(sums[k]);
    }
  }
}

void Float128(int64_t rounds) {
  __m128 sums[kChains] = {};
  const __m128 factor = _mm_set1_ps(0.9999f);
  const __m128 term = _mm_set1_ps(1e-7f);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (size_t k = 0; k < kChains; ++k) {
      sums[k] = _mm_add_ps(_mm_mul_ps(sums[k], factor), term);
      DP_KEEP_IN_REGISTER(sums[k]);
    }
  }
}

#undef DP_KEEP_IN_REGISTER

double Run(void (*loop)(int64_t), size_t operations_a_lane, size_t lanes, double operations) {
  const double per_round = static_cast<double>(kChains * lanes * operations_a_lane);
  const int64_t rounds = static_cast<int64_t>(operations / per_round) + 1;
  loop(rounds);
  return static_cast<double>(rounds) * per_round;
}

}  // namespace

bool MultipliesBFloat16(std::string_view level) { return level == "avx512" && __builtin_cpu_supports("avx512bf16"); }

double MultiplyAddLoop(std::string_view level, DType dtype, double operations) {
  if (dtype == DType::kBFloat16 && MultipliesBFloat16(level)) return Run(BFloat512, 4, 16, operations);
  if (level == "avx512") return Run(Float512, 2, 16, operations);
  if (level == "avx2") return Run(Float256, 2, 8, operations);
  return Run(Float128, 2, 4, operations);
}

}  // namespace downpour
