// The two loops over pixels that augmentation consists of, chosen for the processor at run time.
#ifndef DOWNPOUR_WORKER_DATA_CROP_KERNELS_H_
#define DOWNPOUR_WORKER_DATA_CROP_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace downpour {

struct ByteMoments {
  uint64_t sum = 0;
  uint64_t sum_of_squares = 0;
};

// Of `count` bytes; exact for any count below 2^47.
ByteMoments SumBytes(const uint8_t* values, size_t count);

// out[i * channels + c] = planes[c * pixels + i] * scale + shift[c]: from channels x pixels to pixels x channels.
// Rounded after the product and after the sum, on every processor.
void ScaleToFloats(const uint8_t* planes, size_t pixels, int channels, float scale, const float* shift, float* out);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_CROP_KERNELS_H_
