#ifndef DOWNPOUR_KERNELS_SLICES_H_
#define DOWNPOUR_KERNELS_SLICES_H_

#include <cstddef>

#include "absl/types/span.h"
#include "common/tensor/dtype.h"
#include "kernels/interface.h"
#include "kernels/update.h"

// The kernels over a tensor as it was received: a row of slices of any length and alignment, so that an element may
// begin in one slice and end in the next. Nothing is copied but the group of elements around each edge. Results are the
// same bits as over contiguous memory.

namespace downpour {

using Slices = absl::Span<const absl::Span<const std::byte>>;

// All bytes together.
size_t ByteCount(Slices slices);

// Walks over the elements of a row of slices. Not thread-safe; the slices must outlive it and are not changed.
//
//   SliceCursor cursor(slices, DType::kFloat32);
//   for (FloatRun run = cursor.Next(count); run.count > 0; run = cursor.Next(count -= run.count)) Use(run);
class SliceCursor {
 public:
  struct FloatRun {
    const std::byte* values;  // any alignment; until the next call of Next
    size_t count;             // elements
  };

  // `dtype` is kFloat32, kBFloat16 or kFloat16.
  SliceCursor(Slices slices, DType dtype);

  SliceCursor(const SliceCursor&) = delete;
  SliceCursor& operator=(const SliceCursor&) = delete;

  // The next elements, as many as lie together but at most `count_max`. Fewer than `count_max` are always a multiple of
  // kSumGroup, except at the end of the slices; none are there at the end and where `count_max` is 0.
  FloatRun Next(size_t count_max);

  DType dtype() const { return dtype_; }

 private:
  // Copies up to `count_max` elements from as many slices as it takes.
  FloatRun Gather(size_t count_max);
  // Moves past slices that have no more bytes.
  void SkipSpentSlices();

  const Slices slices_;
  const DType dtype_;
  const size_t element_size_;
  size_t slice_ = 0;   // the current slice ...
  size_t offset_ = 0;  // ... and the bytes of it that have been passed
  alignas(64) std::byte carry_[kSumGroup * sizeof(float)];
};

// Whether there is no NaN and no infinity in the slices; stops at the first run that has one.
bool AllFinite(const Kernels& kernels, Slices slices, DType dtype);

// The sum of squares; finite exactly where AllFinite is true.
double SquaredNorm(const Kernels& kernels, Slices slices, DType dtype);

// Kernels::Update over the next `arrays.count` elements of `gradient` (the members `gradient` and `gradient_dtype` of
// `arrays` are not looked at): call it for block after block of a table. Returns the elements updated, which are fewer
// only where the slices are too short: check ByteCount before.
size_t UpdateFromSlices(const Kernels& kernels, UpdateRule rule, const UpdateScalars& scalars,
                        const UpdateArrays& arrays, SliceCursor* gradient, LambNorms* norms);

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_SLICES_H_
