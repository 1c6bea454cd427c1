#include "worker/data/synthetic_images.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "common/base/status.h"
#include "worker/data/example_key.h"

namespace downpour {
namespace {

// A pattern is interpolated between random values on a coarse grid that wraps around, this many cells a side.
constexpr int kCells = 5;

// Eight random bytes at a time; their sum is nearly normal, with mean 1020 and standard deviation 209.
constexpr float kByteSumMean = 8 * 127.5f;
constexpr float kByteSumDeviation = 209.02153f;  // sqrt(8 * (256^2 - 1) / 12)

float ByteSum(uint64_t bits) {
  constexpr uint64_t kEveryOther = 0x00ff00ff00ff00ff;
  const uint64_t pairs = (bits & kEveryOther) + (bits >> 8 & kEveryOther);  // four of 16 bits
  return static_cast<float>(pairs * 0x0001000100010001 >> 48);
}

// The weight of the next cell, smooth at both ends.
float Blend(float fraction) { return fraction * fraction * (3 - 2 * fraction); }

// One channel of a pattern, in [-1, 1].
void AddPattern(PhiloxStream& random, int height, int width, std::vector<float>* pixels) {
  float grid[kCells][kCells];
  for (auto& row : grid) {
    for (float& value : row) value = 2 * random.UniformFloat() - 1;
  }
  for (int y = 0; y < height; ++y) {
    const float at_y = static_cast<float>(y) * kCells / static_cast<float>(height);
    const int y0 = std::min(static_cast<int>(at_y), kCells - 1), y1 = (y0 + 1) % kCells;
    const float blend_y = Blend(at_y - static_cast<float>(y0));
    for (int x = 0; x < width; ++x) {
      const float at_x = static_cast<float>(x) * kCells / static_cast<float>(width);
      const int x0 = std::min(static_cast<int>(at_x), kCells - 1), x1 = (x0 + 1) % kCells;
      const float blend_x = Blend(at_x - static_cast<float>(x0));
      const float upper = grid[y0][x0] + (grid[y0][x1] - grid[y0][x0]) * blend_x;
      const float lower = grid[y1][x0] + (grid[y1][x1] - grid[y1][x0]) * blend_x;
      pixels->push_back(upper + (lower - upper) * blend_y);
    }
  }
}

class SyntheticImages final : public ImageDataset {
 public:
  SyntheticImages(const SyntheticImagesOptions& options, Split split)
      : options_(options), seed_(SeedFor(SplitName(split), SeedFor("synthetic images", options.seed))) {
    PhiloxStream random(SeedFor("synthetic image classes", options.seed));
    for (int plane = 0; plane < options.schema.classes * options.schema.channels; ++plane) {
      AddPattern(random, options.schema.height, options.schema.width, &patterns_);
    }
  }

  const ImageSchema& schema() const override { return options_.schema; }
  uint64_t size() const override { return options_.examples; }

  ImageExample Get(uint64_t index, std::span<uint8_t> scratch) const override {
    const auto [height, width, channels, layout, classes] = options_.schema;
    PhiloxStream random(seed_, index);
    const int label = static_cast<int>(random.UniformInt(static_cast<uint64_t>(classes)));
    const auto span = static_cast<uint64_t>(2 * options_.shift + 1);
    // In [0, height) and [0, width), for what lies around the edge.
    const int move_y = (static_cast<int>(random.UniformInt(span)) - options_.shift + height) % height;
    const int move_x = (static_cast<int>(random.UniformInt(span)) - options_.shift + width) % width;
    const float contrast = 48 + 48 * random.UniformFloat();
    const float brightness = 127.5f + 32 * (2 * random.UniformFloat() - 1);
    const float noise = options_.noise * 255 / kByteSumDeviation;

    const float* const pattern = patterns_.data() + static_cast<size_t>(label) * options_.schema.image_bytes();
    const size_t step = layout == PixelLayout::kPlanar ? 1 : static_cast<size_t>(channels);
    for (int channel = 0; channel < channels; ++channel) {
      const size_t plane = static_cast<size_t>(height) * static_cast<size_t>(width);
      const float* const from = pattern + static_cast<size_t>(channel) * plane;
      uint8_t* to = scratch.data() + static_cast<size_t>(channel) * (layout == PixelLayout::kPlanar ? plane : 1);
      for (int y = 0; y < height; ++y) {
        const float* const row = from + static_cast<size_t>((y + move_y) % height) * static_cast<size_t>(width);
        int source = move_x;
        for (int x = 0; x < width; ++x, to += step) {
          const float pixel = brightness + contrast * row[source] + noise * (ByteSum(random.Next64()) - kByteSumMean);
          *to = static_cast<uint8_t>(std::clamp(pixel, 0.0f, 255.0f));
          if (++source == width) source = 0;
        }
      }
    }
    return {scratch.data(), label};
  }

 private:
  const SyntheticImagesOptions options_;
  const uint64_t seed_;
  std::vector<float> patterns_;  // classes x channels x height x width
};

}  // namespace

absl::StatusOr<std::unique_ptr<ImageDataset>> MakeSyntheticImages(const SyntheticImagesOptions& options, Split split) {
  DP_RETURN_IF_ERROR(Annotate(ValidateImageSchema(options.schema), "synthetic images"));
  constexpr size_t kPatternBytesMax = size_t{1} << 28;
  if (options.schema.image_bytes() > kPatternBytesMax / 4 / static_cast<size_t>(options.schema.classes)) {
    return absl::InvalidArgumentError("synthetic images: the patterns of all classes would take more than 256 MiB");
  }
  if (options.examples == 0) return absl::InvalidArgumentError("synthetic images: 0 examples; it must be at least 1");
  if (options.shift < 0 || options.shift >= std::min(options.schema.height, options.schema.width)) {
    return absl::InvalidArgumentError(absl::StrCat("synthetic images: shift is ", options.shift,
                                                   "; it must be at least 0 and less than a side of the image"));
  }
  if (!(options.noise >= 0 && options.noise <= 10)) {
    return absl::InvalidArgumentError(
        absl::StrCat("synthetic images: noise is ", options.noise, "; it must be in [0, 10]"));
  }
  return std::make_unique<SyntheticImages>(options, split);
}

}  // namespace downpour
