// Augmentation step by step: the oracle of augment.h.
#ifndef DOWNPOUR_WORKER_DATA_NAIVE_AUGMENT_H_
#define DOWNPOUR_WORKER_DATA_NAIVE_AUGMENT_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "worker/data/augment.h"
#include "worker/data/dataset.h"

namespace downpour::testing {

// Pad, crop, flip, brightness, contrast, normalise: each as its definition says, over the whole image, in Real.
template <typename Real>
void NaiveAugment(const ImageSchema& schema, const AugmentOptions& options, const uint8_t* pixels,
                  const Augmentation& augmentation, std::vector<Real>* out) {
  const int height = options.crop_height, width = options.crop_width, channels = schema.channels;
  const auto at = [&](int y, int x, int c) {
    return (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)) *
               static_cast<size_t>(channels) +
           static_cast<size_t>(c);
  };
  out->assign(at(height - 1, width - 1, channels - 1) + 1, 0);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int from_y = augmentation.y + y - options.pad;
      const int from_x = augmentation.x + (augmentation.flip ? width - 1 - x : x) - options.pad;
      if (from_y < 0 || from_y >= schema.height || from_x < 0 || from_x >= schema.width) continue;
      for (int c = 0; c < channels; ++c) {
        const int stored = schema.layout == PixelLayout::kPlanar ? (c * schema.height + from_y) * schema.width + from_x
                                                                 : (from_y * schema.width + from_x) * channels + c;
        (*out)[at(y, x, c)] = pixels[stored];
      }
    }
  }
  for (Real& value : *out) value += augmentation.brightness;
  for (int c = 0; c < channels; ++c) {
    Real mean = 0;
    for (size_t i = static_cast<size_t>(c); i < out->size(); i += static_cast<size_t>(channels)) mean += (*out)[i];
    mean /= static_cast<Real>(height * width);
    for (size_t i = static_cast<size_t>(c); i < out->size(); i += static_cast<size_t>(channels)) {
      (*out)[i] = ((*out)[i] - mean) * augmentation.contrast + mean;
    }
  }
  if (options.normalise == AugmentOptions::Normalise::kUnit) {
    for (Real& value : *out) value /= 255;
    return;
  }
  const Real count = static_cast<Real>(out->size());
  Real mean = 0, squares = 0;
  for (const Real value : *out) mean += value / count;
  for (const Real value : *out) squares += (value - mean) * (value - mean) / count;
  const Real deviation = std::max(std::sqrt(squares), 1 / std::sqrt(count));
  for (Real& value : *out) value = (value - mean) / deviation;
}

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_DATA_NAIVE_AUGMENT_H_
