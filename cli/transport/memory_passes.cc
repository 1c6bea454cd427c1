#include "cli/transport/memory_passes.h"

#include <cstring>

#include "common/base/interleaved.h"
#include "common/base/status.h"
#include "kernels/kernels.h"

namespace downpour {
namespace {

template <typename Pass>
double BytesPerSecond(size_t bytes, double seconds, const Pass& pass) {
  const double begin = SteadySeconds();
  double end = begin;
  double passed = 0;
  do {
    pass();
    passed += static_cast<double>(bytes);
    end = SteadySeconds();
  } while (end - begin < seconds);
  return passed / (end - begin);
}

}  // namespace

absl::StatusOr<MemoryPasses> MemoryPasses::Make(size_t bytes) {
  DP_ASSIGN_OR_RETURN(HugeArray from, HugeArray::Make(bytes, 1));
  DP_ASSIGN_OR_RETURN(HugeArray to, HugeArray::Make(bytes, 1));
  return MemoryPasses(std::move(from), std::move(to));
}

double MemoryPasses::Copy(double seconds) {
  return BytesPerSecond(from_.bytes(), seconds, [this] { std::memcpy(to_.data(), from_.data(), from_.bytes()); });
}

double MemoryPasses::Apply(double seconds) {
  UpdateScalars scalars;
  scalars.rate = 1.0f / 1024;
  UpdateArrays arrays;
  arrays.gradient = from_.data();
  arrays.weight_in = to_.floats();
  arrays.weight_out = to_.floats();
  arrays.count = from_.bytes() / sizeof(float);
  const Kernels& kernels = BestKernels();
  return BytesPerSecond(from_.bytes(), seconds, [&] { kernels.Update(UpdateRule::kSgd, scalars, arrays); });
}

}  // namespace downpour
