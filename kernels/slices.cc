#include "kernels/slices.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace downpour {
namespace {

constexpr size_t kAll = std::numeric_limits<size_t>::max();

}  // namespace

size_t ByteCount(Slices slices) {
  size_t bytes = 0;
  for (const absl::Span<const std::byte> slice : slices) bytes += slice.size();
  return bytes;
}

SliceCursor::SliceCursor(Slices slices, DType dtype)
    : slices_(slices), dtype_(dtype), element_size_(DTypeSize(dtype)) {}

SliceCursor::FloatRun SliceCursor::Next(size_t count_max) {
  SkipSpentSlices();
  if (slice_ == slices_.size()) return {nullptr, 0};
  const absl::Span<const std::byte> slice = slices_[slice_];
  size_t count = std::min((slice.size() - offset_) / element_size_, count_max);
  if (count < count_max) count -= count % kSumGroup;
  if (count == 0) return Gather(std::min(count_max, kSumGroup));
  const FloatRun run = {slice.data() + offset_, count};
  offset_ += count * element_size_;
  return run;
}

SliceCursor::FloatRun SliceCursor::Gather(size_t count_max) {
  const size_t wanted = count_max * element_size_;
  size_t filled = 0;
  while (filled < wanted) {
    SkipSpentSlices();
    if (slice_ == slices_.size()) break;
    const absl::Span<const std::byte> rest = slices_[slice_].subspan(offset_, wanted - filled);
    std::memcpy(carry_ + filled, rest.data(), rest.size());
    filled += rest.size();
    offset_ += rest.size();
  }
  return {carry_, filled / element_size_};
}

void SliceCursor::SkipSpentSlices() {
  while (slice_ < slices_.size() && offset_ == slices_[slice_].size()) {
    ++slice_;
    offset_ = 0;
  }
}

bool AllFinite(const Kernels& kernels, Slices slices, DType dtype) {
  SliceCursor cursor(slices, dtype);
  for (auto run = cursor.Next(kAll); run.count > 0; run = cursor.Next(kAll)) {
    if (!kernels.AllFinite(run.values, dtype, run.count)) return false;
  }
  return true;
}

double SquaredNorm(const Kernels& kernels, Slices slices, DType dtype) {
  double sum = 0;
  SliceCursor cursor(slices, dtype);
  for (auto run = cursor.Next(kAll); run.count > 0; run = cursor.Next(kAll)) {
    kernels.AddSquaredNorm(run.values, dtype, run.count, &sum);
  }
  return sum;
}

size_t UpdateFromSlices(const Kernels& kernels, UpdateRule rule, const UpdateScalars& scalars,
                        const UpdateArrays& arrays, SliceCursor* gradient, LambNorms* norms) {
  size_t done = 0;
  while (done < arrays.count) {
    const SliceCursor::FloatRun run = gradient->Next(arrays.count - done);
    if (run.count == 0) break;
    UpdateArrays part = Part(arrays, done, run.count);
    part.gradient = run.values;
    part.gradient_dtype = gradient->dtype();
    kernels.Update(rule, scalars, part, norms);
    done += run.count;
  }
  return done;
}

}  // namespace downpour
