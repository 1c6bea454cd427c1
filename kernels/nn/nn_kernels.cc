#include "kernels/nn/nn_kernels.h"

#include <string_view>
#include <vector>

#include "hwy/targets.h"
#include "kernels/kernels.h"
#include "kernels/nn/reference/topics.h"
#include "kernels/nn/simd/levels.h"

namespace downpour::nn {
namespace {

// Those of the instruction set that kernels/kernels.h calls `name`.
const NnKernels* MakeSimdKernels(const char* name) {
  const int64_t target = name == std::string_view("avx512") ? HWY_AVX3
                         : name == std::string_view("avx2") ? HWY_AVX2
                                                            : HWY_SSE4;
  if (ConvolutionOfLevel(target) == nullptr) return nullptr;  // of which none, or all are there
  return new NnKernels{name,
                       *ConvolutionOfLevel(target),
                       *PoolingOfLevel(target),
                       *ElementwiseOfLevel(target),
                       *NormalizationOfLevel(target),
                       *LossOfLevel(target)};
}

}  // namespace

const NnKernels& ReferenceNnKernels() {
  static const NnKernels& kernels = *new NnKernels{
      "scalar",       ReferenceConvolution(), ReferencePooling(), ReferenceElementwise(), ReferenceNormalization(),
      ReferenceLoss()};
  return kernels;
}

const NnKernels& BestNnKernels() {
  static const NnKernels& best = []() -> const NnKernels& {
    for (const NnKernels* kernels : AllSupportedNnKernels()) {
      if (kernels->name == std::string_view(BestKernels().Name())) return *kernels;
    }
    return *AllSupportedNnKernels().front();
  }();
  return best;
}

absl::Span<const NnKernels* const> AllSupportedNnKernels() {
  static const auto* const all = [] {
    auto* const supported = new std::vector<const NnKernels*>;
    for (const Kernels* level : AllSupportedKernels()) {
      if (level == &ReferenceKernels()) continue;
      if (const NnKernels* kernels = MakeSimdKernels(level->Name())) supported->push_back(kernels);
    }
    supported->push_back(&ReferenceNnKernels());
    return supported;
  }();
  return *all;
}

}  // namespace downpour::nn
