// From stored images to what a network reads.
#ifndef DOWNPOUR_WORKER_DATA_AUGMENT_H_
#define DOWNPOUR_WORKER_DATA_AUGMENT_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"

namespace downpour {

struct AugmentOptions {
  int crop_height = 0;  // pixels of the result; 0: as the image
  int crop_width = 0;
  int pad = 0;                 // rows and columns of zeros put around the image before it is cropped
  bool flip = false;           // left and right swapped in every other image
  float brightness_delta = 0;  // a number from [-delta, delta) is added, in units of the stored pixels (0 to 255)
  float contrast_low = 1;      // a channel's distance from its mean is multiplied by a number from [low, high)
  float contrast_high = 1;

  enum class Normalise {
    kPerImage,  // mean 0 and standard deviation 1 over all values of the crop
    kUnit,      // divided by 255
  };
  Normalise normalise = Normalise::kPerImage;
};

// What is done to one image.
struct Augmentation {
  int y = 0;  // of the crop in the padded image
  int x = 0;
  bool flip = false;
  float brightness = 0;
  float contrast = 1;
};

// Crop, flip, brightness, contrast and normalisation in two passes over the crop: one of integers for the sums, and one
// multiply-add per value, into which everything else folds (docs/data.md has the formulas). Values are not clipped
// between the steps, as in TensorFlow's float path. The same bits on every processor. Const and safe from any number of
// threads.
class Augmenter {
 public:
  // INVALID_ARGUMENT if the crop does not fit into the padded image or an option is out of range.
  static absl::StatusOr<Augmenter> Create(const ImageSchema& schema, const AugmentOptions& options, uint64_t seed);

  // The same numbers for the same (seed, epoch, index) alone, whoever asks.
  Augmentation Draw(uint64_t epoch, uint64_t index) const;

  // The crop in the middle and nothing else: for evaluation.
  Augmentation Centre() const;

  // Writes output_size() floats, height x width x channels. `pixels` are as the schema says; the augmentation is one
  // that Draw or Centre could give.
  void Apply(const uint8_t* pixels, const Augmentation& augmentation, float* out) const;

  const ImageSchema& schema() const { return schema_; }
  int crop_height() const { return options_.crop_height; }
  int crop_width() const { return options_.crop_width; }
  size_t output_size() const { return crop_pixels() * static_cast<size_t>(schema_.channels); }

 private:
  Augmenter(const ImageSchema& schema, const AugmentOptions& options, uint64_t seed)
      : schema_(schema), options_(options), seed_(seed) {}

  size_t crop_pixels() const {
    return static_cast<size_t>(options_.crop_height) * static_cast<size_t>(options_.crop_width);
  }
  int y_choices() const { return schema_.height + 2 * options_.pad - options_.crop_height + 1; }
  int x_choices() const { return schema_.width + 2 * options_.pad - options_.crop_width + 1; }
  void CropTo(const uint8_t* pixels, const Augmentation& augmentation, uint8_t* planes) const;

  ImageSchema schema_;
  AugmentOptions options_;
  uint64_t seed_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_AUGMENT_H_
