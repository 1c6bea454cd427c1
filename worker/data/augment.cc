#include "worker/data/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "common/base/status.h"
#include "worker/data/crop_kernels.h"
#include "worker/data/example_key.h"

namespace downpour {
namespace {

constexpr int kChannelsMax = 16;  // as ValidateImageSchema has it

// `count` bytes, `step` apart, to `to`.
void CopyRow(const uint8_t* from, size_t step, size_t count, uint8_t* to) {
  if (step == 1) {
    std::memcpy(to, from, count);
    return;
  }
  for (size_t i = 0; i < count; ++i) to[i] = from[i * step];
}

// The same from the last to the first; eight at a time where they lie together.
void CopyRowReversed(const uint8_t* from, size_t step, size_t count, uint8_t* to) {
  size_t i = 0;
  for (; step == 1 && i + 8 <= count; i += 8) {
    uint64_t eight;
    std::memcpy(&eight, from + count - i - 8, 8);
    eight = __builtin_bswap64(eight);
    std::memcpy(to + i, &eight, 8);
  }
  for (; i < count; ++i) to[i] = from[(count - 1 - i) * step];
}

}  // namespace

absl::StatusOr<Augmenter> Augmenter::Create(const ImageSchema& schema, const AugmentOptions& asked, uint64_t seed) {
  DP_RETURN_IF_ERROR(ValidateImageSchema(schema));
  AugmentOptions options = asked;
  if (options.crop_height == 0) options.crop_height = schema.height;
  if (options.crop_width == 0) options.crop_width = schema.width;
  if (options.pad < 0 || options.pad > 4096) {
    return absl::InvalidArgumentError(absl::StrCat("pad is ", options.pad, "; it must be in 0..4096"));
  }
  const Augmenter augmenter(schema, options, SeedFor("augmentation", seed));
  if (options.crop_height < 1 || options.crop_width < 1 || augmenter.y_choices() < 1 || augmenter.x_choices() < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("a crop of ", options.crop_height, " x ", options.crop_width, " from images of ", schema.height,
                     " x ", schema.width, " padded by ", options.pad, "; it must be smaller and have a pixel"));
  }
  if (!(options.brightness_delta >= 0 && options.brightness_delta <= 255)) {
    return absl::InvalidArgumentError(
        absl::StrCat("brightness_delta is ", options.brightness_delta, "; it must be in [0, 255]"));
  }
  if (!(options.contrast_low >= 0 && options.contrast_low <= options.contrast_high && options.contrast_high <= 100)) {
    return absl::InvalidArgumentError(absl::StrCat("contrast is from ", options.contrast_low, " to ",
                                                   options.contrast_high, "; it must be 0 <= low <= high <= 100"));
  }
  return augmenter;
}

Augmentation Augmenter::Draw(uint64_t epoch, uint64_t index) const {
  const std::array<uint32_t, 4> bits = ExampleBits(seed_, epoch, index);
  Augmentation augmentation;
  augmentation.y = static_cast<int>(ScaleTo(bits[0], static_cast<uint32_t>(y_choices())));
  augmentation.x = static_cast<int>(ScaleTo(bits[1], static_cast<uint32_t>(x_choices())));
  augmentation.flip = options_.flip && bits[2] >> 31 != 0;
  augmentation.contrast =
      options_.contrast_low + (options_.contrast_high - options_.contrast_low) * Uniform01Float(bits[2] << 1);
  augmentation.brightness = options_.brightness_delta * (2 * Uniform01Float(bits[3]) - 1);
  return augmentation;
}

Augmentation Augmenter::Centre() const { return {.y = (y_choices() - 1) / 2, .x = (x_choices() - 1) / 2}; }

void Augmenter::CropTo(const uint8_t* pixels, const Augmentation& augmentation, uint8_t* planes) const {
  const bool planar = schema_.layout == PixelLayout::kPlanar;
  const size_t height = static_cast<size_t>(schema_.height), width = static_cast<size_t>(schema_.width);
  const size_t channels = static_cast<size_t>(schema_.channels);
  const size_t step = planar ? 1 : channels;
  const int crop_width = options_.crop_width;
  // The columns of the image that are in the crop; what is left and right of them is padding.
  const int x = augmentation.x - options_.pad;
  const int begin = std::clamp(x, 0, schema_.width), end = std::clamp(x + crop_width, begin, schema_.width);
  const size_t inside = static_cast<size_t>(end - begin);
  const size_t before =
      static_cast<size_t>(augmentation.flip ? x + crop_width - std::max(end, x) : std::max(begin, x) - x);
  if (options_.pad > 0) std::memset(planes, 0, output_size());
  for (size_t channel = 0; channel < channels; ++channel) {
    for (int row = 0; row < options_.crop_height; ++row, planes += crop_width) {
      const int y = augmentation.y - options_.pad + row;
      if (y < 0 || y >= schema_.height || inside == 0) continue;
      const size_t at = static_cast<size_t>(y) * width + static_cast<size_t>(begin);
      const uint8_t* const from = pixels + (planar ? channel * height * width + at : at * channels + channel);
      if (augmentation.flip) {
        CopyRowReversed(from, step, inside, planes + before);
      } else {
        CopyRow(from, step, inside, planes + before);
      }
    }
  }
}

void Augmenter::Apply(const uint8_t* pixels, const Augmentation& augmentation, float* out) const {
  static thread_local std::vector<uint8_t> planes;  // of the crop, in the cache from one image to the next
  planes.resize(output_size());
  CropTo(pixels, augmentation, planes.data());

  const int channels = schema_.channels;
  const double count = static_cast<double>(crop_pixels());
  const double contrast = augmentation.contrast;
  double mean[kChannelsMax];
  double mean_of_all = 0, variance = 0;
  for (int channel = 0; channel < channels; ++channel) {
    const ByteMoments moments = SumBytes(planes.data() + static_cast<size_t>(channel) * crop_pixels(), crop_pixels());
    mean[channel] = static_cast<double>(moments.sum) / count;
    // The difference of integers, so that nothing cancels.
    const auto squares = static_cast<unsigned __int128>(moments.sum_of_squares) * crop_pixels() -
                         static_cast<unsigned __int128>(moments.sum) * moments.sum;
    variance += contrast * contrast * static_cast<double>(squares) / (count * count) / channels;
    mean_of_all += mean[channel] / channels;
  }
  for (int channel = 0; channel < channels; ++channel) {
    variance += (mean[channel] - mean_of_all) * (mean[channel] - mean_of_all) / channels;
  }

  float shift[kChannelsMax];
  double scale;
  if (options_.normalise == AugmentOptions::Normalise::kPerImage) {
    // Brightness moves the mean with the values and is gone.
    const double deviation = std::max(std::sqrt(variance), 1 / std::sqrt(static_cast<double>(output_size())));
    scale = contrast / deviation;
    for (int channel = 0; channel < channels; ++channel) {
      shift[channel] = static_cast<float>((mean[channel] - mean_of_all - contrast * mean[channel]) / deviation);
    }
  } else {
    scale = contrast / 255;
    for (int channel = 0; channel < channels; ++channel) {
      shift[channel] = static_cast<float>(((1 - contrast) * mean[channel] + augmentation.brightness) / 255);
    }
  }
  ScaleToFloats(planes.data(), crop_pixels(), channels, static_cast<float>(scale), shift, out);
}

}  // namespace downpour
