#include "server/store/initializer.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 42;

InitializerConfig Parse(const std::string& text) {
  InitializerConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config)) << text;
  return config;
}

std::vector<float> Draw(const std::string& text, size_t count, const Shape& shape = Shape{300, 200},
                        uint64_t seed = kSeed, std::string_view table = "conv1/weights") {
  const absl::StatusOr<Initializer> initializer = Initializer::Create(Parse(text), shape, seed, table);
  EXPECT_TRUE(initializer.ok()) << initializer.status();
  std::vector<float> values(count);
  if (initializer.ok()) initializer->Fill(0, values);
  return values;
}

struct Moments {
  double mean = 0;
  double stddev = 0;
  double kurtosis = 0;  // 3 for a normal distribution, 1.8 for a uniform one
  float least = 0;
  float most = 0;
};

Moments MomentsOf(const std::vector<float>& values) {
  Moments moments;
  for (const float value : values) moments.mean += value;
  moments.mean /= static_cast<double>(values.size());
  double second = 0, fourth = 0;
  for (const float value : values) {
    const double square = (value - moments.mean) * (value - moments.mean);
    second += square;
    fourth += square * square;
  }
  const double n = static_cast<double>(values.size());
  moments.stddev = std::sqrt(second / n);
  moments.kurtosis = (fourth / n) / (second / n * second / n);
  moments.least = *std::min_element(values.begin(), values.end());
  moments.most = *std::max_element(values.begin(), values.end());
  return moments;
}

constexpr size_t kDraws = 400000;  // the mean is known to 0.0016 standard deviations, the deviation to 0.11 %

TEST(InitializerTest, ZerosAndConstantsAreThat) {
  EXPECT_THAT(Draw("", 3), ElementsAre(0, 0, 0));
  EXPECT_THAT(Draw("zeros {}", 3), ElementsAre(0, 0, 0));
  EXPECT_THAT(Draw("constant { value: 0.1 }", 3), ElementsAre(0.1f, 0.1f, 0.1f));
}

// These bits are a promise: a job repeated by a newer version begins the same. They come from an independent program
// (Philox, XXH64 and Python's statistics.NormalDist().inv_cdf).
TEST(InitializerTest, GivesTheGoldenFirstValues) {
  EXPECT_THAT(Draw("uniform { low: -1 high: 1 }", 4),
              ElementsAre(0x1.1de922p-3f, -0x1.0c96c8p-2f, -0x1.c863a8p-1f, -0x1.aae302p-2f));
  EXPECT_THAT(Draw("normal { stddev: 1 }", 4),
              ElementsAre(0x1.682f22p-3f, -0x1.56ee1ap-2f, -0x1.9abd4cp+0f, -0x1.1900f4p-1f));
  EXPECT_THAT(Draw("truncated_normal { stddev: 0.05 }", 4),
              ElementsAre(0x1.12e8e6p-7f, -0x1.056afp-6f, -0x1.276a64p-4f, -0x1.ab21f8p-6f));
  EXPECT_THAT(Draw("glorot_uniform {}", 4),
              ElementsAre(0x1.f51e8p-7f, -0x1.d6c25ap-6f, -0x1.8ff5a4p-4f, -0x1.761ad6p-5f));
  EXPECT_THAT(Draw("he_normal {}", 4), ElementsAre(0x1.d68ae4p-7f, -0x1.c00082p-6f, -0x1.0c4b3cp-3f, -0x1.6f1a0cp-5f));
}

TEST(InitializerTest, AnElementHasItsValueWhateverRangeItIsFilledIn) {
  for (const char* text : {"uniform { low: -1 high: 1 }", "normal { stddev: 1 }", "truncated_normal { stddev: 1 }",
                           "he_uniform {}", "glorot_normal {}"}) {
    const absl::StatusOr<Initializer> initializer = Initializer::Create(Parse(text), Shape{100, 10}, kSeed, "table");
    ASSERT_TRUE(initializer.ok());
    std::vector<float> whole(1000);
    initializer->Fill(0, whole);
    std::vector<float> parts(1000);
    for (size_t first = 0, size = 1; first < 1000; first += size, size = std::min(2 * size, 1000 - first)) {
      initializer->Fill(first, std::span(parts).subspan(first, size));
    }
    EXPECT_EQ(whole, parts) << text;
  }
}

TEST(InitializerTest, SeedTableAndElementAllMatter) {
  const std::string uniform = "uniform { low: 0 high: 1 }";
  const std::vector<float> values = Draw(uniform, 100);
  EXPECT_NE(values, Draw(uniform, 100, Shape{1}, kSeed + 1));
  EXPECT_NE(values, Draw(uniform, 100, Shape{1}, kSeed + (uint64_t{1} << 40)));
  EXPECT_NE(values, Draw(uniform, 100, Shape{1}, kSeed, "conv2/weights"));
  std::vector<float> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<float> far(1);
  const absl::StatusOr<Initializer> initializer = Initializer::Create(Parse(uniform), Shape{1}, kSeed, "conv1/weights");
  ASSERT_TRUE(initializer.ok());
  initializer->Fill(uint64_t{1} << 32, far);
  EXPECT_NE(far[0], values[0]) << "the upper half of the index counts";
}

TEST(InitializerTest, UniformFillsItsIntervalEvenly) {
  const std::vector<float> values = Draw("uniform { low: -0.5 high: 1.5 }", kDraws);
  const Moments moments = MomentsOf(values);
  EXPECT_NEAR(moments.mean, 0.5, 0.005);
  EXPECT_NEAR(moments.stddev, 2 / std::sqrt(12.0), 0.003);
  EXPECT_NEAR(moments.kurtosis, 1.8, 0.02);
  EXPECT_GE(moments.least, -0.5f);
  EXPECT_LT(moments.least, -0.4999f);
  EXPECT_LT(moments.most, 1.5f);
  EXPECT_GT(moments.most, 1.4999f);
}

TEST(InitializerTest, UniformNeverGivesItsUpperEnd) {
  // Only four floats in the interval, so that rounding would reach it often.
  const std::vector<float> values = Draw("uniform { low: 16777216 high: 16777224 }", 1000);
  EXPECT_EQ(MomentsOf(values).least, 16777216.0f);
  EXPECT_EQ(MomentsOf(values).most, 16777222.0f);
}

TEST(InitializerTest, NormalHasItsMomentsAndTails) {
  const std::vector<float> values = Draw("normal { mean: 3 stddev: 2 }", kDraws);
  const Moments moments = MomentsOf(values);
  EXPECT_NEAR(moments.mean, 3, 0.013);
  EXPECT_NEAR(moments.stddev, 2, 0.01);
  EXPECT_NEAR(moments.kurtosis, 3, 0.04);
  for (const auto& [deviations, share] : {std::pair(1.0, 0.317311), std::pair(2.0, 0.045500), std::pair(3.0, 0.0027)}) {
    const double outside = static_cast<double>(
        std::count_if(values.begin(), values.end(), [d = deviations](float v) { return std::abs(v - 3) > 2 * d; }));
    EXPECT_NEAR(outside / kDraws, share, 5 * std::sqrt(share / kDraws)) << deviations;
  }
}

TEST(InitializerTest, NeighboursAreNotCorrelated) {
  const std::vector<float> values = Draw("normal { stddev: 1 }", kDraws);
  for (const size_t lag : {1, 2, 4, 256}) {
    double product = 0;
    for (size_t i = lag; i < values.size(); ++i) product += double{values[i]} * values[i - lag];
    EXPECT_NEAR(product / kDraws, 0, 0.008) << lag;
  }
}

TEST(InitializerTest, TruncatedNormalIsTensorFlows) {
  const std::vector<float> values = Draw("truncated_normal { mean: 1 stddev: 0.5 }", kDraws);
  const Moments moments = MomentsOf(values);
  EXPECT_GE(moments.least, 0.0f);
  EXPECT_LE(moments.most, 2.0f);
  EXPECT_LT(moments.least, 0.001f);
  EXPECT_NEAR(moments.mean, 1, 0.003);
  EXPECT_NEAR(moments.stddev, 0.5 * 0.87962566, 0.002);
  // A normal distribution scaled to those that are left: within one deviation lie 0.682689 / 0.954500.
  const double inside =
      static_cast<double>(std::count_if(values.begin(), values.end(), [](float v) { return std::abs(v - 1) < 0.5f; }));
  EXPECT_NEAR(inside / kDraws, 0.682689 / 0.954500, 0.004);
}

TEST(InitializerTest, GlorotAndHeScaleByTheFans) {
  const Shape dense{300, 200};     // 300 inputs, 200 outputs
  const Shape conv{5, 5, 64, 32};  // 1600 inputs, 800 outputs
  const double third = std::sqrt(3.0);
  EXPECT_NEAR(MomentsOf(Draw("glorot_uniform {}", kDraws, dense)).stddev, std::sqrt(2.0 / 500), 0.0003);
  EXPECT_NEAR(MomentsOf(Draw("glorot_uniform {}", kDraws, dense)).most, std::sqrt(6.0 / 500), 0.0001);
  EXPECT_NEAR(MomentsOf(Draw("glorot_normal {}", kDraws, dense)).stddev, std::sqrt(2.0 / 500), 0.0003);
  EXPECT_NEAR(MomentsOf(Draw("he_uniform {}", kDraws, dense)).most, third * std::sqrt(2.0 / 300), 0.0001);
  EXPECT_NEAR(MomentsOf(Draw("he_normal {}", kDraws, conv)).stddev, std::sqrt(2.0 / 1600), 0.0002);
  EXPECT_NEAR(MomentsOf(Draw("glorot_normal {}", kDraws, conv)).stddev, std::sqrt(2.0 / 2400), 0.0002);
  EXPECT_NEAR(MomentsOf(Draw("he_normal {}", kDraws, Shape{50})).stddev, std::sqrt(2.0 / 50), 0.001);
  EXPECT_NEAR(MomentsOf(Draw("he_normal { fan_in: 8 gain: 3 }", kDraws, conv)).stddev, 1.5, 0.01);
  EXPECT_NEAR(MomentsOf(Draw("glorot_normal { fan_in: 8 fan_out: 24 }", kDraws, conv)).stddev, 0.25, 0.002);
}

TEST(InitializerTest, RefusesWhatHasNoSpreadOrIsNotFinite) {
  const auto error = [](const std::string& text) {
    return std::string(Initializer::Create(Parse(text), Shape{2, 2}, kSeed, "table").status().message());
  };
  EXPECT_THAT(error("constant { value: nan }"), HasSubstr("initializer.constant.value"));
  EXPECT_THAT(error("constant { value: 1e300 }"), HasSubstr("not a finite float"));
  EXPECT_THAT(error("uniform { low: 1 high: 1 }"), HasSubstr("low 1 must be below high 1"));
  EXPECT_THAT(error("uniform { low: 1 high: inf }"), HasSubstr("initializer.uniform.high"));
  EXPECT_THAT(error("normal {}"), HasSubstr("initializer.normal.stddev: 0 must be above 0"));
  EXPECT_THAT(error("normal { stddev: -1 }"), HasSubstr("must be above 0"));
  EXPECT_THAT(error("truncated_normal { stddev: nan }"), HasSubstr("initializer.truncated_normal.stddev"));
  EXPECT_THAT(error("truncated_normal { mean: -inf stddev: 1 }"), HasSubstr("initializer.truncated_normal.mean"));
  EXPECT_THAT(error("he_normal { fan_in: 0 }"), HasSubstr("the fan is 0"));
  EXPECT_THAT(error("glorot_uniform { gain: 0 }"), HasSubstr("initializer.glorot_uniform.gain"));
}

}  // namespace
}  // namespace downpour
