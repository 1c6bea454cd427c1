#include "worker/device/cpu/processor.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <vector>

#include "common/tensor/dtype.h"
#include "kernels/kernels.h"
#include "kernels/multiply_add_loop.h"

namespace downpour {
namespace {

constexpr int kRounds = 5;
constexpr double kOperations = 2e7;
constexpr size_t kReadBytes = size_t{48} << 20;

// The best rate of some rounds, each of which says how much it did: what disturbs them only makes them slower.
double BestRate(const std::function<double()>& run) {
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    const double work = run();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    best = std::max(best, work / std::max(elapsed.count(), 1e-9));
  }
  return best;
}

double MeasureFlops(DType dtype) {
  return BestRate([dtype] { return MultiplyAddLoop(BestKernels().Name(), dtype, kOperations); });
}

double MeasureReading() {
  const std::vector<uint64_t> memory(kReadBytes / sizeof(uint64_t), 1);
  return BestRate([&memory] {
    uint64_t sums[8] = {};
    for (size_t i = 0; i + 8 <= memory.size(); i += 8) {
      for (size_t j = 0; j < 8; ++j) sums[j] += memory[i + j];
    }
    for (uint64_t& sum : sums) asm volatile("" : "+r"(sum));
    return static_cast<double>(kReadBytes);
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
    measured->flops_float32 = MeasureFlops(DType::kFloat32);
    if (MultipliesBFloat16(BestKernels().Name())) measured->flops_bfloat16 = MeasureFlops(DType::kBFloat16);
    measured->bytes_per_second = MeasureReading();
    return measured;
  }();
  return *processor;
}

}  // namespace downpour
