#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "worker/data/augment.h"
#include "worker/data/batch_maker.h"
#include "worker/data/dataset.h"
#include "worker/data/synthetic_images.h"
#include "worker/train/job_data.h"
#include "worker/train/job_data_fixture.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using testing::ClassifierOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::JobDataTest;
using testing::MakeBatch;
using ::testing::StartsWith;

class JobImagesTest : public JobDataTest {};

constexpr char kAugmented[] = R"(seed: 7
data {
  synthetic_images { height: 12 width: 14 channels: 3 train_examples: 50 test_examples: 9 }
  augmentation { pad: 1 flip: true brightness_delta: 30 contrast_low: 0.5 contrast_high: 1.5 }
}
)";

// What the job above comes to, by the parts that it is made of.
std::vector<float> Expected(Split split, ImageBatchMaker::Mode mode, const BatchRequest& request) {
  const SyntheticImagesOptions images = {
      .schema = {.height = 12, .width = 14, .channels = 3, .layout = PixelLayout::kPlanar, .classes = 10},
      .examples = 50,
      .seed = 7};
  const auto dataset = MakeSyntheticImages(images, split);
  const auto augmenter = Augmenter::Create((*dataset)->schema(),
                                           {.crop_height = 8,
                                            .crop_width = 9,
                                            .pad = 1,
                                            .flip = true,
                                            .brightness_delta = 30,
                                            .contrast_low = 0.5,
                                            .contrast_high = 1.5},
                                           7);
  ImageBatch batch;
  EXPECT_TRUE(ImageBatchMaker::Create(dataset->get(), *augmenter, mode)->Make(request, &batch).ok());
  return {batch.images().begin(), batch.images().end()};
}

TEST_F(JobImagesTest, TrainingImagesAreAugmentedAndThoseThatJudgeAreCroppedInTheMiddle) {
  const absl::StatusOr<JobData> data = Open(ClassifierOf("[8, 9, 3]") + kAugmented);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train->size(), 50u);
  EXPECT_EQ(data->test->size(), 9u);
  EXPECT_EQ(data->validation, nullptr);
  EXPECT_EQ(data->description, "synthetic images: 50 to train on, 9 to test by, made from seed 7");
  EXPECT_THAT(data->notes, IsEmpty());
  const BatchRequest request = {.epoch = 3, .indices = {4, 8, 0}};
  EXPECT_EQ(MakeBatch(*data->train, request, 8 * 9 * 3).examples,
            Expected(Split::kTrain, ImageBatchMaker::Mode::kTrain, request));
  EXPECT_EQ(MakeBatch(*data->test, request, 8 * 9 * 3).examples,
            Expected(Split::kTest, ImageBatchMaker::Mode::kEvaluate, request));
}

TEST_F(JobImagesTest, ExamplesHeldBackForValidationAreTheLastOnesAndAreNotTrainedOn) {
  const absl::StatusOr<JobData> whole = Open(ClassifierOf("[8, 9, 3]") + kAugmented);
  ASSERT_TRUE(whole.ok());
  std::string job = ClassifierOf("[8, 9, 3]") + kAugmented;
  job.insert(job.find("data {") + 6, " validation_examples: 12");
  const absl::StatusOr<JobData> split = Open(job);
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(split->train->size(), 38u);
  EXPECT_EQ(split->validation->size(), 12u);
  EXPECT_EQ(split->description, "synthetic images: 38 to train on, 12 to validate by, 9 to test by, made from seed 7");
  const BatchRequest last = {.indices = {11, 0}}, same = {.indices = {49, 38}};
  EXPECT_EQ(MakeBatch(*split->validation, last, 216).examples,
            Expected(Split::kTrain, ImageBatchMaker::Mode::kEvaluate, same))
      << "as they are, not augmented";
  EXPECT_EQ(MakeBatch(*split->validation, last, 216).classes, MakeBatch(*whole->train, same, 216).classes);
  HostBatch batch;
  EXPECT_EQ(split->train->Make({.indices = {38}}, &batch).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(split->validation->Make({.indices = {12}}, &batch).code(), absl::StatusCode::kOutOfRange);
}

TEST_F(JobImagesTest, AllHeldBackIsRefused) {
  EXPECT_THAT(
      ErrorOf(ClassifierOf("[4, 4, 1]") +
              "data {\n synthetic_images { height: 4 width: 4 train_examples: 50 }\n validation_examples: 50 }"),
      StartsWith("my.textproto:10:2: data.validation_examples: is 50, and there are 50"));
}

TEST_F(JobImagesTest, ABatchIsMadeInTheMemoryThatWasThere) {
  const absl::StatusOr<JobData> data = Open(ClassifierOf("[8, 9, 3]") + kAugmented);
  ASSERT_TRUE(data.ok());
  HostBatch batch;
  ASSERT_TRUE(data->train->Make({.indices = {1, 2, 3}}, &batch).ok());
  const std::byte* const examples = batch.examples.data();
  const std::byte* const labels = batch.labels.data();
  ASSERT_TRUE(data->train->Make({.indices = {4, 5}}, &batch).ok());
  EXPECT_EQ(batch.size, 2);
  EXPECT_EQ(batch.examples.data(), examples);
  EXPECT_EQ(batch.labels.data(), labels);
}

TEST_F(JobImagesTest, ImagesThatDoNotFitTheModelAreRefusedWithWhatToChange) {
  const auto error = [&](const std::string& shape, const std::string& augmentation) {
    return ErrorOf(ClassifierOf(shape) + "data {\n synthetic_images {}\n augmentation { " + augmentation + " } }\n");
  };
  EXPECT_EQ(error("[24, 24, 3]", ""),
            "my.textproto:9:2: data.synthetic_images: synthetic images has images of [28, 28, 1] (height, width, "
            "channels), and the model's input \"x\" takes [24, 24, 3]: take data with 3 channels, or change the input "
            "to shape: [24, 24, 1]");
  EXPECT_EQ(error("[33, 32, 1]", "pad: 2"),
            "my.textproto:9:2: data.synthetic_images: synthetic images has images of [28, 28, 1] (height, width, "
            "channels), and the model's input \"x\" takes [33, 32, 1]: give augmentation { pad: 3 }, or change the "
            "input to shape: [28, 28, 1]");
  EXPECT_THAT(error("[24, 24, 1]", "crop_height: 20"),
              AllOf(StartsWith("my.textproto:10:17: data.augmentation.crop_height: crops are [20, 24, 1]"),
                    HasSubstr("leave the size of the crop out, or change the input to shape: [20, 24, 1]")));
  EXPECT_THAT(error("[24, 24, 1]", "crop_width: 0"), StartsWith("my.textproto:10:17: data.augmentation.crop_width: "));
  EXPECT_THAT(error("100", ""), HasSubstr("change the input to shape: [28, 28, 1]"));
  EXPECT_THAT(error("[20000, 1, 1]", ""), HasSubstr("takes [20000, 1, 1]: change the input to shape: [28, 28, 1]"));
  EXPECT_EQ(error("[32, 32, 1]", "pad: 2"), "no error");
  EXPECT_EQ(error("784", ""), "no error") << "a vector of as many numbers takes the images as they are";
  EXPECT_EQ(error("16", "crop_height: 4 crop_width: 4"), "no error");
}

TEST_F(JobImagesTest, MoreClassesThanTheModelTellsApartAreRefused) {
  EXPECT_EQ(ErrorOf(ClassifierOf("[28, 28, 1]", 9) + "data {\n synthetic_images {}\n}\n"),
            "my.textproto:9:2: data.synthetic_images: synthetic images has 10 classes, and loss \"loss\" of the model "
            "takes 9: let its input \"logits\" have 10 numbers, or take data with fewer classes");
  EXPECT_EQ(ErrorOf(ClassifierOf("[28, 28, 1]", 11) + "data { synthetic_images {} }"), "no error");
}

TEST_F(JobImagesTest, LabelsAreNumbersForAModelThatTakesNumbers) {
  const std::string data = "data { synthetic_images { height: 3 width: 3 classes: 2 } }";
  const absl::StatusOr<JobData> numbers = Open(testing::RegressionOf(9, "sigmoid_cross_entropy") + data);
  const absl::StatusOr<JobData> classes = Open(ClassifierOf("9", 2) + data);
  ASSERT_TRUE(numbers.ok() && classes.ok()) << numbers.status() << classes.status();
  const BatchRequest request = {.indices = {0, 1, 2, 3, 4, 5, 6, 7}};
  const std::vector<float> targets = MakeBatch(*numbers->train, request, 9).targets;
  const std::vector<int32_t> labels = MakeBatch(*classes->train, request, 9).classes;
  EXPECT_EQ(targets, std::vector<float>(labels.begin(), labels.end()));
  EXPECT_THAT(
      ErrorOf(testing::RegressionOf(9, "sigmoid_cross_entropy") + "data { synthetic_images { height: 3 width: 3 } }"),
      HasSubstr("has 10 classes, and loss \"loss\" of the model takes two"));
}

}  // namespace
}  // namespace downpour
