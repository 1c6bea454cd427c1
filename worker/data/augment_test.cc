#include "worker/data/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "common/base/philox.h"
#include "worker/data/naive_augment.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

constexpr ImageSchema kCifar = {32, 32, 3, PixelLayout::kPlanar, 10};
constexpr ImageSchema kFashion = {28, 28, 1, PixelLayout::kInterleaved, 10};
// That of the reference network.
constexpr AugmentOptions kReference = {.crop_height = 24,
                                       .crop_width = 24,
                                       .flip = true,
                                       .brightness_delta = 63,
                                       .contrast_low = 0.2f,
                                       .contrast_high = 1.8f};

// Smooth, with noise, as photographs are; `range` is how far pixels are from 128 at most.
std::vector<uint8_t> RandomImage(const ImageSchema& schema, uint64_t seed, double range = 120) {
  PhiloxStream random(seed);
  std::vector<uint8_t> pixels(schema.image_bytes());
  for (size_t i = 0; i < pixels.size(); ++i) {
    const double wave = 0.7 * std::sin(static_cast<double>(i) * 0.013 + static_cast<double>(seed));
    pixels[i] = static_cast<uint8_t>(128 + range * (wave + 0.3 * (2 * random.UniformDouble() - 1)));
  }
  return pixels;
}

// The largest difference from the oracle in double precision, in `draws` augmentations.
double WorstError(const ImageSchema& schema, AugmentOptions options, int draws, double range = 120) {
  const auto augmenter = Augmenter::Create(schema, options, 1);
  EXPECT_TRUE(augmenter.ok()) << augmenter.status();
  options.crop_height = augmenter->crop_height();
  options.crop_width = augmenter->crop_width();
  std::vector<float> out(augmenter->output_size());
  std::vector<double> expected;
  double worst = 0;
  for (int draw = 0; draw < draws; ++draw) {
    const std::vector<uint8_t> pixels = RandomImage(schema, static_cast<uint64_t>(draw), range);
    const Augmentation augmentation = draw == 0 ? augmenter->Centre() : augmenter->Draw(3, static_cast<uint64_t>(draw));
    augmenter->Apply(pixels.data(), augmentation, out.data());
    testing::NaiveAugment(schema, options, pixels.data(), augmentation, &expected);
    for (size_t i = 0; i < out.size(); ++i) worst = std::max(worst, std::abs(out[i] - expected[i]));
  }
  return worst;
}

TEST(AugmentTest, TheReferenceNetworksFoldsToWhatItsStepsGive) {
  const double error = WorstError(kCifar, kReference, 500);
  EXPECT_LT(error, 2e-6);
  RecordProperty("worst_error", std::to_string(error));
  ImageSchema interleaved = kCifar;
  interleaved.layout = PixelLayout::kInterleaved;
  EXPECT_LT(WorstError(interleaved, kReference, 500), 2e-6);
  // The flatter an image, the more its pixels are magnified.
  EXPECT_LT(WorstError(kCifar, kReference, 200, 3), 1e-4);
}

TEST(AugmentTest, PadsSmallImages) {
  EXPECT_LT(WorstError(kFashion, {.pad = 2}, 200), 2e-6);
  EXPECT_LT(WorstError(kFashion, {.pad = 2, .flip = true, .brightness_delta = 10, .contrast_low = 0.5f}, 200), 2e-6);
  EXPECT_LT(WorstError(kFashion, {.crop_height = 30, .crop_width = 27, .pad = 4, .flip = true}, 200), 2e-6);
  // Crops that lie in the padding alone are among these.
  EXPECT_LT(
      WorstError({5, 3, 3, PixelLayout::kPlanar, 2}, {.crop_height = 2, .crop_width = 3, .pad = 6, .flip = true}, 500),
      2e-5);
}

TEST(AugmentTest, WorksForAnyNumberOfChannelsAndAnySize) {
  for (const int channels : {1, 2, 3, 4, 16}) {
    for (const PixelLayout layout : {PixelLayout::kPlanar, PixelLayout::kInterleaved}) {
      const ImageSchema schema = {11, 13, channels, layout, 2};
      EXPECT_LT(WorstError(schema, {.crop_height = 7, .crop_width = 9, .flip = true, .contrast_low = 0.1f}, 100), 5e-6);
    }
  }
}

TEST(AugmentTest, NormalisesToTheUnitRangeIfAsked) {
  AugmentOptions options = kReference;
  options.normalise = AugmentOptions::Normalise::kUnit;
  EXPECT_LT(WorstError(kCifar, options, 200), 1e-6);
  const auto augmenter = Augmenter::Create(kFashion, {.normalise = AugmentOptions::Normalise::kUnit}, 1);
  ASSERT_TRUE(augmenter.ok());
  std::vector<uint8_t> pixels(784, 255);
  pixels[1] = 0;
  std::vector<float> out(784);
  augmenter->Apply(pixels.data(), augmenter->Centre(), out.data());
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[1], 0);
}

TEST(AugmentTest, StandardisesEachImage) {
  const auto augmenter = Augmenter::Create(kCifar, kReference, 1);
  ASSERT_TRUE(augmenter.ok());
  std::vector<float> out(augmenter->output_size());
  augmenter->Apply(RandomImage(kCifar, 1).data(), augmenter->Draw(0, 0), out.data());
  double sum = 0, squares = 0;
  for (const float value : out) sum += value, squares += value * value;
  EXPECT_NEAR(sum / 1728, 0, 1e-5);
  EXPECT_NEAR(squares / 1728, 1, 1e-5);
  augmenter->Apply(std::vector<uint8_t>(3072, 200).data(), augmenter->Centre(), out.data());
  for (const float value : out) EXPECT_NEAR(value, 0, 1e-3) << "an image of one colour";
}

TEST(AugmentTest, EvaluationTakesTheMiddleAndChangesNothing) {
  const Augmentation centre = Augmenter::Create(kCifar, kReference, 1)->Centre();
  EXPECT_EQ(centre.y, 4);
  EXPECT_EQ(centre.x, 4);
  EXPECT_FALSE(centre.flip);
  EXPECT_EQ(centre.brightness, 0);
  EXPECT_EQ(centre.contrast, 1);
  EXPECT_EQ(Augmenter::Create(kFashion, {.pad = 2}, 1)->Centre().x, 2) << "the image itself";
}

TEST(AugmentTest, DrawsEachChoiceEquallyOftenAndInItsRange) {
  const auto augmenter = Augmenter::Create(kCifar, kReference, 1);
  ASSERT_TRUE(augmenter.ok());
  std::vector<int> ys(9), xs(9);
  int flips = 0, flips_and_high_contrast = 0;
  double brightness = 0, contrast = 0, lowest = 9, highest = -9;
  constexpr int kDraws = 20'000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const Augmentation draw = augmenter->Draw(i % 7, i);
    ++ys.at(static_cast<size_t>(draw.y));
    ++xs.at(static_cast<size_t>(draw.x));
    flips += draw.flip;
    flips_and_high_contrast += draw.flip && draw.contrast > 1;
    brightness += draw.brightness / kDraws;
    contrast += draw.contrast / kDraws;
    lowest = std::min<double>(lowest, draw.contrast);
    highest = std::max<double>(highest, draw.contrast);
    EXPECT_LE(std::abs(draw.brightness), 63);
  }
  for (int i = 0; i < 9; ++i) {
    EXPECT_NEAR(ys[static_cast<size_t>(i)], kDraws / 9, 250);
    EXPECT_NEAR(xs[static_cast<size_t>(i)], kDraws / 9, 250);
  }
  EXPECT_NEAR(flips, kDraws / 2, 400);
  EXPECT_NEAR(flips_and_high_contrast, kDraws / 4, 400);
  EXPECT_NEAR(brightness, 0, 1.5);
  EXPECT_NEAR(contrast, 1, 0.02);
  EXPECT_NEAR(lowest, 0.2, 0.001);
  EXPECT_NEAR(highest, 1.8, 0.001);
}

TEST(AugmentTest, DependsOnSeedEpochAndIndexAlone) {
  const auto drawn = [](uint64_t seed, uint64_t epoch, uint64_t index) {
    return Augmenter::Create(kCifar, kReference, seed)->Draw(epoch, index).brightness;
  };
  EXPECT_EQ(drawn(1, 2, 3), drawn(1, 2, 3));
  const std::set<float> all = {drawn(1, 2, 3), drawn(2, 2, 3), drawn(1, 3, 3), drawn(1, 2, 4), drawn(1, 3, 2)};
  EXPECT_EQ(all.size(), 5u);
}

TEST(AugmentTest, RefusesOptionsOutOfRange) {
  const auto refuse = [](const AugmentOptions& options, const char* why) {
    const absl::Status status = Augmenter::Create(kFashion, options, 1).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  };
  refuse({.crop_height = 29}, "a crop of 29 x 28 from images of 28 x 28 padded by 0");
  refuse({.crop_width = -1}, "a crop of 28 x -1");
  refuse({.pad = -1}, "pad is -1");
  refuse({.brightness_delta = -1}, "brightness_delta is -1");
  refuse({.contrast_low = 2}, "contrast is from 2 to 1");
  refuse({.contrast_high = NAN}, "contrast is from 1 to nan");
}

}  // namespace
}  // namespace downpour
