// What augmentation costs for each image, beside its steps one by one in float:
//   bazel run //worker/data:augment_bench
#include <vector>

#include "benchmark/benchmark.h"
#include "common/base/philox.h"
#include "worker/data/augment.h"
#include "worker/data/naive_augment.h"

namespace downpour {
namespace {

constexpr uint64_t kImages = 8192;  // more than the caches hold, as training has it

struct Case {
  ImageSchema schema;
  AugmentOptions options;
};

Case Reference() {
  return {{32, 32, 3, PixelLayout::kPlanar, 10},
          {.crop_height = 24,
           .crop_width = 24,
           .flip = true,
           .brightness_delta = 63,
           .contrast_low = 0.2f,
           .contrast_high = 1.8f}};
}

Case Fashion() {
  return {{28, 28, 1, PixelLayout::kInterleaved, 10}, {.crop_height = 28, .crop_width = 28, .pad = 2, .flip = true}};
}

std::vector<uint8_t> RandomPixels(const ImageSchema& schema) {
  PhiloxStream random(1);
  std::vector<uint8_t> pixels(kImages * schema.image_bytes());
  for (uint8_t& pixel : pixels) pixel = static_cast<uint8_t>(random.Next32());
  return pixels;
}

void Folded(benchmark::State& state, Case (*make)()) {
  const Case c = make();
  const std::vector<uint8_t> pixels = RandomPixels(c.schema);
  const Augmenter augmenter = *Augmenter::Create(c.schema, c.options, 1);
  std::vector<float> out(128 * augmenter.output_size());
  uint64_t i = 0;
  for (auto _ : state) {
    const uint64_t index = i * 2654435761 % kImages;
    augmenter.Apply(&pixels[index * c.schema.image_bytes()], augmenter.Draw(1, index),
                    &out[i % 128 * augmenter.output_size()]);
    ++i;
  }
  state.SetItemsProcessed(static_cast<int64_t>(i));
}
BENCHMARK_CAPTURE(Folded, reference_24x24x3, Reference);
BENCHMARK_CAPTURE(Folded, padded_28x28x1, Fashion);

void StepByStep(benchmark::State& state, Case (*make)()) {
  const Case c = make();
  const std::vector<uint8_t> pixels = RandomPixels(c.schema);
  const Augmenter augmenter = *Augmenter::Create(c.schema, c.options, 1);
  std::vector<float> out;
  uint64_t i = 0;
  for (auto _ : state) {
    const uint64_t index = i++ * 2654435761 % kImages;
    testing::NaiveAugment(c.schema, c.options, &pixels[index * c.schema.image_bytes()], augmenter.Draw(1, index), &out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(static_cast<int64_t>(i));
}
BENCHMARK_CAPTURE(StepByStep, reference_24x24x3, Reference);
BENCHMARK_CAPTURE(StepByStep, padded_28x28x1, Fashion);

}  // namespace
}  // namespace downpour

BENCHMARK_MAIN();
