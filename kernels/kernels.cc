#include "kernels/kernels.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "kernels/reference/reference_kernels.h"
#include "kernels/simd/simd_kernels.h"

namespace downpour {
namespace {

const Kernels& Choose() {
  const absl::Span<const Kernels* const> all = AllSupportedKernels();
  const char* const asked = std::getenv("DOWNPOUR_SIMD");
  if (asked == nullptr || *asked == '\0') return *all.front();
  for (const Kernels* kernels : all) {
    if (std::string_view(kernels->Name()) == asked) return *kernels;
  }
  std::fprintf(stderr, "DOWNPOUR_SIMD=%s: not on this processor (there is", asked);
  for (const Kernels* kernels : all) std::fprintf(stderr, " %s", kernels->Name());
  std::fprintf(stderr, "); using %s\n", all.front()->Name());
  return *all.front();
}

}  // namespace

const Kernels& BestKernels() {
  static const Kernels& best = Choose();
  return best;
}

absl::Span<const Kernels* const> AllSupportedKernels() {
  static const auto* const all = [] {
    const absl::Span<const Kernels* const> simd = SupportedSimdKernels();
    auto* const kernels = new std::vector<const Kernels*>(simd.begin(), simd.end());
    kernels->push_back(&ReferenceKernels());
    return kernels;
  }();
  return *all;
}

}  // namespace downpour
