// Images that need no file and can be learnt.
#ifndef DOWNPOUR_WORKER_DATA_SYNTHETIC_IMAGES_H_
#define DOWNPOUR_WORKER_DATA_SYNTHETIC_IMAGES_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"

namespace downpour {

struct SyntheticImagesOptions {
  ImageSchema schema = {.height = 28, .width = 28, .channels = 1, .layout = PixelLayout::kPlanar, .classes = 10};
  uint64_t examples = 60'000;
  uint64_t seed = 1;
  int shift = 2;        // pixels, at most, by which an image is moved each way
  float noise = 0.25f;  // standard deviation of a pixel's noise, of the range of pixels
};

// Each class is a smooth random pattern, made from the seed. An example is its class's pattern moved by a few pixels
// (around the edges), with random contrast and brightness, and with noise in each pixel. Both splits of a seed have the
// same classes and different examples. Made when asked for, from the seed and the example's number alone; the same on
// every machine. INVALID_ARGUMENT for options out of range.
absl::StatusOr<std::unique_ptr<ImageDataset>> MakeSyntheticImages(const SyntheticImagesOptions& options, Split split);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_SYNTHETIC_IMAGES_H_
