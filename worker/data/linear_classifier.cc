#include "worker/data/linear_classifier.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace downpour::testing {

double LinearAccuracy(const ImageDataset& train, uint64_t train_examples, const ImageDataset& test,
                      uint64_t test_examples) {
  const size_t pixels = train.schema().image_bytes(), classes = static_cast<size_t>(train.schema().classes);
  std::vector<float> weights(classes * pixels), bias(classes), input(pixels), output(classes);
  std::vector<uint8_t> scratch(pixels);
  const auto forward = [&](const ImageDataset& dataset, uint64_t index) {
    const ImageExample example = dataset.Get(index, scratch);
    for (size_t i = 0; i < pixels; ++i) input[i] = static_cast<float>(example.pixels[i]) / 255 - 0.5f;
    for (size_t c = 0; c < classes; ++c) {
      output[c] = bias[c];
      for (size_t i = 0; i < pixels; ++i) output[c] += weights[c * pixels + i] * input[i];
    }
    return static_cast<size_t>(example.label);
  };
  for (uint64_t index = 0; index < std::min(train_examples, train.size()); ++index) {
    const size_t label = forward(train, index);
    const float highest = *std::max_element(output.begin(), output.end());
    float sum = 0;
    for (float& value : output) sum += value = std::exp(value - highest);
    for (size_t c = 0; c < classes; ++c) {
      const float step = 2 / static_cast<float>(pixels) * ((c == label ? 1.0f : 0.0f) - output[c] / sum);
      bias[c] += step;
      for (size_t i = 0; i < pixels; ++i) weights[c * pixels + i] += step * input[i];
    }
  }
  const uint64_t tested = std::min(test_examples, test.size());
  uint64_t right = 0;
  for (uint64_t index = 0; index < tested; ++index) {
    const size_t label = forward(test, index);
    right += std::max_element(output.begin(), output.end()) == output.begin() + static_cast<ptrdiff_t>(label);
  }
  return static_cast<double>(right) / static_cast<double>(tested);
}

}  // namespace downpour::testing
