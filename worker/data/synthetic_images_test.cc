#include "worker/data/synthetic_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "common/base/hash.h"
#include "worker/data/linear_classifier.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<ImageDataset> Make(const SyntheticImagesOptions& options, Split split = Split::kTrain) {
  auto dataset = MakeSyntheticImages(options, split);
  EXPECT_TRUE(dataset.ok()) << dataset.status();
  return *std::move(dataset);
}

std::vector<uint8_t> Pixels(const ImageDataset& dataset, uint64_t index) {
  std::vector<uint8_t> scratch(dataset.schema().image_bytes());
  const ImageExample example = dataset.Get(index, scratch);
  return {example.pixels, example.pixels + scratch.size()};
}

TEST(SyntheticImagesTest, CanBeLearntByAnyNumberOfClassesAndChannels) {
  const SyntheticImagesOptions grey;
  EXPECT_GT(testing::LinearAccuracy(*Make(grey), 2000, *Make(grey, Split::kTest), 1000), 0.8) << "chance is 0.1";
  SyntheticImagesOptions colour;
  colour.schema = {.height = 32, .width = 32, .channels = 3, .layout = PixelLayout::kPlanar, .classes = 20};
  EXPECT_GT(testing::LinearAccuracy(*Make(colour), 1500, *Make(colour, Split::kTest), 300), 0.8) << "chance is 0.05";
}

TEST(SyntheticImagesTest, CannotBeLearntFromOtherClasses) {
  SyntheticImagesOptions other;
  other.seed = 2;
  EXPECT_LT(testing::LinearAccuracy(*Make(other), 2000, *Make({}, Split::kTest), 1000), 0.35);
}

TEST(SyntheticImagesTest, MakesTheSameExampleInAnyOrderAndOnEveryMachine) {
  const auto dataset = Make({}), again = Make({});
  const std::vector<uint8_t> pixels = Pixels(*dataset, 41'000);
  Pixels(*again, 3);
  EXPECT_EQ(pixels, Pixels(*again, 41'000));
  EXPECT_EQ(Hash64(std::as_bytes(std::span(pixels))), 14624858399224549966u)
      << "written down, so that results can be repeated";
}

TEST(SyntheticImagesTest, DiffersBetweenExamplesSplitsAndSeeds) {
  SyntheticImagesOptions other;
  other.seed = 2;
  const std::vector<uint8_t> pixels = Pixels(*Make({}), 0);
  EXPECT_NE(pixels, Pixels(*Make({}), 1));
  EXPECT_NE(pixels, Pixels(*Make({}, Split::kTest), 0));
  EXPECT_NE(pixels, Pixels(*Make(other), 0));
}

TEST(SyntheticImagesTest, LayoutsHoldTheSamePixels) {
  SyntheticImagesOptions options;
  options.schema = {.height = 9, .width = 7, .channels = 3, .layout = PixelLayout::kPlanar, .classes = 3};
  SyntheticImagesOptions interleaved = options;
  interleaved.schema.layout = PixelLayout::kInterleaved;
  const std::vector<uint8_t> a = Pixels(*Make(options), 5), b = Pixels(*Make(interleaved), 5);
  for (size_t i = 0; i < 63; ++i) {
    for (size_t c = 0; c < 3; ++c) EXPECT_EQ(a[c * 63 + i], b[i * 3 + c]);
  }
}

TEST(SyntheticImagesTest, HasEachClassEquallyOften) {
  const auto dataset = Make({});
  std::vector<uint8_t> scratch(dataset->schema().image_bytes());
  std::vector<int> counts(10);
  for (uint64_t i = 0; i < 5000; ++i) ++counts[static_cast<size_t>(dataset->Get(i, scratch).label)];
  for (const int count : counts) EXPECT_NEAR(count, 500, 100);
}

TEST(SyntheticImagesTest, RefusesOptionsOutOfRange) {
  const auto refuse = [](auto change, const char* why) {
    SyntheticImagesOptions options;
    change(options);
    const absl::Status status = MakeSyntheticImages(options, Split::kTrain).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  };
  refuse([](auto& o) { o.examples = 0; }, "0 examples");
  refuse([](auto& o) { o.shift = 28; }, "shift is 28");
  refuse([](auto& o) { o.noise = -1; }, "noise is -1");
  refuse([](auto& o) { o.schema.classes = 1; }, "images with classes 1; it must be in 2..1048576");
  refuse([](auto& o) { o.schema.height = 5000; }, "images with height 5000");
  refuse([](auto& o) { o.schema = {4096, 4096, 16, PixelLayout::kPlanar, 1000}; }, "more than 256 MiB");
}

}  // namespace
}  // namespace downpour
